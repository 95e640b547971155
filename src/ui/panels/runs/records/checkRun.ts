import type { MetricDefinition, ObjectiveTable } from '../../../../objectives/tables.ts';
import type {
  ChunkView,
  CorpusSummary,
  Evaluation,
  MemoryView,
  StepMetrics,
  StepRecord,
} from '../../../../run/record.ts';
import { MEMORY_KEYS } from '../../../state/history/metricTable.ts';
import { array, CheckError, numberList, object, optional, text, wholeNumber, type Take } from './checks.ts';

/** As many chunks and tokens as a configuration can ask for, with a token or two that mark the ends. */
const MAXIMUM_CHUNKS = 32;
const MAXIMUM_TOKENS = 512;
const MAXIMUM_TEXT = 100_000;
export const MAXIMUM_NAME = 200;

/** What is taken for the numbers of a run. */
export interface Accepted {
  /** What it was trained for names them. */
  readonly table: ObjectiveTable;
  readonly metrics: readonly MetricDefinition[];
  readonly take: Take;
  /** Numbers that may be missing: a run has those that were measured when it was trained. NaN stands for them. */
  readonly absent: ReadonlySet<string>;
}

/** @throws CheckError unless every step is later than the one before it. */
export function checkOrder(entries: readonly { readonly step: number }[], place: string): void {
  const wrong = entries.findIndex(({ step }, i) => i > 0 && step <= (entries[i - 1]?.step ?? -1));
  if (wrong > 0) throw new CheckError(`${place}[${wrong}] is not of a later step than the one before it.`);
}

/** Where a metric has no range of its own. */
const EVERYTHING = [-1e30, 1e30] as const;

export function checkMetrics(value: unknown, place: string, { metrics, take, absent }: Accepted): StepMetrics {
  const given = object(value, place);
  const memory = object(given.memory, `${place}.memory`);
  const of = (key: string, from = given, low?: number, high?: number): number =>
    from[key] === undefined && absent.has(key) ? NaN : take(from[key], `${place}.${key}`, low, high);
  const metric = ({ key, isOptional, range: [low, high] = EVERYTHING }: MetricDefinition): number | undefined =>
    isOptional ? optional(given[key], (one) => take(one, `${place}.${key}`, low, high)) : of(key, given, low, high);
  return {
    ...Object.fromEntries(metrics.map((one) => [one.key, metric(one)])),
    step: wholeNumber(given.step, `${place}.step`, 1, 1e9),
    memory: Object.fromEntries(MEMORY_KEYS.map((key) => [key, of(key, memory, 0, 1e15)])) as unknown as MemoryView,
  } as StepMetrics;
}

export function checkSnapshot(value: unknown, place: string, accepted: Accepted): StepRecord {
  const given = object(value, place);
  const batch = object(given.batch, `${place}.batch`);
  const chunks = array(batch.chunks, `${place}.batch.chunks`, 2, MAXIMUM_CHUNKS).map((one, i) =>
    checkChunk(one, `${place}.batch.chunks[${i}]`),
  );
  const size = chunks.length;
  const { take, table } = accepted;
  const matrix = (key: string, low: number, high: number): number[] =>
    numberList(given[key], `${place}.${key}`, size * size, size * size, take, low, high);
  const losses = (key: string): number[][] =>
    array(given[key], `${place}.${key}`, size, size).map((row, i) =>
      numberList(row, `${place}.${key}[${i}]`, 0, MAXIMUM_TOKENS, take, -1, 1e6),
    );
  return {
    metrics: checkMetrics(given.metrics, `${place}.metrics`, accepted),
    batch: { chunks },
    ...Object.fromEntries(table.matrices.map(({ key, range: [low, high] }) => [key, matrix(key, low, high)])),
    ...Object.fromEntries(table.tokenRows.map(({ key }) => [key, losses(key)])),
  };
}

function checkChunk(value: unknown, place: string): ChunkView {
  const chunk = object(value, place);
  return {
    text: text(chunk.text, `${place}.text`, MAXIMUM_TEXT),
    document: wholeNumber(chunk.document, `${place}.document`, 0, 1e9),
    documentTitle: text(chunk.documentTitle, `${place}.documentTitle`, MAXIMUM_TEXT),
    tokens: array(chunk.tokens, `${place}.tokens`, 0, MAXIMUM_TOKENS).map((one, t) =>
      text(one, `${place}.tokens[${t}]`, MAXIMUM_NAME),
    ),
  };
}

export function checkCorpus(value: unknown): CorpusSummary {
  const corpus = object(value, 'corpus');
  const amount = (key: 'documents' | 'chunks'): number | undefined =>
    optional(corpus[key], (one) => wholeNumber(one, `corpus.${key}`, 0, 1e12));
  return {
    title: text(corpus.title, 'corpus.title', MAXIMUM_TEXT),
    documents: amount('documents'),
    chunks: amount('chunks'),
    vocabulary: wholeNumber(corpus.vocabulary, 'corpus.vocabulary', 0, 1e9),
    notices: array(corpus.notices, 'corpus.notices', 0, 100).map((one, i) =>
      text(one, `corpus.notices[${i}]`, MAXIMUM_TEXT),
    ),
    preview: array(corpus.preview, 'corpus.preview', 0, 1000).map((one, i) => checkChunk(one, `corpus.preview[${i}]`)),
  };
}

export function checkEvaluation(
  value: unknown,
  place: string,
  { table, take }: Pick<Accepted, 'table' | 'take'>,
): Evaluation {
  const given = object(value, place);
  const metric = ({
    key,
    isOptional,
    isNewer,
    range: [low, high] = EVERYTHING,
  }: MetricDefinition): number | undefined => {
    const check = (one: unknown): number => take(one, `${place}.${key}`, low, high);
    return isOptional || (isNewer && given[key] === undefined) ? optional(given[key], check) : check(given[key]);
  };
  return {
    step: wholeNumber(given.step, `${place}.step`, 0, 1e9),
    ...Object.fromEntries(table.heldOutMetrics.map((one) => [one.key, metric(one)])),
  };
}
