import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { divideText } from '../../../corpus/sources/division/division.ts';
import { readCollection } from '../../../evaluation/collections/beir.ts';
import { loadBuiltIn } from '../../../evaluation/collections/builtIn.ts';
import { BUILT_IN_COLLECTIONS } from '../../../evaluation/collections/builtInTable.ts';
import type { LabelledCollection } from '../../../evaluation/collections/collection.ts';
import { filesOfZip, type GivenFiles } from '../../../evaluation/collections/collectionFiles.ts';
import { collectionOfText } from '../../../evaluation/collections/ownText.ts';
import type { ByteSource } from '../../../files/formats/byteSource.ts';
import { readZip } from '../../../files/formats/zipReader.ts';
import { configure } from '../../../settings/configuration.ts';
import { reading } from '../fileProblems.ts';
import { readGivenFiles } from '../givenFiles.ts';
import { filesUnder, fileSource, folderFiles } from '../nodeFiles.ts';
import { ProgressLine } from '../reports.ts';
import { ownTextChanges, UsageError } from '../usage.ts';

/** Where a collection comes from, as flags say it. */
export interface CollectionFlags {
  readonly collection?: string | undefined;
  readonly split?: string | undefined;
  readonly qrels?: string | undefined;
  readonly file?: readonly string[] | undefined;
  readonly documents?: string | undefined;
  readonly documentUnit?: string | undefined;
  readonly column?: string | undefined;
}

/** The page takes a tenth of it; here memory and time are those of whoever types. */
const MOST_DOCUMENTS = 200_000;

/** Options that say where a collection comes from. */
export const COLLECTION_OPTIONS = {
  collection: { type: 'string' },
  split: { type: 'string' },
  qrels: { type: 'string' },
  file: { type: 'string', multiple: true },
  documents: { type: 'string' },
  documentUnit: { type: 'string' },
  column: { type: 'string' },
} as const;

/**
 * Reads the collection that flags name: a built-in one, a folder or zip file, or a text of one's own.
 * @throws UsageError, CollectionError, ModelFileError, CorpusError
 */
export async function openCollection(flags: CollectionFlags, signal: AbortSignal): Promise<LabelledCollection> {
  const { collection, file, split, qrels } = flags;
  if ((collection === undefined) === (file === undefined))
    throw new UsageError(
      `Give a labelled collection by --collection (a folder or zip file, or ${names()}), or a text of your own by --file.`,
    );
  if (collection === undefined) {
    if (split !== undefined || qrels !== undefined)
      throw new UsageError('--split and --qrels go with --collection: a text of your own has no judgements.');
    return ownText(flags, signal);
  }
  const info = await stat(collection).catch(() => undefined);
  const isBuiltIn = BUILT_IN_COLLECTIONS.some(({ id }) => id === collection);
  if (!info && isBuiltIn && qrels === undefined && split === undefined) return loadBuiltIn(collection, { signal });
  if (!info)
    throw new UsageError(
      isBuiltIn
        ? `${collection} is built in with its judgements: leave out --split and --qrels.`
        : `There is no folder or file ${collection}. Built in are ${names()}.`,
    );
  const line = new ProgressLine();
  return readCollection(info.isDirectory() ? await folder(collection) : await zip(collection), {
    split,
    qrels: qrels === undefined ? undefined : await requireFile(qrels),
    mostDocuments: MOST_DOCUMENTS,
    signal,
    onProgress: (detail, fraction) => line.update(`${detail}: ${Math.floor(100 * fraction)} % of all`),
  });
}

/** @throws UsageError where there is none. */
export async function requireFile(path: string): Promise<ByteSource> {
  const source = await fileSource(path);
  if (!source) throw new UsageError(`There is no file ${path}.`);
  return source;
}

function names(): string {
  return BUILT_IN_COLLECTIONS.map(({ id }) => id).join(' or ');
}

async function folder(path: string): Promise<GivenFiles> {
  return { name: nameOf(path), names: await reading(path, filesUnder(path)), files: folderFiles(path) };
}

async function zip(path: string): Promise<GivenFiles> {
  return filesOfZip(nameOf(path), await reading(path, readZip(await requireFile(path))));
}

function nameOf(path: string): string {
  return basename(resolve(path));
}

async function ownText(flags: CollectionFlags, signal: AbortSignal): Promise<LabelledCollection> {
  const { file = [], documentUnit, column } = flags;
  const { text, title } = await readGivenFiles(file, signal);
  const given = Object.entries({ documentUnit, column }).filter(([, value]) => value !== undefined);
  const configuration = configure({ ...Object.fromEntries(given), ...ownTextChanges(flags) });
  const { documents } = await divideText(text, {
    unit: configuration.documentUnit,
    column: configuration.column,
    signal,
  });
  const fileNames = text.files.map(({ name }) => name);
  return collectionOfText(documents, { title, fileNames, mostDocuments: MOST_DOCUMENTS, signal });
}
