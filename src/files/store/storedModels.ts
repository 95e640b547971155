import { ModelFileError, type FileLookup } from '../formats/byteSource.ts';
import { isFileHash, sameHash, type FileHash } from '../formats/contentHash.ts';
import { readJsonFile, writeJsonFile, type FileStore, type StoredFile } from './fileStore.ts';
import { pathOf } from '../hub/hub.ts';
import type { RemoteFile, RepositoryDescription } from '../hub/repository.ts';
import { ggufFolder } from '../models/gguf/ggufFolder.ts';

/** Written first: what a download is to bring. */
const LIST = 'download.json';
/** Written last: with it, and all files as long as it says, a model is complete. */
const MANIFEST = 'stored.json';

/** A file of a complete model. */
export interface KeptFile extends StoredFile {
  readonly hash: FileHash;
  /** Whether the hash was compared with one that the source gave, or only computed. */
  readonly verified: boolean;
}

/** Where a stored model comes from: a repository, or files that the user chose. */
export type ModelOrigin =
  | {
      readonly kind: 'hub';
      readonly base: string;
      readonly repository: string;
      readonly revision: string;
      readonly commit?: string | undefined;
      /** The one GGUF file that was taken of the repository. */
      readonly file?: string | undefined;
      /** The repository whose model it packs, where the hub said so. */
      readonly original?: string | undefined;
    }
  | { readonly kind: 'local'; readonly name: string };

export interface StoredModel {
  /** Name for openModel() and deleteModel(). */
  readonly id: string;
  /** Undefined when what is there tells nothing any more: it can only be deleted. */
  readonly origin: ModelOrigin | undefined;
  readonly state: 'complete' | 'partial';
  /** Bytes stored, and bytes when complete (where known). */
  readonly bytes: number;
  readonly totalBytes: number | undefined;
  /** When it was completed, or its download begun: ISO 8601. */
  readonly date: string | undefined;
  /** A partial download can go on: downloadModel(storedDescription(…)). */
  readonly resumable: boolean;
}

/** A file of a download list, with the version that an unhashed file had when its first bytes came. */
export interface WantedFile extends RemoteFile {
  readonly etag?: string | undefined;
}

/** What a download is to bring, or an import. */
export interface DownloadList {
  readonly origin: ModelOrigin;
  readonly files: readonly WantedFile[];
  readonly date: string;
}

export interface Manifest {
  readonly origin: ModelOrigin;
  readonly files: readonly KeptFile[];
  readonly date: string;
}

/** The id of a model, from its origin: a commit has its own, so that an update leaves the older one as it is. */
export function modelId(origin: ModelOrigin): string {
  if (origin.kind === 'local') return `local@${origin.name}`;
  return `${pathOf(origin)}@${origin.commit ?? origin.revision}`;
}

export function originOf(description: RepositoryDescription): ModelOrigin {
  const { base, repository, revision, commit, file, original } = description;
  const packed = file === undefined ? {} : { file, original };
  return { kind: 'hub', base, repository, revision, commit, ...packed };
}

/** Folders may have no slash in their names. */
export function folderOf(id: string): string {
  return encodeURIComponent(id);
}

export const writeDownloadList = (store: FileStore, id: string, list: DownloadList): Promise<void> =>
  writeJsonFile(store, folderOf(id), LIST, list);

/** The step that makes a model complete. */
export async function writeManifest(store: FileStore, id: string, manifest: Manifest): Promise<void> {
  await writeJsonFile(store, folderOf(id), MANIFEST, manifest);
  await store.deleteFile(folderOf(id), LIST);
}

/** The first step of anything that changes a model's files. */
export async function withdrawManifest(store: FileStore, id: string): Promise<void> {
  await store.deleteFile(folderOf(id), MANIFEST);
}

export async function readDownloadList(store: FileStore, id: string): Promise<DownloadList | undefined> {
  return parseRecord(await readJsonFile(store, folderOf(id), LIST), (file) => parseWanted(file));
}

/** Undefined unless the model is complete: the manifest is there, and every file is as long as it says. */
export async function readManifest(store: FileStore, id: string): Promise<Manifest | undefined> {
  const manifest = parseRecord(await readJsonFile(store, folderOf(id), MANIFEST), (file) => parseKept(file));
  if (!manifest) return undefined;
  const sizes = new Map((await store.files(folderOf(id))).map(({ name, size }) => [name, size]));
  return manifest.files.every(({ name, size }) => sizes.get(name) === size) ? manifest : undefined;
}

/** Files of a model's folder without the two records. */
export async function modelFilesOf(store: FileStore, id: string): Promise<StoredFile[]> {
  return (await store.files(folderOf(id))).filter(({ name }) => name !== LIST && name !== MANIFEST);
}

export function sameFile(a: RemoteFile, b: RemoteFile): boolean {
  return a.name === b.name && a.size === b.size && sameHash(a.hash, b.hash);
}

