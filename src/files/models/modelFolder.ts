import { blobSource, ModelFileError, readJson, type FileLookup } from '../formats/byteSource.ts';
import { realClock, type Clock } from '../hub/clock.ts';
import { ContentHash } from '../formats/contentHash.ts';
import { freeBytes, isQuotaError, StorageFullError, type FileStore } from '../store/fileStore.ts';
import { MODEL_FILES, SINGLE_WEIGHTS, shardsOf, WEIGHTS_INDEX } from './modelFiles.ts';
import { chooseFolder, type LocalFile } from './chooseFolder.ts';
import { ggufFolder } from './gguf/ggufFolder.ts';
import { transformerPrefix } from './sentenceTransformers.ts';
import { ProgressMeter, type DownloadProgress } from '../hub/progress.ts';
import {
  deleteModel,
  describeStored,
  folderOf,
  modelId,
  readManifest,
  writeManifest,
  writeDownloadList,
  type KeptFile,
  type ModelOrigin,
  type StoredModel,
} from '../store/storedModels.ts';

/** A model among local files. */
export interface LocalModel {
  /** The folder's name, or '' for files that were chosen one by one. */
  readonly name: string;
  readonly files: FileLookup;
  /** The files that belong to the model. */
  readonly members: readonly { readonly name: string; readonly blob: Blob }[];
  readonly totalBytes: number;
}

/**
 * The model among files that were dropped: single files, a folder, or a folder with the model's folder in it.
 * @throws ModelFileError that lists what is missing, or what is there twice.
 */
export async function localFolder(files: readonly LocalFile[]): Promise<LocalModel> {
  const packed = await packedModel(files);
  if (packed) return packed;
  const { name, blobs } = chooseFolder(files);
  const within: FileLookup = (path) => {
    const blob = blobs.get(path);
    return Promise.resolve(blob && blobSource(path, blob));
  };
  const prefix = await transformerPrefix(within);
  const blobOf = (file: string): Blob | undefined => blobs.get(prefix + file) ?? blobs.get(file);
  const lookup: FileLookup = (file) => {
    const blob = blobOf(file);
    return Promise.resolve(blob && blobSource(file, blob));
  };
  const missing = MODEL_FILES.filter((file) => file.required && !blobOf(file.name)).map(
    (file) => `${file.name} (${file.purpose})`,
  );
  const weights = await weightNames(lookup);
  if (weights.length === 0) missing.push(`${SINGLE_WEIGHTS}, or ${WEIGHTS_INDEX} with the files that it names`);
  missing.push(...weights.filter((file) => !blobOf(file)).map((file) => `${file}, which ${WEIGHTS_INDEX} names`));
  if (missing.length > 0) throw new ModelFileError(`${missingText(missing)} ${foundText([...blobs.keys()])}`);
  const wanted = [...MODEL_FILES.map((file) => file.name), ...weights];
  const members = wanted.flatMap((file) => {
    const blob = blobOf(file);
    return blob ? [{ name: file, blob }] : [];
  });
  return { name, files: lookup, members, totalBytes: members.reduce((sum, { blob }) => sum + blob.size, 0) };
}

/** The GGUF file among files that are no folder of a model. @throws ModelFileError where there are several, GgufError */
async function packedModel(files: readonly LocalFile[]): Promise<LocalModel | undefined> {
  const named = files.map(({ path, blob }) => ({ name: path.split('/').at(-1) ?? '', blob }));
  const found = named.filter(({ name }) => name.toLowerCase().endsWith('.gguf'));
  const [first, ...others] = found;
  if (!first || named.some(({ name }) => name.endsWith('.safetensors'))) return undefined;
  if (others.length > 0)
    throw new ModelFileError(
      `These are ${found.length} models, each in a GGUF file of its own: ${found
        .map(({ name }) => name)
        .slice(0, 8)
        .join(', ')}. Drop one of them.`,
    );
  return {
    name: first.name.replace(/\.gguf$/i, ''),
    files: await ggufFolder(blobSource(first.name, first.blob)),
    members: [first],
    totalBytes: first.blob.size,
  };
}

/** The files that hold the weights, with their index where there is one; empty when there are none. */
async function weightNames(files: FileLookup): Promise<string[]> {
  if (await files(SINGLE_WEIGHTS)) return [SINGLE_WEIGHTS];
  if (!(await files(WEIGHTS_INDEX))) return [];
  return [WEIGHTS_INDEX, ...shardsOf(await readJson(files, WEIGHTS_INDEX))];
}

