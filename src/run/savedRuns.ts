import { BadInputError } from '../base/errors.ts';
import { ModelFileError, type ByteSource } from '../files/formats/byteSource.ts';
import { textChecksum } from '../files/formats/checksum.ts';
import { readSavedRunMetadata } from '../files/formats/savedRun.ts';
import {
  freeBytes,
  isQuotaError,
  readJsonFile,
  StorageFullError,
  StoreRefusedError,
  writeJsonFile,
  type FileStore,
} from '../files/store/fileStore.ts';

/** A run in this browser's storage. */
export interface SavedRunView {
  readonly id: string;
  readonly name: string;
  readonly step: number;
  readonly savedAt: number;
  readonly bytes: number;
}

/** Written last: names the file that counts, so that a save that is cut off leaves the one before. */
const CURRENT = 'current.json';
const RUN_FILE = /^step-\d+-(\d+)\.safetensors$/;

/** What current.json holds, besides a checksum of it. */
interface Note extends Omit<SavedRunView, 'id'> {
  readonly file: string;
}

/** Runs in a browser's storage: a folder each, with the newest state and a note of what it is. */
export class SavedRuns {
  #store: Promise<FileStore> | undefined;

  constructor(private readonly open: (() => Promise<FileStore>) | undefined) {}

  /** The newest first. Empty where nothing can be stored. */
  async list(): Promise<SavedRunView[]> {
    const store = await this.#ready().catch(() => undefined);
    if (!store) return [];
    const runs: SavedRunView[] = [];
    for (const folder of await store.folders()) {
      const note = await findNote(store, folder);
      if (note) runs.push(viewOf(folder, note));
    }
    return runs.sort((a, b) => b.savedAt - a.savedAt);
  }

  /** @returns the run as it is listed. @throws StorageFullError, StoreRefusedError; what was saved before stays. */
  async save(
    id: string,
    { name, step }: { name: string; step: number },
    chunks: readonly Uint8Array[],
    now = Date.now(),
  ): Promise<SavedRunView> {
    const store = await this.#ready();
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const file = `step-${step}-${now}.safetensors`;
    const free = freeBytes(await store.estimate());
    if (free !== undefined && bytes > free) throw full(bytes, free);
    try {
      const writer = await store.writer(id, file, 0);
      try {
        for (const chunk of chunks) await writer.write(chunk);
      } finally {
        await writer.close();
      }
      const note: Note = { file, name, step, savedAt: now, bytes };
      await writeNote(store, id, note);
    } catch (cause) {
      await store.deleteFile(id, file).catch(() => undefined);
      throw isQuotaError(cause) ? full(bytes, undefined, cause) : cause;
    }
    for (const old of await store.files(id))
      if (old.name !== file && old.name !== CURRENT) await store.deleteFile(id, old.name);
    return viewOf(id, { file, name, step, savedAt: now, bytes });
  }

  /** What a run is called from now on. @throws ModelFileError when it is not there any more; StoreRefusedError. */
  async rename(id: string, name: string): Promise<void> {
    const store = await this.#ready();
    const note = await findNote(store, id);
    if (!note) throw notThere();
    await writeNote(store, id, { ...note, name });
  }

  /** A run and its file. @throws ModelFileError when it is not there any more. */
  async find(id: string): Promise<{ readonly view: SavedRunView; readonly source: ByteSource }> {
    const store = await this.#ready();
    const note = await findNote(store, id);
    const source = note && (await store.open(id, note.file));
    if (!source) throw notThere();
    return { view: viewOf(id, note), source };
  }

  async delete(id: string): Promise<void> {
    const store = await this.#ready();
    await store.deleteFile(id, CURRENT);
    await store.deleteFolder(id);
  }

  #ready(): Promise<FileStore> {
    if (!this.open)
      return Promise.reject(new StoreRefusedError('Nothing can be stored here. Download the run instead.'));
    return (this.#store ??= this.open().catch((cause: unknown) => {
      this.#store = undefined;
      throw cause;
    }));
  }
}

/** Random enough that no two tabs give their runs the same one. */
export function newRunId(): string {
  const random = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return `run-${Date.now()}-${random.toString(16)}`;
}

function viewOf(id: string, { name, step, savedAt, bytes }: Note): SavedRunView {
  return { id, name, step, savedAt, bytes };
}

function notThere(): ModelFileError {
  return new ModelFileError(
    'This run is not in the browser’s storage any more: another tab may have deleted it, or it was cleared.',
  );
}

/** The note of a run, or where that is damaged or gone, what the newest of its files says of itself. */
async function findNote(store: FileStore, id: string): Promise<Note | undefined> {
  const files = await store.files(id);
  const note = await readNote(store, id);
  if (note && files.some(({ name, size }) => name === note.file && size === note.bytes)) return note;
  const savedAt = (name: string) => Number(RUN_FILE.exec(name)?.[1]);
  const runs = files.filter(({ name }) => RUN_FILE.test(name)).sort((a, b) => savedAt(b.name) - savedAt(a.name));
  for (const { name: file, size: bytes } of runs) {
    const source = await store.open(id, file);
    const found = source && (await readSavedRunMetadata(source).catch(unlessRefused));
    if (found)
      return { file, bytes, savedAt: savedAt(file), step: found.step, name: found.metadata['title'] ?? 'A saved run' };
  }
  return undefined;
}

async function readNote(store: FileStore, id: string): Promise<Note | undefined> {
  const fields = ((await readJsonFile(store, id, CURRENT)) ?? {}) as Record<string, unknown>;
  const { file, name, step, savedAt, bytes, checksum } = fields;
  if (typeof file !== 'string' || typeof name !== 'string') return undefined;
  if (typeof step !== 'number' || typeof savedAt !== 'number' || typeof bytes !== 'number') return undefined;
  const note: Note = { file, name, step, savedAt, bytes };
  // Notes of older versions have none.
  if (checksum !== undefined && checksum !== (await noteChecksum(note))) return undefined;
  return note;
}

async function writeNote(store: FileStore, id: string, note: Note): Promise<void> {
  await writeJsonFile(store, id, CURRENT, { ...note, checksum: await noteChecksum(note) });
}

function noteChecksum({ file, name, step, savedAt, bytes }: Note): Promise<string> {
  return textChecksum(JSON.stringify([file, name, step, savedAt, bytes]));
}

function unlessRefused(cause: unknown): undefined {
  if (!(cause instanceof BadInputError)) throw cause;
}

function full(needed: number, free: number | undefined, cause?: unknown): StorageFullError {
  return new StorageFullError(
    'The saved run',
    needed,
    free,
    'The run goes on, and what was saved before is kept. Delete stored models or runs, or download the run.',
    { cause },
  );
}
