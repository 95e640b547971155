import { fileURLToPath } from 'node:url';
import { folderFiles } from '../../src/cli/support/nodeFiles.ts';
import { memorySource, type FileLookup } from '../../src/files/formats/byteSource.ts';

/** An encoder of 7 kB, a random BERT of one layer (tiny/make.py). */
export const TINY = fileURLToPath(new URL('tiny', import.meta.url));

/** Its files, some of them others: an object as JSON, text or bytes, or none. */
export function tinyWith(changed: Readonly<Record<string, object | string | Uint8Array | undefined>> = {}): FileLookup {
  const files = folderFiles(TINY);
  return (name) => {
    if (!(name in changed)) return files(name);
    const content = changed[name];
    if (content === undefined) return Promise.resolve(undefined);
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    return Promise.resolve(
      memorySource(name, content instanceof Uint8Array ? content : new TextEncoder().encode(text)),
    );
  };
}
