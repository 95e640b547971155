import type { Configuration } from '../../../settings/configuration.ts';
import {
  matrixOf,
  metricOf,
  scoreOf,
  tokenRowsOf,
  type Evaluation,
  type RunRecord,
  type StepRecord,
} from '../../../run/record.ts';

/** A number that a lesson speaks of: how to take it from a step, and what to call it. */
export interface LessonMetric {
  readonly label: string;
  /** Decimals it is shown with. */
  readonly digits: number;
  readonly of: (record: StepRecord, configuration: Configuration) => number;
}

/** Numbers of one training step. */
export const METRICS = {
  ntpLoss: { label: 'loss with context', digits: 3, of: ({ metrics }) => metricOf(metrics, 'ntpLoss') },
  isolatedLoss: { label: 'loss alone', digits: 3, of: ({ metrics }) => metricOf(metrics, 'isolatedLoss') },
  gain: {
    label: 'gain of context',
    digits: 3,
    of: ({ metrics }) => metricOf(metrics, 'isolatedLoss') - metricOf(metrics, 'ntpLoss'),
  },
  recallAt1: { label: 'recall@1 on this batch', digits: 2, of: ({ metrics }) => metricOf(metrics, 'recallAt1') },
  chance: { label: 'chance', digits: 3, of: ({ metrics }) => metricOf(metrics, 'chance') },
  effectiveDocuments: {
    label: 'read per row',
    digits: 2,
    of: ({ metrics }) => metricOf(metrics, 'effectiveDocuments'),
  },
  retrieverGradientNorm: {
    label: 'gradient norm of the retriever',
    digits: 4,
    of: ({ metrics }) => metrics.retrieverGradientNorm,
  },
  languageModelGradientNorm: {
    label: 'gradient norm of the language model',
    digits: 3,
    of: ({ metrics }) => metrics.languageModelGradientNorm,
  },
  contextEffect: { label: 'effect of context on a token’s loss', digits: 3, of: contextEffect },
  diagonal: {
    label: 'largest A on the diagonal',
    digits: 3,
    of: (record) => diagonal(attentionOf(record), record.batch.chunks.length),
  },
  rowSumError: {
    label: 'rows of A miss 1 by',
    digits: 6,
    of: (record) => rowSumError(attentionOf(record), record.batch.chunks.length),
  },
  softmaxError: { label: 'A misses softmax(S / τ) by', digits: 6, of: softmaxError },
  largestSimilarity: {
    label: 'largest |S|',
    digits: 3,
    of: (record) => Math.max(...matrixOf(record, 'similarity').map(Math.abs)),
  },
  pairsRead: {
    label: 'pairs that are read',
    digits: 0,
    of: (record) => attentionOf(record).filter((a) => a !== 0).length,
  },
  rowsWithPartner: { label: 'share of chunks with a partner', digits: 2, of: rowsWithPartner },
} as const satisfies Record<string, LessonMetric>;

export type MetricName = keyof typeof METRICS;

/** Numbers on held-out batches. */
export const HELD_OUT = {
  recallAt1: score('recallAt1'),
  tfidfRecallAt1: score('tfidfRecallAt1'),
  chance: score('chance'),
  gain: (evaluation) => score('isolatedLoss')(evaluation) - score('ntpLoss')(evaluation),
  ntpLoss: score('ntpLoss'),
  isolatedLoss: score('isolatedLoss'),
  effectiveDocuments: score('effectiveDocuments'),
} as const satisfies Record<string, (evaluation: Evaluation) => number>;

function score(key: string): (evaluation: Evaluation) => number {
  return (evaluation) => scoreOf(evaluation, key) ?? NaN;
}

export type HeldOutName = keyof typeof HELD_OUT;

/** A number of a recorded run on held-out batches, at a step or at its end; NaN where there is none. */
export function heldOutFigure({ evaluations }: RunRecord, name: HeldOutName, step?: number): number {
  const evaluation = step === undefined ? evaluations.at(-1) : evaluations.find((one) => one.step === step);
  return evaluation ? HELD_OUT[name](evaluation) : NaN;
}

export function isMetric(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name);
}

export function isHeldOut(name: string): name is HeldOutName {
  return Object.hasOwn(HELD_OUT, name);
}

/** Mean over all predicted tokens of |loss alone − loss with context|: how much the neighbours matter, for good or bad. */
function contextEffect(record: StepRecord): number {
  const alone = tokenRowsOf(record, 'isolatedTokenLoss');
  const differences = tokenRowsOf(record, 'tokenLoss').flatMap((row, i) =>
    row.map((loss, t) => Math.abs((alone[i]?.[t] ?? NaN) - loss)),
  );
  return differences.reduce((sum, value) => sum + value, 0) / differences.length;
}

function attentionOf(record: StepRecord): readonly number[] {
  return matrixOf(record, 'attention');
}

function diagonal(attention: readonly number[], size: number): number {
  return Math.max(...Array.from({ length: size }, (_, i) => Math.abs(attention[i * size + i] ?? NaN)));
}

function rowSumError(attention: readonly number[], size: number): number {
  const errors = Array.from({ length: size }, (_, i) =>
    Math.abs(attention.slice(i * size, (i + 1) * size).reduce((sum, a) => sum + a, 0) - 1),
  );
  return Math.max(...errors);
}

/** Largest |A_ij − softmax_{j≠i}(S_ij / τ)|. */
function softmaxError(record: StepRecord, { temperature }: Configuration): number {
  const [similarity, attention] = [matrixOf(record, 'similarity'), attentionOf(record)];
  const size = record.batch.chunks.length;
  let worst = 0;
  for (let i = 0; i < size; i++) {
    const row = Array.from({ length: size }, (_, j) => similarity[i * size + j] ?? NaN);
    const highest = Math.max(...row.filter((_, j) => j !== i));
    const weights = row.map((s, j) => (j === i ? 0 : Math.exp((s - highest) / temperature)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, j) => {
      worst = Math.max(worst, Math.abs((attention[i * size + j] ?? NaN) - weight / total));
    });
  }
  return worst;
}

function rowsWithPartner({ batch: { chunks } }: StepRecord): number {
  const withPartner = chunks.filter(({ document }, i) =>
    chunks.some((other, j) => j !== i && other.document === document),
  );
  return withPartner.length / chunks.length;
}