/** Everything stored, complete or not; the newest first. */
export async function listModels(store: FileStore): Promise<StoredModel[]> {
  const models: StoredModel[] = [];
  for (const folder of await store.folders()) {
    const id = idOf(folder);
    if (id !== undefined) models.push(await describeStored(store, id));
  }
  return models.sort((a, b) => (b.date ?? '').localeCompare(a.date ?? ''));
}

/** One entry of listModels(). */
export async function describeStored(store: FileStore, id: string): Promise<StoredModel> {
  const manifest = await readManifest(store, id);
  const record = manifest ?? (await readDownloadList(store, id));
  const bytes = (await modelFilesOf(store, id)).reduce((sum, { size }) => sum + size, 0);
  return {
    id,
    origin: record?.origin,
    state: manifest ? 'complete' : 'partial',
    bytes,
    totalBytes: record?.files.reduce((sum, { size }) => sum + size, 0),
    date: record?.date,
    resumable: !manifest && record?.origin.kind === 'hub',
  };
}

function idOf(folder: string): string | undefined {
  try {
    const id = decodeURIComponent(folder);
    return folderOf(id) === folder ? id : undefined;
  } catch {
    return undefined;
  }
}

/** What an interrupted download was to bring, to go on with it without asking the hub again. */
export async function storedDescription(store: FileStore, id: string): Promise<RepositoryDescription | undefined> {
  const list = await readDownloadList(store, id);
  if (list?.origin.kind !== 'hub') return undefined;
  const { base, repository, revision, commit, file, original } = list.origin;
  const totalBytes = list.files.reduce((sum, { size }) => sum + size, 0);
  return { base, repository, revision, commit, file, original, files: list.files, totalBytes, absent: [], packed: [] };
}

/** Opens a complete model: its files, or those that its GGUF file stands for. @throws ModelFileError, GgufError */
export async function openModel(store: FileStore, id: string): Promise<FileLookup> {
  const manifest = await readManifest(store, id);
  if (!manifest) {
    const { bytes } = await describeStored(store, id);
    throw new ModelFileError(
      bytes > 0
        ? `${id} is stored only in part. Go on with its download, or delete it.`
        : `${id} is not stored in this browser (it may have cleared its storage). Download it again.`,
    );
  }
  const names = new Set(manifest.files.map(({ name }) => name));
  const [only = ''] = names;
  const packed = names.size === 1 && /\.gguf$/i.test(only) ? await store.open(folderOf(id), only) : undefined;
  if (packed) return ggufFolder(packed, manifest.origin.kind === 'hub' ? manifest.origin.original : undefined);
  return async (name) => (names.has(name) ? store.open(folderOf(id), name) : undefined);
}

/** @throws StoreBusyError while it is downloaded or read in place. */
export async function deleteModel(store: FileStore, id: string): Promise<void> {
  // Should the browser be closed in the middle, what is left counts as partial.
  await withdrawManifest(store, id);
  await store.deleteFolder(folderOf(id));
}

function parseRecord<File extends StoredFile>(
  value: unknown,
  parseFile: (file: Record<string, unknown>) => File | undefined,
): { origin: ModelOrigin; files: File[]; date: string } | undefined {
  const { origin, files, date } = (value ?? {}) as Record<string, unknown>;
  const from = parseOrigin(origin);
  if (!from || !Array.isArray(files) || typeof date !== 'string') return undefined;
  const parsed = files.map((file) => parseFile((file ?? {}) as Record<string, unknown>));
  return parsed.every((file) => file !== undefined) ? { origin: from, files: parsed, date } : undefined;
}

function parseOrigin(value: unknown): ModelOrigin | undefined {
  const { kind, name, base, repository, revision, commit, file, original } = (value ?? {}) as Record<string, unknown>;
  if (kind === 'local') return typeof name === 'string' ? { kind, name } : undefined;
  const texts = typeof base === 'string' && typeof repository === 'string' && typeof revision === 'string';
  if (kind !== 'hub' || !texts) return undefined;
  const text = (given: unknown): string | undefined => (typeof given === 'string' ? given : undefined);
  const packed = file === undefined ? {} : { file: text(file), original: text(original) };
  return { kind, base, repository, revision, commit: text(commit), ...packed };
}

function parseWanted({ name, size, hash, etag }: Record<string, unknown>): WantedFile | undefined {
  if (typeof name !== 'string' || typeof size !== 'number') return undefined;
  return { name, size, hash: isFileHash(hash) ? hash : undefined, etag: typeof etag === 'string' ? etag : undefined };
}

function parseKept({ name, size, hash, verified }: Record<string, unknown>): KeptFile | undefined {
  if (typeof name !== 'string' || typeof size !== 'number' || !isFileHash(hash)) return undefined;
  return { name, size, hash, verified: verified === true };
}
