import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { titleOf, type GivenText } from '../../corpus/given.ts';
import { isHidden, readSources, type SourceFile } from '../../corpus/sources/readers/readers.ts';
import { reading } from './fileProblems.ts';
import { ProgressLine } from './reports.ts';

/** A text from the disk, and what it is called. */
export interface FoundText {
  readonly text: GivenText;
  readonly title: string;
}

/**
 * Reads the files of --file; of a folder, all files of known kinds below it. Says on standard error how far it is with a large one.
 * @throws UsageError for a path that cannot be read; CorpusError as readSources.
 */
export async function readGivenFiles(paths: readonly string[], signal?: AbortSignal): Promise<FoundText> {
  const sources: SourceFile[] = [];
  for (const path of paths) sources.push(...(await sourcesAt(path)));
  const line = new ProgressLine();
  const isLarge = sources.reduce((sum, { size }) => sum + size, 0) > LARGE_BYTES;
  const text = await readSources(sources, {
    signal,
    ...(isLarge && {
      onProgress: (detail, fraction) => line.update(`${detail}: ${Math.floor(100 * fraction)} % of all`),
    }),
  });
  if (isLarge) line.end(`Read ${text.files.length === 1 ? '1 file' : `${text.files.length} files`}`);
  return { text, title: titleOf(text) };
}

const LARGE_BYTES = 2_000_000;

async function sourcesAt(path: string): Promise<SourceFile[]> {
  const info = await reading(path, stat(path));
  const name = basename(resolve(path));
  return info.isDirectory() ? sourcesIn(path, name) : [sourceOf(name, path, info.size)];
}

/** All files below a folder but those that readSources would pass over unseen. */
async function sourcesIn(folder: string, name: string): Promise<SourceFile[]> {
  const found: SourceFile[] = [];
  for (const entry of await reading(folder, readdir(folder, { withFileTypes: true }))) {
    const path = join(folder, entry.name);
    const inner = `${name}/${entry.name}`;
    if (isHidden(entry.name)) continue;
    if (entry.isDirectory()) found.push(...(await sourcesIn(path, inner)));
    else if (entry.isFile()) found.push(sourceOf(inner, path, (await reading(path, stat(path))).size));
  }
  return found;
}

function sourceOf(name: string, path: string, size: number): SourceFile {
  return { name, size, bytes: async () => new Uint8Array(await reading(path, readFile(path))) };
}
