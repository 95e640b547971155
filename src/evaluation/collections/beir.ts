import { quoted } from '../../base/quote.ts';
import type { ByteSource } from '../../files/formats/byteSource.ts';
import { CollectionError, LineProblems } from '../errors.ts';
import { hasRelevant } from '../measures/scores.ts';
import { readQrels, type JudgedLine } from '../trec/qrelsFile.ts';
import type { Qrels } from '../types.ts';
import { documentText, MOST_DOCUMENTS, type LabelledCollection } from './collection.ts';
import { findCollection, type GivenFiles } from './collectionFiles.ts';
import { readJsonRows, type JsonRow } from './jsonLines.ts';

export interface ReadingCollectionOptions {
  /** Which judgements are read: `test` is qrels/test.tsv. */
  readonly split?: string | undefined;
  /** Judgements from elsewhere, in place of the collection's own. */
  readonly qrels?: ByteSource | undefined;
  readonly mostDocuments?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is under way, and the share of all that is read. */
  readonly onProgress?: ((detail: string, fraction: number) => void) | undefined;
}

/** Queries of all splits together: MS MARCO has 510,000, of which 6,980 are judged for any one. */
const MOST_QUERIES = 1_000_000;

/**
 * Reads a collection in BEIR's layout. Lines that cannot be used, ids that stand twice, labels that contradict each other and judged
 * queries that are not there are named by file and line, and then nothing is taken. What can be judged all the same is told in notices:
 * documents without text, labels of documents that are not there, queries without a relevant document.
 * @throws CollectionError, CorpusError `aborted`
 */
export async function readCollection(
  given: GivenFiles,
  { split, qrels, mostDocuments = MOST_DOCUMENTS, signal, onProgress }: ReadingCollectionOptions = {},
): Promise<LabelledCollection> {
  const paths = findCollection(given, split, qrels !== undefined);
  const open = async (path: string): Promise<ByteSource> => {
    const source = await given.files(path);
    if (!source) throw new CollectionError(`${given.name} has no ${path} any more.`);
    return source;
  };
  const sources = {
    corpus: await open(paths.corpus),
    queries: await open(paths.queries),
    qrels: qrels ?? (await open(paths.qrels ?? '')),
  };
  const total = Object.values(sources).reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  const problems = new LineProblems();
  const reading = ({ name, size }: ByteSource) => {
    const before = done;
    done += size;
    return {
      signal,
      onProgress: (fraction: number) =>
        onProgress?.(`Reading ${name}`, (before + fraction * size) / Math.max(1, total)),
    };
  };
  const documents = await readJsonRows(sources.corpus, mostDocuments, problems, reading(sources.corpus));
  const queries = await readJsonRows(sources.queries, MOST_QUERIES, problems, reading(sources.queries));
  const judged = await readQrels(sources.qrels, problems, reading(sources.qrels));
  const names = { corpus: sources.corpus.name, queries: sources.queries.name, qrels: sources.qrels.name };
  const rows = { documents, queries, judged: judged.lines };
  nameUnknownQueries(rows, names, problems);
  problems.refuse(given.name);
  requireSome(given.name, rows, names);
  const byQuery = qrelsOf(judged.lines);
  return {
    title: given.name,
    documents: [...documents.values()].map(({ id, title, text }) => ({ id, title, text })),
    queries: [...queries.values()].filter(({ id }) => byQuery.has(id)).map(({ id, text }) => ({ id, text })),
    qrels: byQuery,
    notices: [
      ...emptyDocuments(documents, names.corpus),
      ...emptyQueries(queries, byQuery, names.queries),
      ...unknownDocuments(rows, names),
      ...withoutRelevant(byQuery),
      ...(judged.repeated > 0 ? [`${judged.repeated} lines of ${names.qrels} say again what another says.`] : []),
    ],
  };
}

interface Rows {
  readonly documents: ReadonlyMap<string, JsonRow>;
  readonly queries: ReadonlyMap<string, JsonRow>;
  readonly judged: readonly JudgedLine[];
}

interface Names {
  readonly corpus: string;
  readonly queries: string;
  readonly qrels: string;
}

