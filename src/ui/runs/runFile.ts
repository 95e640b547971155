import { configure, type Configuration } from '../../lab/configuration.ts';
import type {
  ChunkView,
  CorpusSummary,
  Evaluation,
  MemoryView,
  RunRecord,
  StepMetrics,
  StepRecord,
} from '../../lab/run.ts';
import { SettingError } from '../../lab/setting.ts';
import { MEMORY, METRICS } from '../run/metricTable.ts';
import { array, CheckError, number, object, optional, text, wholeNumber } from './checks.ts';

/** Larger files are not even read. */
export const MAXIMUM_FILE_BYTES = 128 * 1024 * 1024;

const MAXIMUM_STEPS = 2_000_000;
const MAXIMUM_PICTURES = 5000;
/** As many chunks and tokens as a configuration can ask for, with a token or two that mark the ends. */
const MAXIMUM_CHUNKS = 32;
const MAXIMUM_TOKENS = 512;
const MAXIMUM_TEXT = 100_000;
const MAXIMUM_NAME = 200;

/** Digits that a 32-bit number has. */
const DIGITS = 7;

/** A file that holds no run. The message says why, for people. */
export class RunFileError extends Error {
  constructor(name: string, why: string) {
    super(`${name} holds no run that this page can read: ${why} Your runs are as they were.`);
    this.name = 'RunFileError';
  }
}

/** A run as a file: the same JSON that the command line writes. Steps whose numbers are not finite are left out. */
export function writeRun(run: RunRecord): string {
  const isFinite = (metrics: StepMetrics): boolean => METRICS.every((key) => Number.isFinite(metrics[key] ?? 0));
  const metrics = run.metrics.filter(isFinite);
  const snapshots = run.snapshots.filter((one) => isFinite(one.metrics));
  const { configuration, ...rest } = run;
  const measured = JSON.stringify({ ...rest, metrics, snapshots }, (_, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(DIGITS)) : value,
  );
  // Settings are exact, what was measured is as exact as it was.
  return `{"configuration":${JSON.stringify(configuration)},${measured.slice(1)}`;
}

/**
 * Reads a run from a file that anybody may have written. `name` is the file's.
 * @throws RunFileError when it is no JSON, of another version, too large, or holds anything but what a run holds.
 */
export function readRun(content: string, name: string): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw new RunFileError(name, 'it is no JSON.');
  }
  try {
    return checkRun(value);
  } catch (error) {
    if (error instanceof CheckError || error instanceof SettingError) throw new RunFileError(name, error.message);
    throw error;
  }
}

function checkRun(value: unknown): RunRecord {
  const run = object(value, 'The file');
  if (run.version !== 1) {
    const version = JSON.stringify(run.version)?.slice(0, 40) ?? 'none';
    throw new CheckError(`its version is ${version}, and this page reads version 1.`);
  }
  const metrics = array(run.metrics, 'metrics', 1, MAXIMUM_STEPS).map((one, i) => checkMetrics(one, `metrics[${i}]`));
  const snapshots = array(run.snapshots, 'snapshots', 1, MAXIMUM_PICTURES).map((one, i) =>
    checkSnapshot(one, `snapshots[${i}]`),
  );
  checkOrder(metrics, 'metrics');
  checkOrder(
    snapshots.map((one) => one.metrics),
    'snapshots',
  );
  return {
    version: 1,
    name: text(run.name, 'name', MAXIMUM_NAME),
    configuration: checkConfiguration(run.configuration),
    corpus: checkCorpus(run.corpus),
    adapter: text(run.adapter, 'adapter', MAXIMUM_NAME),
    metrics,
    snapshots,
    evaluations: array(run.evaluations, 'evaluations', 0, MAXIMUM_STEPS).map((one, i) =>
      checkEvaluation(one, `evaluations[${i}]`),
    ),
  };
}

function checkConfiguration(value: unknown): Configuration {
  return configure(object(value, 'configuration'));
}

function checkOrder(metrics: readonly StepMetrics[], place: string): void {
  const wrong = metrics.findIndex(({ step }, i) => i > 0 && step <= (metrics[i - 1]?.step ?? 0));
  if (wrong > 0) throw new CheckError(`${place}[${wrong}] is not of a later step than the one before it.`);
}

function checkMetrics(value: unknown, place: string): StepMetrics {
  const given = object(value, place);
  const memory = object(given.memory, `${place}.memory`);
  const of = (key: Exclude<keyof StepMetrics, 'memory'>): number => number(given[key], `${place}.${key}`);
  const share = (key: 'recallAt1' | 'chance'): number | undefined =>
    optional(given[key], (one) => number(one, `${place}.${key}`, 0, 1));
  return {
    ...(Object.fromEntries(
      METRICS.filter((key) => key !== 'recallAt1' && key !== 'chance').map((key) => [key, of(key)]),
    ) as unknown as StepMetrics),
    step: wholeNumber(given.step, `${place}.step`, 1, 1e9),
    recallAt1: share('recallAt1'),
    chance: share('chance'),
    memory: Object.fromEntries(
      MEMORY.map((key) => [key, number(memory[key], `${place}.memory.${key}`, 0, 1e15)]),
    ) as unknown as MemoryView,
  };
}

function checkSnapshot(value: unknown, place: string): StepRecord {
  const given = object(value, place);
  const batch = object(given.batch, `${place}.batch`);
  const chunks = array(batch.chunks, `${place}.batch.chunks`, 2, MAXIMUM_CHUNKS).map((one, i) =>
    checkChunk(one, `${place}.batch.chunks[${i}]`),
  );
  const size = chunks.length;
  const matrix = (key: 'similarity' | 'attention', low: number): number[] =>
    array(given[key], `${place}.${key}`, size * size, size * size).map((one, i) =>
      number(one, `${place}.${key}[${i}]`, low, 1.001),
    );
  const losses = (key: 'tokenLoss' | 'isolatedTokenLoss'): number[][] =>
    array(given[key], `${place}.${key}`, size, size).map((row, i) =>
      array(row, `${place}.${key}[${i}]`, 0, MAXIMUM_TOKENS).map((one, t) =>
        number(one, `${place}.${key}[${i}][${t}]`, -1, 1e6),
      ),
    );
  return {
    metrics: checkMetrics(given.metrics, `${place}.metrics`),
    batch: { chunks },
    similarity: matrix('similarity', -1e6),
    attention: matrix('attention', -0.001),
    tokenLoss: losses('tokenLoss'),
    isolatedTokenLoss: losses('isolatedTokenLoss'),
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

function checkCorpus(value: unknown): CorpusSummary {
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

function checkEvaluation(value: unknown, place: string): Evaluation {
  const given = object(value, place);
  const share = (key: 'recallAt1' | 'chance' | 'tfidfRecallAt1'): number | undefined =>
    optional(given[key], (one) => number(one, `${place}.${key}`, 0, 1));
  return {
    step: wholeNumber(given.step, `${place}.step`, 0, 1e9),
    recallAt1: share('recallAt1'),
    chance: share('chance'),
    tfidfRecallAt1: share('tfidfRecallAt1'),
    ntpLoss: number(given.ntpLoss, `${place}.ntpLoss`),
    isolatedLoss: number(given.isolatedLoss, `${place}.isolatedLoss`),
    effectiveDocuments: number(given.effectiveDocuments, `${place}.effectiveDocuments`),
  };
}
