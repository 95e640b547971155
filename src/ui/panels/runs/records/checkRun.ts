import * as v from 'valibot';
import { plainName } from '../../../../base/quote.ts';
import { stepMetrics, type MetricDefinition, type ObjectiveTable } from '../../../../objectives/tables.ts';
import type {
  CollectionCurve,
  CorpusSummary,
  Evaluation,
  Probe,
  ProbeRecord,
  ScoredText,
  StepMetrics,
  StepRecord,
} from '../../../../run/record.ts';
import {
  check,
  CheckError,
  FIELDS,
  FINITE,
  list,
  number,
  numbers,
  object,
  optional,
  text,
  wholeNumber,
  type Numbers,
} from '../../../components/check.ts';
import { MEMORY_KEYS } from '../../../state/history/metricTable.ts';

/** As many chunks and tokens as a configuration can ask for, with a token or two that mark the ends. */
const MAXIMUM_CHUNKS = 32;
const MAXIMUM_TOKENS = 512;
const MAXIMUM_TEXT = 100_000;
const MAXIMUM_NAME = 200;
/** Where a metric has no range of its own. */
const EVERYTHING = [-1e30, 1e30] as const;

/** What is taken for the numbers of a run. */
export interface Accepted {
  /** What it was trained for names them. */
  readonly table: ObjectiveTable;
  readonly numbers: Numbers;
  /** Those that may be missing: a run has those that were measured when it was trained. NaN stands for them. */
  readonly absent: ReadonlySet<string>;
}

/** The parts of a run, each looked at by itself: `place` is what it is called. All throw CheckError. */
export interface RunChecks {
  metrics(value: unknown, place: string): StepMetrics;
  snapshot(value: unknown, place: string): StepRecord;
  evaluation(value: unknown, place: string): Evaluation;
  /** What the batch is that stays the same, without what was seen of it. */
  probe(value: unknown, place: string): Omit<Probe, 'records'>;
  /** What was seen of such a batch of so many chunks: numbers, and the picture with them where that was kept. */
  probeRecord(value: unknown, chunks: number, place: string): ProbeRecord;
}

export function runChecks(accepted: Accepted): RunChecks {
  const metrics = metricsSchema(accepted);
  const frame = object({ metrics, batch: object({ chunks: list(CHUNK, 2, MAXIMUM_CHUNKS) }) });
  const evaluation = evaluationSchema(accepted);
  const views = new Map<number, ReturnType<typeof viewsSchema>>();
  const viewsOf = (size: number): ReturnType<typeof viewsSchema> => {
    const schema = views.get(size) ?? viewsSchema(size, accepted);
    views.set(size, schema);
    return schema;
  };
  const looks = object({ metrics: probeMetricsSchema(accepted) });
  const drawn = accepted.table.matrices[0]?.key ?? '';
  return {
    metrics: (value, place) => check(metrics, value, place) as unknown as StepMetrics,
    snapshot(value, place) {
      const framed = check(frame, value, place);
      const schema = viewsOf(framed.batch.chunks.length);
      return { ...framed, ...check(schema, value, place) } as unknown as StepRecord;
    },
    evaluation: (value, place) => check(evaluation, value, place),
    probe: (value, place) => check(PROBE, value, place),
    probeRecord(value, chunks, place) {
      const numbers = check(looks, value, place);
      const isDrawn = check(FIELDS, value, place)[drawn] !== undefined;
      return { ...numbers, ...(isDrawn ? check(viewsOf(chunks), value, place) : {}) };
    },
  };
}

/** The name of a run, or of the adapter that it was trained on. */
export const NAME = v.pipe(text(MAXIMUM_NAME), v.transform(plainName));
const TITLE = v.pipe(text(MAXIMUM_TEXT), v.transform(plainName));

const CHUNK = object({
  text: text(MAXIMUM_TEXT),
  document: wholeNumber(0, 1e9),
  documentTitle: TITLE,
  tokens: list(text(MAXIMUM_NAME), 0, MAXIMUM_TOKENS),
  wording: v.optional(wholeNumber(0, 1e9)),
});

export const CORPUS = v.pipe(
  object({
    title: TITLE,
    documents: optional(wholeNumber(0, 1e12)),
    chunks: optional(wholeNumber(0, 1e12)),
    vocabulary: wholeNumber(0, 1e9),
    notices: list(text(MAXIMUM_TEXT), 0, 100),
    preview: list(CHUNK, 0, 1000),
  }),
  v.transform((corpus): CorpusSummary => ({ documents: undefined, chunks: undefined, ...corpus })),
);

