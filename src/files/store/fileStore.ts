import { StorageError } from '../../base/errors.ts';
import type { ByteSource } from '../formats/byteSource.ts';
import { byteText } from '../formats/byteText.ts';

export interface StoredFile {
  readonly name: string;
  readonly size: number;
}

/** Appends to one file, which nobody else may write meanwhile. */
export interface FileWriter {
  /** Resolves when the bytes are handed over. @throws what isQuotaError() recognises, when the storage is full */
  write(bytes: Uint8Array): Promise<void>;
  /** Cuts the file; writing goes on at its new end. */
  truncate(size: number): Promise<void>;
  /** Everything written before is kept, whatever happens later. */
  close(): Promise<void>;
}

export interface StorageEstimate {
  /** Bytes; undefined where the browser does not say. */
  readonly usage: number | undefined;
  readonly quota: number | undefined;
}

/** Folders of files, one level deep. Names are plain: no slashes. */
export interface FileStore {
  folders(): Promise<string[]>;
  /** Empty when there is no such folder. */
  files(folder: string): Promise<StoredFile[]>;
  open(folder: string, name: string): Promise<ByteSource | undefined>;
  /**
   * Creates folder and file where needed, and cuts the file to `size` bytes.
   * @throws StoreBusyError when somebody else writes the file.
   */
  writer(folder: string, name: string, size: number): Promise<FileWriter>;
  /** No error when there is none. @throws StoreBusyError */
  deleteFile(folder: string, name: string): Promise<void>;
  deleteFolder(folder: string): Promise<void>;
  estimate(): Promise<StorageEstimate>;
}

/** The browser lets this page store nothing. */
export class StoreRefusedError extends StorageError {
  override readonly name = 'StoreRefusedError';
}

/** Another tab or task uses a file. */
export class StoreBusyError extends StorageError {
  override readonly name = 'StoreBusyError';
}

/** Not enough room for what was to be stored. */
export class StorageFullError extends StorageError {
  override readonly name = 'StorageFullError';
  constructor(
    what: string,
    /** Bytes still to be written. */
    readonly neededBytes: number,
    /** Bytes that the browser leaves; undefined where it does not say. */
    readonly freeBytes: number | undefined,
    advice: string,
    options?: ErrorOptions,
  ) {
    const room = freeBytes === undefined ? 'the storage is full' : `only ${byteText(freeBytes)} are free`;
    super(`${what} needs ${byteText(neededBytes)} of storage, but ${room}. ${advice}`, options);
  }
}

/** Whether a write failed because the storage is full. */
export function isQuotaError(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'QuotaExceededError';
}

export function freeBytes({ usage, quota }: StorageEstimate): number | undefined {
  return quota === undefined ? undefined : Math.max(0, quota - (usage ?? 0));
}

/** A small JSON file, written as a whole. Cut off in the middle it is no JSON, so that readJsonFile() finds nothing. */
export async function writeJsonFile(store: FileStore, folder: string, name: string, value: object): Promise<void> {
  const writer = await store.writer(folder, name, 0);
  try {
    await writer.write(new TextEncoder().encode(JSON.stringify(value)));
  } finally {
    await writer.close();
  }
}

/** Undefined when there is none, or it is not whole. */
export async function readJsonFile(store: FileStore, folder: string, name: string): Promise<unknown> {
  const source = await store.open(folder, name);
  if (!source) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(await source.read(0, source.size)));
  } catch {
    return undefined;
  }
}