function nameUnknownQueries({ queries, judged }: Rows, names: Names, problems: LineProblems): void {
  const unknown = judged.filter(({ query }) => !queries.has(query));
  // Some number their queries in the order of the file, whatever their ids are.
  const arePlaces =
    unknown.length > 0 && judged.every(({ query }) => /^\d+$/.test(query) && Number(query) <= queries.size);
  const hint = arePlaces ? ' Ids of queries may be meant, and places in the file be given.' : '';
  for (const { query, line } of unknown)
    problems.add(names.qrels, line, `there is no query ${quoted(query)} in ${names.queries}.${hint}`);
}

/** @throws CollectionError where nothing can be measured. */
function requireSome(name: string, { documents, queries, judged }: Rows, names: Names): void {
  const refuse = (reason: string): never => {
    throw new CollectionError(`${name} is not read: ${reason}`);
  };
  if (documents.size === 0) refuse(`${names.corpus} has no documents.`);
  if (queries.size === 0) refuse(`${names.queries} has no queries.`);
  const relevant = judged.filter(({ label }) => label >= 1);
  if (relevant.length === 0) refuse(`${names.qrels} calls no document relevant: no label is 1 or more.`);
  const [first] = relevant;
  if (first && !relevant.some(({ document }) => documents.has(document)))
    refuse(
      `none of the ${relevant.length} relevant documents of ${names.qrels} is in ${names.corpus} (line ${first.line}: ${quoted(first.document)}).`,
    );
}

function qrelsOf(lines: readonly JudgedLine[]): Qrels {
  const qrels = new Map<string, Map<string, number>>();
  for (const { query, document, label } of lines) {
    const labels = qrels.get(query);
    if (labels) labels.set(document, label);
    else qrels.set(query, new Map([[document, label]]));
  }
  return qrels;
}

function emptyDocuments(documents: ReadonlyMap<string, JsonRow>, file: string): string[] {
  const empty = [...documents.values()].filter((row) => documentText(row) === '');
  if (empty.length === 0) return [];
  return [
    `${counted(empty.length, 'document')} of ${file} ${empty.length === 1 ? 'has' : 'have'} no text and cannot be found: ${placesOf(empty)}.`,
  ];
}

function emptyQueries(queries: ReadonlyMap<string, JsonRow>, qrels: Qrels, file: string): string[] {
  const empty = [...queries.values()].filter(({ id, text }) => text.trim() === '' && qrels.has(id));
  if (empty.length === 0) return [];
  const verbs = empty.length === 1 ? 'has no text and finds' : 'have no text and find';
  return [
    `${counted(empty.length, 'judged query', 'judged queries')} of ${file} ${verbs} nothing: ${placesOf(empty)}.`,
  ];
}

function unknownDocuments({ documents, judged }: Rows, { corpus, qrels }: Names): string[] {
  const unknown = judged.filter(({ document }) => !documents.has(document));
  if (unknown.length === 0) return [];
  const relevant = unknown.filter(({ label }) => label >= 1).length;
  const places = placesOf(unknown.map(({ document, line }) => ({ id: document, line })));
  return [
    `${counted(unknown.length, 'label')} of ${qrels} ${unknown.length === 1 ? 'is' : 'are'} of documents that ${corpus} lacks: ${places}. ${relevant} of them ${relevant === 1 ? 'counts' : 'count'} as relevant and cannot be found.`,
  ];
}

function withoutRelevant(qrels: Qrels): string[] {
  const none = [...qrels.values()].filter((labels) => !hasRelevant(labels)).length;
  return none === 0
    ? []
    : [
        `${counted(none, 'judged query', 'judged queries')} without a relevant document ${none === 1 ? 'is' : 'are'} left out of the means.`,
      ];
}

/** Rows that are named one by one. */
const MOST_NAMED = 3;

/** `"d1" (line 3), "d2" (line 7) and 4 more` */
function placesOf(rows: readonly Pick<JsonRow, 'id' | 'line'>[]): string {
  const named = rows.slice(0, MOST_NAMED).map(({ id, line }) => `${quoted(id)} (line ${line})`);
  return `${named.join(', ')}${rows.length > MOST_NAMED ? ` and ${rows.length - MOST_NAMED} more` : ''}`;
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`;
}
