import { CollectionError } from '../errors.ts';
import { readCollection, type ReadingCollectionOptions } from './beir.ts';
import { BUILT_IN_COLLECTIONS, type BuiltInCollection, type BuiltInId } from './builtInTable.ts';
import type { LabelledCollection } from './collection.ts';
import { filesInMemory } from './collectionFiles.ts';

type Loader = () => Promise<{ default: string }>;

interface Loaders {
  readonly corpus: Loader;
  readonly queries: Loader;
  readonly qrels: Loader;
  readonly trainingText?: Loader;
}

// Dynamic imports keep the texts out of the page's first load: each is a file of its own, fetched when chosen.
const LOADERS: Readonly<Record<BuiltInId, Loaders>> = {
  'python-faq': {
    corpus: () => import('./builtIn/python-faq/corpus.jsonl?raw'),
    queries: () => import('./builtIn/python-faq/queries.jsonl?raw'),
    qrels: () => import('./builtIn/python-faq/qrels.tsv?raw'),
    trainingText: () => import('./builtIn/python-faq/tutorial.txt?raw'),
  },
  'stdlib-code': {
    corpus: () => import('./builtIn/stdlib-code/corpus.jsonl?raw'),
    queries: () => import('./builtIn/stdlib-code/queries.jsonl?raw'),
    qrels: () => import('./builtIn/stdlib-code/qrels.tsv?raw'),
  },
};

/** A file of a built-in collection, as it is given away. */
export interface BuiltInFile {
  readonly name: string;
  readonly text: string;
}

/**
 * A built-in collection in BEIR's layout, with its licence, and `training.txt` where there is text to train on.
 * @throws CollectionError for an id that is none, or a file that cannot be fetched.
 */
export async function builtInFiles(id: string): Promise<BuiltInFile[]> {
  const { corpus, queries, qrels, trainingText } = entry(id);
  const loaders: Readonly<Record<string, Loader | undefined>> = {
    'corpus.jsonl': corpus,
    'queries.jsonl': queries,
    'qrels/test.tsv': qrels,
    'training.txt': trainingText,
    'LICENSE.txt': () => import('./builtIn/PSF-LICENSE.txt?raw'),
  };
  const files: BuiltInFile[] = [];
  for (const [name, load] of Object.entries(loaders)) if (load) files.push({ name, text: await loaded(id, load) });
  return files;
}

/** The documents, queries and judgements of a built-in collection. @throws CollectionError as builtInFiles; CorpusError `aborted` */
export async function loadBuiltIn(
  id: string,
  options: Pick<ReadingCollectionOptions, 'signal' | 'onProgress'> = {},
): Promise<LabelledCollection> {
  const { title, corpus, queries, qrels } = entry(id);
  const files = filesInMemory(title, {
    'corpus.jsonl': await loaded(id, corpus),
    'queries.jsonl': await loaded(id, queries),
    'qrels/test.tsv': await loaded(id, qrels),
  });
  return readCollection(files, options);
}

/**
 * Text of a built-in collection's field without labels, to train on; it shares no sentence with the collection by intent, and no label.
 * @throws CollectionError for a collection that has none
 */
export async function trainingTextOf(id: string): Promise<string> {
  const { title, trainingText } = entry(id);
  if (!trainingText) throw new CollectionError(`${title} has no text to train on.`);
  return loaded(id, trainingText);
}

function entry(id: string): Loaders & BuiltInCollection {
  const found = BUILT_IN_COLLECTIONS.find((one) => one.id === id);
  if (found) return { ...found, ...LOADERS[found.id] };
  throw new CollectionError(
    `There is no collection ${id}. Built in are ${BUILT_IN_COLLECTIONS.map((one) => one.id).join(' and ')}.`,
  );
}

async function loaded(id: string, load: Loader): Promise<string> {
  try {
    return (await load()).default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CollectionError(`The collection ${id} could not be loaded (${reason}). Try again.`);
  }
}
