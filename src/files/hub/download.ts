import { realClock } from './clock.ts';
import { freeBytes, isQuotaError, StorageFullError, type FileStore } from '../store/fileStore.ts';
import { realmFetch } from './hub.ts';
import { ProgressMeter, type DownloadProgress } from './progress.ts';
import { pinned, type HubOptions, type RepositoryDescription } from './repository.ts';
import {
  describeStored,
  folderOf,
  modelFilesOf,
  modelId,
  originOf,
  readManifest,
  readDownloadList,
  sameFile,
  withdrawManifest,
  writeManifest,
  writeDownloadList,
  type KeptFile,
  type WantedFile,
  type StoredModel,
} from '../store/storedModels.ts';
import { transferFile, type Transfer } from './transfer.ts';

export interface DownloadOptions extends HubOptions {
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** The date for the records; tests give their own. */
  readonly today?: () => Date;
}

/**
 * Downloads a model into the store, going on where an earlier download of the same commit stopped: in this tab, in another,
 * before a crash. Files come one after another, a piece at a time. To pause, abort the signal: the promise rejects with its
 * reason, and what has arrived stays. Only when all files are there and verified does the model count as stored.
 * @throws StorageFullError before anything is written, when there is no room, or in the middle; what has arrived stays
 * @throws HubError, DownloadError, StoreBusyError, the signal's reason
 */
export async function downloadModel(
  description: RepositoryDescription,
  store: FileStore,
  options: DownloadOptions = {},
): Promise<StoredModel> {
  const {
    fetch = realmFetch,
    clock = realClock,
    signal,
    onProgress = () => undefined,
    today = () => new Date(),
  } = options;
  signal?.throwIfAborted();
  const origin = originOf(description);
  const id = modelId(origin);
  const complete = await readManifest(store, id);
  if (complete && matches(complete.files, description)) return describeStored(store, id);

  const earlier = await readDownloadList(store, id);
  let list = { origin, files: await dropStale(store, id, description), date: earlier?.date ?? today().toISOString() };
  const stored = await storedBytes(store, id, description);
  await requireRoom(store, description, description.totalBytes - stored);
  const meter = new ProgressMeter(description.totalBytes, stored, clock, onProgress);
  try {
    // Written only when it says something new: were it cut off, what is there could not be used.
    if (JSON.stringify(list) !== JSON.stringify(earlier)) await writeDownloadList(store, id, list);
    const transfer: Transfer = {
      store,
      folder: folderOf(id),
      address: pinned(description),
      fetch,
      clock,
      signal,
      meter,
      rememberEtag: async (name, etag) => {
        list = { ...list, files: list.files.map((file) => (file.name === name ? { ...file, etag } : file)) };
        await writeDownloadList(store, id, list);
      },
    };
    const kept: KeptFile[] = [];
    for (const file of list.files) {
      signal?.throwIfAborted();
      const hash = await transferFile(transfer, file);
      kept.push({ name: file.name, size: file.size, hash, verified: file.hash !== undefined });
    }
    await writeManifest(store, id, { origin, files: kept, date: today().toISOString() });
    meter.set('complete', kept.at(-1)?.name ?? '');
    return await describeStored(store, id);
  } catch (cause) {
    if (!isQuotaError(cause)) throw cause;
    const missing = description.totalBytes - (await storedBytes(store, id, description));
    throw await storageFull(store, description, missing, cause);
  }
}

/** Bytes that downloadModel() would still fetch and store: what to show before it starts. */
export async function missingBytes(description: RepositoryDescription, store: FileStore): Promise<number> {
  const id = modelId(originOf(description));
  const complete = await readManifest(store, id);
  if (complete && matches(complete.files, description)) return 0;
  const list = await readDownloadList(store, id);
  const files = description.files.filter((file) => list?.files.some((old) => sameFile(old, file)));
  return description.totalBytes - (await storedBytes(store, id, { ...description, files }));
}

function matches(kept: readonly KeptFile[], { files }: RepositoryDescription): boolean {
  // A server that gives no hashes cannot tell whether its files changed: the length has to do.
  const same = (file: RepositoryDescription['files'][number]) =>
    kept.some((one) => sameFile({ ...one, hash: file.hash && one.hash }, file));
  return kept.length === files.length && files.every(same);
}

/** Deletes what an earlier download left of other versions. @returns the files, with the versions of those that stay. */
async function dropStale(store: FileStore, id: string, { files }: RepositoryDescription): Promise<WantedFile[]> {
  await withdrawManifest(store, id);
  const old = (await readDownloadList(store, id))?.files ?? [];
  const before = (file: WantedFile) => old.find((one) => sameFile(one, file));
  for (const { name } of await modelFilesOf(store, id))
    if (!files.some((file) => file.name === name && before(file))) await store.deleteFile(folderOf(id), name);
  return files.map((file) => ({ ...file, etag: before(file)?.etag }));
}

async function storedBytes(store: FileStore, id: string, { files }: RepositoryDescription): Promise<number> {
  const sizes = new Map((await modelFilesOf(store, id)).map(({ name, size }) => [name, size]));
  return files.reduce((sum, { name, size }) => sum + Math.min(size, sizes.get(name) ?? 0), 0);
}

async function requireRoom(store: FileStore, description: RepositoryDescription, needed: number): Promise<void> {
  const free = freeBytes(await store.estimate());
  if (free !== undefined && needed > free) throw await storageFull(store, description, needed);
}

async function storageFull(
  store: FileStore,
  { repository }: RepositoryDescription,
  needed: number,
  cause?: unknown,
): Promise<StorageFullError> {
  const free = freeBytes(await store.estimate());
  const advice =
    'Delete stored models that you no longer need, or free some of the disk; then go on: what has arrived is kept.';
  // A full disk stops writes long before the quota that the browser states.
  const honest = cause !== undefined && free !== undefined && free >= needed ? undefined : free;
  return new StorageFullError(repository, needed, honest, advice, { cause });
}
