import { memorySource, type FileLookup } from '../../files/formats/byteSource.ts';
import { openZip } from '../../files/formats/zipReader.ts';
import { firstOf, listed } from '../../base/lists.ts';
import { quoted } from '../../base/quote.ts';
import { CollectionError } from '../errors.ts';

/** Files of a folder or zip file, or that were dropped. */
export interface GivenFiles {
  /** What they are called together. */
  readonly name: string;
  /** Paths with slashes. */
  readonly names: readonly string[];
  readonly files: FileLookup;
}

/** A collection of twenty thousand long documents, and no trap for memory. */
const ZIP_LIMITS = { bytes: 2 ** 29, textBytes: 2 ** 28 };

/** The files of a zip file. @throws ModelFileError for one that is damaged, hostile or too large */
export function filesOfZip(name: string, archive: Uint8Array): GivenFiles {
  return { name, ...openZip(archive, ZIP_LIMITS) };
}

/** Files that are in memory. */
export function filesInMemory(name: string, contents: Readonly<Record<string, Uint8Array | string>>): GivenFiles {
  const sources = new Map(
    Object.entries(contents).map(([path, content]) => {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      return [path, memorySource(path, bytes)];
    }),
  );
  return { name, names: [...sources.keys()], files: (path) => Promise.resolve(sources.get(path)) };
}

/** Where the parts of a collection are among its files. */
export interface CollectionPaths {
  readonly corpus: string;
  readonly queries: string;
  /** Undefined where judgements come from elsewhere. */
  readonly qrels: string | undefined;
}

const LAYOUT = 'corpus.jsonl, queries.jsonl, and judgements in qrels/test.tsv';

/**
 * Finds the parts of a collection in BEIR's layout, in the folder itself or in one within it. Of files without a folder, as they may be
 * dropped, judgements are those that end in .tsv or .qrels, or are called qrels.
 * @param split which judgements are meant: `test` is qrels/test.tsv. @param hasQrels whether they come from elsewhere.
 * @throws CollectionError that says what is missing, or between what must be chosen.
 */
export function findCollection({ name, names }: GivenFiles, split = 'test', hasQrels = false): CollectionPaths {
  const corpus = onlyOne(name, names, 'corpus.jsonl');
  const folder = folderOf(corpus);
  const queries = `${folder}queries.jsonl`;
  if (!names.includes(queries)) throw new CollectionError(`${name} has no ${queries}. A collection is ${LAYOUT}.`);
  return { corpus, queries, qrels: hasQrels ? undefined : chooseQrels(name, names, folder, split) };
}

/** The splits that there are judgements of. */
function splitsOf(names: readonly string[], folder: string): Map<string, string> {
  const splits = new Map<string, string>();
  for (const path of names) {
    if (!path.startsWith(folder)) continue;
    const rest = path.slice(folder.length);
    const isInFolder = /^qrels\/[^/]+\.tsv$/.test(rest);
    if (!isInFolder && !/^[^/]+\.(tsv|qrels)$|^qrels[^/]*\.txt$/.test(rest)) continue;
    const split = baseName(rest).replace(/\.[^.]*$/, '');
    // What lies in qrels/ is meant, should something beside it have its name.
    if (isInFolder || !splits.has(split)) splits.set(split, path);
  }
  return splits;
}

function chooseQrels(name: string, names: readonly string[], folder: string, split: string): string {
  const splits = splitsOf(names, folder);
  const path = splits.get(split);
  if (path !== undefined) return path;
  if (splits.size === 0) throw new CollectionError(`${name} has no judgements. A collection is ${LAYOUT}.`);
  const [only] = splits.size === 1 && split === 'test' ? splits.values() : [];
  if (only !== undefined) return only;
  throw new CollectionError(
    `${name} has no judgements ${quoted(split)}. There are ${listed([...splits.keys()].slice(0, 10))}: choose one.`,
  );
}

/** The path that ends in a name. Where several do, the one that is in the fewest folders, if there is only one. */
function onlyOne(name: string, names: readonly string[], wanted: string): string {
  const found = names.filter((path) => baseName(path) === wanted);
  const depth = (path: string): number => path.split('/').length;
  const least = Math.min(...found.map(depth));
  const [first, ...others] = found.filter((path) => depth(path) === least);
  if (first === undefined) throw new CollectionError(`${name} has no ${wanted}. A collection is ${LAYOUT}.`);
  if (others.length > 0)
    throw new CollectionError(
      `${name} holds several collections: ${firstOf([first, ...others].map(folderOf), 4)}. Give one of them.`,
    );
  return first;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
