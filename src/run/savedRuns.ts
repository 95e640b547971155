import { ModelFileError, type ByteSource } from '../files/formats/byteSource.ts';
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
      const found = await readNote(store, folder);
      if (found) runs.push({ id: folder, ...found.note });
    }
    return runs.sort((a, b) => b.savedAt - a.savedAt);
  }

  /** @throws StorageFullError, StoreRefusedError; what was saved before stays. */
  async save(
    id: string,
    { name, step }: { name: string; step: number },
    chunks: readonly Uint8Array[],
    now = Date.now(),
  ): Promise<void> {
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
      await writeJsonFile(store, id, CURRENT, { file, name, step, savedAt: now, bytes });
    } catch (cause) {
      await store.deleteFile(id, file).catch(() => undefined);
      throw isQuotaError(cause) ? full(bytes, undefined, cause) : cause;
    }
    for (const old of await store.files(id))
      if (old.name !== file && old.name !== CURRENT) await store.deleteFile(id, old.name);
  }

  /** @throws ModelFileError when it is not there any more. */
  async read(id: string): Promise<ByteSource> {
    const store = await this.#ready();
    const found = await readNote(store, id);
    const source = found && (await store.open(id, found.file));
    if (!source)
      throw new ModelFileError('This run is not in the browser’s storage any more. It may have been cleared.');
    return source;
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

async function readNote(
  store: FileStore,
  id: string,
): Promise<{ file: string; note: Omit<SavedRunView, 'id'> } | undefined> {
  const { file, name, step, savedAt, bytes } = ((await readJsonFile(store, id, CURRENT)) ?? {}) as Record<
    string,
    unknown
  >;
  if (typeof file !== 'string' || typeof name !== 'string') return undefined;
  if (typeof step !== 'number' || typeof savedAt !== 'number' || typeof bytes !== 'number') return undefined;
  const there = (await store.files(id)).find((one) => one.name === file);
  return there?.size === bytes ? { file, note: { name, step, savedAt, bytes } } : undefined;
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