function missingText(missing: readonly string[]): string {
  return `This is no complete model: there is no ${missing.slice(0, 5).join('; no ')}${missing.length > 5 ? `; and ${missing.length - 5} more are missing` : ''}.`;
}

function foundText(names: readonly string[]): string {
  if (names.length === 0)
    return 'There were no files at all. Drop the folder of a model, or all of its files together.';
  const shown = names.slice(0, 8).join(', ') + (names.length > 8 ? ', …' : '');
  return `Found: ${shown}. Drop the whole folder of a model in the Hugging Face format, all of its files together, or a GGUF file.`;
}

export interface ImportOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly clock?: Clock;
  readonly today?: () => Date;
}

/** Bytes of a local file in memory at a time. */
const PIECE = 4 * 2 ** 20;

/**
 * Copies a local model into the store. It is there as a whole or not at all: what fails or is stopped leaves nothing
 * behind, and a complete model of the same name stays beside it.
 * @throws ModelFileError, StorageFullError, StoreBusyError, the signal's reason
 */
export async function importFolder(
  store: FileStore,
  name: string,
  files: readonly LocalFile[],
  { signal, onProgress = () => undefined, clock = realClock, today = () => new Date() }: ImportOptions = {},
): Promise<StoredModel> {
  signal?.throwIfAborted();
  const model = await localFolder(files);
  const free = freeBytes(await store.estimate());
  const advice = 'Delete stored models that you no longer need, or free some of the disk. Nothing was stored.';
  if (free !== undefined && model.totalBytes > free) throw new StorageFullError(name, model.totalBytes, free, advice);
  const origin = await freeName(store, name);
  const id = modelId(origin);
  const meter = new ProgressMeter(model.totalBytes, 0, clock, onProgress);
  try {
    const sizes = model.members.map(({ name: file, blob }) => ({ name: file, size: blob.size }));
    await writeDownloadList(store, id, { origin, files: sizes, date: today().toISOString() });
    const kept: KeptFile[] = [];
    for (const { name: file, blob } of model.members) {
      meter.set('copying', file);
      const hash = await copy(store, folderOf(id), file, blob, meter, signal);
      kept.push({ name: file, size: blob.size, hash, verified: false });
    }
    await writeManifest(store, id, { origin, files: kept, date: today().toISOString() });
    meter.set('complete', kept.at(-1)?.name ?? '');
    return await describeStored(store, id);
  } catch (cause) {
    await deleteModel(store, id);
    if (isQuotaError(cause)) throw new StorageFullError(name, model.totalBytes, undefined, advice, { cause });
    throw cause;
  }
}

/** A name under which no complete model is stored; what an import that was cut off left under it is deleted. */
async function freeName(store: FileStore, name: string): Promise<ModelOrigin> {
  const plain =
    name
      .replace(/[^\p{L}\p{N}._ -]+/gu, ' ')
      .trim()
      .slice(0, 40)
      .trim() || 'model';
  for (let number = 1; ; number++) {
    const origin: ModelOrigin = { kind: 'local', name: number === 1 ? plain : `${plain} (${number})` };
    if (await readManifest(store, modelId(origin))) continue;
    await deleteModel(store, modelId(origin));
    return origin;
  }
}

async function copy(
  store: FileStore,
  folder: string,
  name: string,
  blob: Blob,
  meter: ProgressMeter,
  signal: AbortSignal | undefined,
) {
  const hash = new ContentHash('sha256', blob.size);
  const source = blobSource(name, blob);
  const writer = await store.writer(folder, name, 0);
  try {
    for (let at = 0; at < blob.size; at += PIECE) {
      signal?.throwIfAborted();
      const bytes = await readPiece(source.name, () => source.read(at, Math.min(at + PIECE, blob.size)));
      await writer.write(bytes);
      hash.update(bytes);
      meter.add(bytes.length);
    }
  } finally {
    await writer.close();
  }
  return hash.finish();
}

async function readPiece(name: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await read();
  } catch (cause) {
    throw new ModelFileError(
      `${name} can no longer be read (${cause instanceof Error ? cause.message : String(cause)}): it was moved or changed. Choose the folder again.`,
    );
  }
}
