import { CollectionError } from '../errors.ts';
import { readCollection, type ReadingCollectionOptions } from './beir.ts';
import type { LabelledCollection } from './collection.ts';
import { filesInMemory } from './collectionFiles.ts';

/** What is said of a built-in collection before its texts are loaded. */
export interface BuiltInCollection {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** Whose texts they are, and under which licence. */
  readonly origin: string;
  /** Whether there is text of the same field without labels, to train on. */
  readonly hasTrainingText: boolean;
}

interface Entry extends Omit<BuiltInCollection, 'hasTrainingText'> {
  readonly corpus: Loader;
  readonly queries: Loader;
  readonly qrels: Loader;
  readonly trainingText?: Loader;
}

type Loader = () => Promise<{ default: string }>;

const ORIGIN =
  'From the documentation and standard library of Python 3.11, © Python Software Foundation, PSF licence version 2.';

// Dynamic imports keep the texts out of the page's first load: each is a file of its own, fetched when chosen.
const ENTRIES: readonly Entry[] = [
  {
    id: 'python-faq',
    title: 'Python FAQ',
    description: '175 questions of the Python FAQ, and the answers that its editors gave.',
    origin: ORIGIN,
    corpus: () => import('./builtIn/python-faq/corpus.jsonl?raw'),
    queries: () => import('./builtIn/python-faq/queries.jsonl?raw'),
    qrels: () => import('./builtIn/python-faq/qrels.tsv?raw'),
    trainingText: () => import('./builtIn/python-faq/tutorial.txt?raw'),
  },
  {
    id: 'stdlib-code',
    title: 'Standard library',
    description: '240 docstrings of Python’s standard library, and the functions that they describe.',
    origin: ORIGIN,
    corpus: () => import('./builtIn/stdlib-code/corpus.jsonl?raw'),
    queries: () => import('./builtIn/stdlib-code/queries.jsonl?raw'),
    qrels: () => import('./builtIn/stdlib-code/qrels.tsv?raw'),
  },
];

/** The built-in labelled collections, without their texts. */
export const BUILT_IN_COLLECTIONS: readonly BuiltInCollection[] = ENTRIES.map(
  ({ id, title, description, origin, trainingText }) => ({
    id,
    title,
    description,
    origin,
    hasTrainingText: trainingText !== undefined,
  }),
);

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

function entry(id: string): Entry {
  const found = ENTRIES.find((one) => one.id === id);
  if (found) return found;
  throw new CollectionError(
    `There is no collection ${id}. Built in are ${ENTRIES.map((one) => one.id).join(' and ')}.`,
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