/** Means by the measures' names, which are shown, and stand at the head of tables (evaluation/measures/measures.ts has them all). */
const MEANS = v.record(
  v.pipe(text(MAXIMUM_NAME), v.regex(/^[a-z]+(\(rel=\d+\))?(@\d+)?$/, ' is named by no measure.')),
  number(0, 1, FINITE),
);
const COLLECTION = object({
  title: TITLE,
  documents: wholeNumber(0, 1e9),
  queries: wholeNumber(0, 1e9),
  beside: v.record(v.pipe(text(MAXIMUM_NAME), v.transform(plainName)), MEANS),
  scores: list(object({ step: wholeNumber(0, 1e9), means: MEANS }), 0, 100_000),
});

/** Scores of a run on a labelled collection. @throws CheckError */
export function checkCollection(value: unknown): CollectionCurve {
  const curve = check(COLLECTION, value, 'collection');
  checkOrder(curve.scores, 'collection.scores');
  return curve;
}

function metricsSchema({ table, numbers: kind, absent }: Accepted) {
  const one = (key: string, low: number, high: number) =>
    absent.has(key) ? v.optional(number(low, high, orNone(kind)), NaN) : number(low, high, kind);
  const metric = ({ key, isOptional, range: [low, high] = EVERYTHING }: MetricDefinition) =>
    isOptional ? optional(number(low, high, kind)) : one(key, low, high);
  return object({
    ...Object.fromEntries(stepMetrics(table).map((one) => [one.key, metric(one)])),
    step: wholeNumber(1, 1e9),
    memory: object(Object.fromEntries(MEMORY_KEYS.map((key) => [key, one(key, 0, 1e15)]))),
  });
}

/** Such numbers, and NaN for none. */
function orNone({ fits, whyNot }: Numbers): Numbers {
  return { fits: (value, low, high) => Number.isNaN(value) || fits(value, low, high), whyNot };
}

function probeMetricsSchema({ table, numbers: kind }: Accepted) {
  const metric = ({ range: [low, high] = EVERYTHING }: MetricDefinition) => optional(number(low, high, kind));
  return object({
    ...Object.fromEntries(table.probeMetrics.map((one) => [one.key, metric(one)])),
    step: wholeNumber(0, 1e9),
  });
}

/** What is drawn of a batch of so many chunks. Gradients are there where the run kept them. */
function viewsSchema(size: number, { table, numbers: kind }: Accepted) {
  const gradient = optional(numbers(size * size, size * size, ...EVERYTHING, kind));
  const signals = Object.values(table.signals ?? {}).map((key) => [key, gradient] as const);
  const matrices = table.matrices.map(
    ({ key, range: [low, high] }) => [key, numbers(size * size, size * size, low, high, kind)] as const,
  );
  const losses = list(numbers(0, MAXIMUM_TOKENS, -1, 1e6, kind), size, size);
  return object(
    Object.fromEntries<v.GenericSchema>([
      ...matrices,
      ...signals,
      ...table.tokenRows.map(({ key }) => [key, losses] as const),
    ]),
  );
}

const SCORED_TEXTS = ['heldOut', 'training'] as const satisfies readonly ScoredText[];

const PROBE = object({
  of: v.picklist(SCORED_TEXTS, ' is neither heldOut nor training.'),
  batch: object({ chunks: list(CHUNK, 2, MAXIMUM_CHUNKS) }),
});

/** As many letters as an evaluation has rows at most: 64 batches of 32. */
const LETTERS = v.pipe(text(64 * MAXIMUM_CHUNKS), v.regex(/^[0-9a-c]*$/, ' is no list of twelfths.'));
const FINDINGS = v.pipe(
  object({ retriever: LETTERS, untrained: optional(LETTERS), tfidf: LETTERS, bm25: LETTERS }),
  v.check(
    ({ retriever, ...others }) =>
      Object.values(others).every((one) => (one?.length ?? retriever.length) === retriever.length),
    ' has rankings of different lengths.',
  ),
);

function evaluationSchema({ table, numbers: kind }: Accepted) {
  const metric = ({ isOptional, isNewer, range: [low, high] = EVERYTHING }: MetricDefinition) => {
    const one = number(low, high, kind);
    return isOptional ? optional(one) : isNewer ? v.optional(one) : one;
  };
  return object({
    step: wholeNumber(0, 1e9),
    of: optional(v.picklist(SCORED_TEXTS, ' is neither heldOut nor training.')),
    findings: optional(FINDINGS),
    ...Object.fromEntries(table.evaluationMetrics.map((one) => [one.key, metric(one)])),
  });
}

/** @throws CheckError unless every step is later than the one before it. */
export function checkOrder(entries: readonly { readonly step: number }[], place: string): void {
  const wrong = entries.findIndex(({ step }, i) => i > 0 && step <= (entries[i - 1]?.step ?? -1));
  if (wrong > 0) throw new CheckError(`${place}[${wrong}] is not of a later step than the one before it.`);
}
