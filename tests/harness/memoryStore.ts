import { memorySource } from '../../src/files/formats/byteSource.ts';
import { StoreBusyError, type FileStore } from '../../src/files/store/fileStore.ts';

/** A FileStore in memory that behaves like the browser's: a quota, one writer per file, writes that stop in the middle. */
export interface MemoryStore extends FileStore {
  /** Bytes that may be stored in all; what estimate() states unless `stated` says otherwise. */
  quota: number;
  /** What estimate() states instead of the quota: browsers are wrong about a full disk. */
  statedQuota: number | undefined;
  /** Called with every write; may throw. */
  onWrite: (folder: string, name: string, bytes: number) => void;
  readonly contents: Map<string, Map<string, Uint8Array>>;
  /** Everything that was ever written, in bytes. */
  written: number;
}

export function memoryStore(quota = Infinity): MemoryStore {
  const contents = new Map<string, Map<string, Uint8Array>>();
  const writing = new Set<string>();
  const usage = () =>
    [...contents.values()].flatMap((files) => [...files.values()]).reduce((sum, f) => sum + f.length, 0);
  const store: MemoryStore = {
    quota,
    statedQuota: undefined,
    onWrite: () => undefined,
    contents,
    written: 0,
    folders: () => Promise.resolve([...contents.keys()]),
    files: (folder) =>
      Promise.resolve([...(contents.get(folder) ?? [])].map(([name, bytes]) => ({ name, size: bytes.length }))),
    open(folder, name) {
      const bytes = contents.get(folder)?.get(name);
      return Promise.resolve(bytes && memorySource(name, bytes));
    },
    writer(folder, name, size) {
      const key = `${folder}/${name}`;
      if (writing.has(key)) return Promise.reject(new StoreBusyError(`${name} is in use.`));
      writing.add(key);
      const files = contents.get(folder) ?? new Map<string, Uint8Array>();
      contents.set(folder, files);
      const cut = (to: number) => files.set(name, (files.get(name) ?? new Uint8Array(0)).slice(0, to));
      cut(size);
      return Promise.resolve({
        // eslint-disable-next-line @typescript-eslint/require-await -- what onWrite throws is to reject
        async write(bytes) {
          const old = files.get(name) ?? new Uint8Array(0);
          const room = Math.min(bytes.length, store.quota - usage());
          const longer = new Uint8Array(old.length + room);
          longer.set(old);
          longer.set(bytes.subarray(0, room), old.length);
          files.set(name, longer);
          store.written += room;
          store.onWrite(folder, name, room);
          if (room < bytes.length) throw new DOMException('No room.', 'QuotaExceededError');
        },
        truncate(to) {
          cut(to);
          return Promise.resolve();
        },
        close() {
          writing.delete(key);
          return Promise.resolve();
        },
      });
    },
    deleteFile(folder, name) {
      if (writing.has(`${folder}/${name}`)) return Promise.reject(new StoreBusyError(`${name} is in use.`));
      contents.get(folder)?.delete(name);
      return Promise.resolve();
    },
    deleteFolder(folder) {
      if ([...writing].some((key) => key.startsWith(`${folder}/`)))
        return Promise.reject(new StoreBusyError(`${folder} is in use.`));
      contents.delete(folder);
      return Promise.resolve();
    },
    estimate() {
      const stated = store.statedQuota ?? store.quota;
      return Promise.resolve({ usage: usage(), quota: Number.isFinite(stated) ? stated : undefined });
    },
  };
  return store;
}
