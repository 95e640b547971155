import { open, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { ByteSource, FileLookup } from '../../files/formats/byteSource.ts';

/** Files of a folder on disk. */
export function folderFiles(folder: string): FileLookup {
  return (name) => fileSource(join(folder, name), name);
}

/** Names of all files in and below a folder, with slashes. */
export async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

/** A file on disk; undefined where there is none. */
export async function fileSource(path: string, name = path): Promise<ByteSource | undefined> {
  const info = await stat(path).catch(() => undefined);
  return info?.isFile() ? diskSource(name, path, info.size) : undefined;
}

function diskSource(name: string, path: string, size: number): ByteSource {
  return {
    name,
    size,
    async read(begin, end) {
      const file = await open(path);
      try {
        const bytes = new Uint8Array(Math.max(0, end - begin));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, begin);
        return bytes.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}
