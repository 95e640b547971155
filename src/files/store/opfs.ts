import { blobSource } from '../formats/byteSource.ts';
import {
  StoreBusyError,
  StoreRefusedError,
  type FileStore,
  type FileWriter,
  type StorageEstimate,
  type StoredFile,
} from './fileStore.ts';

/**
 * Files in the origin private file system, under `directory` of its root. Fast in a worker, where files can be written in
 * place; elsewhere a file's new bytes are kept only when its writer is closed.
 * @throws StoreRefusedError where the browser has no such storage or refuses it (some private windows).
 */
export async function openBrowserStore(directory = 'models'): Promise<FileStore> {
  try {
    const root = await navigator.storage.getDirectory();
    return directoryStore(await root.getDirectoryHandle(directory, { create: true }));
  } catch (cause) {
    throw new StoreRefusedError(
      'This browser lets the page store no files (a private window may do that). A model can still be used from a dropped folder, for this visit.',
      { cause },
    );
  }
}

/** A store in any directory that the page may write. */
export function directoryStore(root: FileSystemDirectoryHandle): FileStore {
  const existing = (folder: string) => unlessMissing(() => root.getDirectoryHandle(folder));
  const remove = async (from: FileSystemDirectoryHandle | undefined, name: string) => {
    await unlessMissing(() => from?.removeEntry(name, { recursive: true }));
  };
  return {
    async folders() {
      const names: string[] = [];
      for await (const [name, handle] of root.entries()) if (handle.kind === 'directory') names.push(name);
      return names.sort();
    },
    async files(folder) {
      const found: StoredFile[] = [];
      const directory = await existing(folder);
      if (!directory) return found;
      for await (const [name, handle] of directory.entries())
        if (isFile(handle)) found.push({ name: fromDisk(name), size: (await handle.getFile()).size });
      return found.sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async open(folder, name) {
      const directory = await existing(folder);
      const handle = directory && (await unlessMissing(() => directory.getFileHandle(onDisk(name))));
      return handle && blobSource(name, await handle.getFile());
    },
    async writer(folder, name, size) {
      const directory = await root.getDirectoryHandle(folder, { create: true });
      const handle = await directory.getFileHandle(onDisk(name), { create: true });
      return unlessBusy(name, () =>
        'createSyncAccessHandle' in handle ? inPlace(handle, size) : copying(handle, size),
      );
    },
    async deleteFile(folder, name) {
      const directory = await existing(folder);
      await unlessBusy(name, () => remove(directory, onDisk(name)));
    },
    deleteFolder: (folder) => unlessBusy(folder, () => remove(root, folder)),
    estimate: storageEstimate,
  };
}

/** A directory's files have no slash in their names. */
const onDisk = (name: string): string => name.replaceAll('/', '%2F');
const fromDisk = (name: string): string => name.replaceAll('%2F', '/');

function isFile(handle: FileSystemHandle): handle is FileSystemFileHandle {
  return handle.kind === 'file';
}

/** Written so often, bytes survive a browser that is ended hard. */
const FLUSH_BYTES = 32 * 2 ** 20;

async function inPlace(handle: FileSystemFileHandle, size: number): Promise<FileWriter> {
  const access = await handle.createSyncAccessHandle();
  let position = size;
  let unflushed = 0;
  try {
    access.truncate(size);
  } catch (cause) {
    access.close();
    throw cause;
  }
  return {
    write(bytes) {
      for (let done = 0; done < bytes.length;) {
        const written = access.write(bytes.subarray(done), { at: position });
        // The standard lets a write stop early when there is no room for the rest.
        if (written === 0) return Promise.reject(new DOMException('No room for more bytes.', 'QuotaExceededError'));
        done += written;
        position += written;
        unflushed += written;
      }
      if (unflushed >= FLUSH_BYTES) {
        access.flush();
        unflushed = 0;
      }
      return Promise.resolve();
    },
    truncate(to) {
      access.truncate(to);
      position = to;
      return Promise.resolve();
    },
    close() {
      try {
        access.flush();
      } finally {
        access.close();
      }
      return Promise.resolve();
    },
  };
}

async function copying(handle: FileSystemFileHandle, size: number): Promise<FileWriter> {
  const stream = await handle.createWritable({ keepExistingData: true });
  let position = size;
  let failed = false;
  const attempt = async (step: Promise<void>) => {
    try {
      await step;
    } catch (cause) {
      failed = true;
      throw cause;
    }
  };
  await attempt(stream.truncate(size));
  return {
    async write(bytes) {
      await attempt(stream.write({ type: 'write', position, data: bytes as Uint8Array<ArrayBuffer> }));
      position += bytes.length;
    },
    async truncate(to) {
      await attempt(stream.truncate(to));
      position = to;
    },
    // A stream that failed is closed already, and its error has been thrown.
    close: () => (failed ? Promise.resolve() : stream.close()),
  };
}

async function unlessMissing<T>(step: () => Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await step();
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'NotFoundError') return undefined;
    throw cause;
  }
}

async function unlessBusy<T>(what: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    const locked = cause instanceof DOMException && /^(NoModificationAllowed|InvalidState)Error$/.test(cause.name);
    if (!locked) throw cause;
    throw new StoreBusyError(
      `${what} is in use by another tab or task. Wait until that has finished or close it, then try again.`,
      { cause },
    );
  }
}

/** The browser's storage for this origin, where there is one: Node and pages without https have none. */
function storageManager(): StorageManager | undefined {
  return (globalThis.navigator as Partial<Navigator> | undefined)?.storage;
}

/** How much this origin stores and may store, in bytes; browsers round both. */
export async function storageEstimate(): Promise<StorageEstimate> {
  const storage = storageManager() as Partial<StorageManager> | undefined;
  const { usage, quota } = (await storage?.estimate?.()) ?? {};
  return { usage, quota };
}
