import { tableOf } from '../../src/objectives/tables.ts';
import { configure } from '../../src/settings/configuration.ts';
import type { ProbeRecord, RunRecord, StepMetrics, StepRecord } from '../../src/run/record.ts';
import type { History } from '../../src/ui/state/history/history.ts';
import { momentAt, reachOf } from '../../src/ui/state/moment.ts';
import type { Seen } from '../../src/ui/state/sentences/words.ts';

export const REVELA = tableOf({ objective: 'revela' });
export const INFO_NCE = tableOf({ objective: 'infoNce' });

/** Metrics of a step in which nothing has been learnt, with changes. */
export function metrics(step: number, changes: MetricChanges = {}): StepMetrics {
  return {
    step,
    loss: 1.3,
    ntpLoss: 1.3,
    isolatedLoss: 1.3,
    recallAt1: 0.25,
    chance: 1 / 3,
    effectiveDocuments: 1.5,
    gradientNorm: 1,
    retrieverGradientNorm: 0.1,
    languageModelGradientNorm: 1,
    learningRate: 1e-3,
    stepMs: 20,
    tokensPerSecond: 1000,
    memory: { weights: 1, gradients: 1, optimiser: 1, activations: 1, scratch: 1, peak: 5, total: 6 },
    ...changes,
  };
}

/** A batch of four chunks with the given documents; A row by row. */
export function record(
  step: number,
  { documents = [0, 1, 0, 1], attention = uniform(4), ...changes }: RecordOptions = {},
): StepRecord {
  return {
    metrics: metrics(step, changes as MetricChanges),
    batch: {
      chunks: documents.map((document, i) => ({
        text: `chunk ${i}`,
        document,
        documentTitle: `document ${document}`,
        tokens: ['chunk', ` ${i}`],
      })),
    },
    similarity: attention.map(() => 0.5),
    attention,
    tokenLoss: documents.map(() => [0.5]),
    isolatedTokenLoss: documents.map(() => [2]),
  };
}

/** A record of InfoNCE: four chunks of two documents; P row by row. */
export function cropRecord(
  step: number,
  { attention = uniform(4).map(() => 0.25), ...changes }: RecordOptions = {},
): StepRecord {
  const { metrics: revela, batch, similarity } = record(step, { attention });
  const { ntpLoss: _, isolatedLoss: __, effectiveDocuments: ___, ...common } = revela;
  const own = { loss: 1.4, infoNceLoss: 1.4, cropAccuracy: 0.25, languageModelGradientNorm: 0 };
  return { metrics: { ...common, ...own, ...(changes as MetricChanges) }, batch, similarity, attention };
}

/** Each row gives 0.7 to the column of its place, and the rest to the others. */
export function finds(columns: readonly number[]): number[] {
  return columns.flatMap((most) => columns.map((_, column) => (column === most ? 0.7 : 0.1)));
}

export type MetricChanges = Readonly<Record<string, number | undefined>>;

/** What is in the batch and in A; everything else are metrics. */
export interface RecordOptions {
  readonly [metric: string]: number | readonly number[] | undefined;
  readonly documents?: readonly number[];
  readonly attention?: readonly number[];
}

export function uniform(size: number): number[] {
  return Array.from({ length: size * size }, (_, at) => (Math.floor(at / size) === at % size ? 0 : 1 / (size - 1)));
}

/** Each row reads one column with 0.9 and the others with the rest. */
export function reads(columns: readonly number[]): number[] {
  const size = columns.length;
  return columns.flatMap((most, row) =>
    columns.map((_, column) => (column === row ? 0 : column === most ? 0.9 : 0.1 / (size - 2))),
  );
}

/** A record of 32 chunks of 256 tokens: nothing larger can be configured. */
export function largestRecord(step = 1): StepRecord {
  const tokens = Array.from({ length: 256 }, (_, t) => ` w${t}`);
  const losses = Array.from({ length: 32 }, () => tokens.slice(1).map((_, t) => 1 / (t + 3)));
  return {
    metrics: metrics(step),
    batch: {
      chunks: losses.map((_, i) => ({
        text: tokens.join(''),
        document: i >> 1,
        documentTitle: `Document ${i}`,
        tokens,
      })),
    },
    similarity: Array.from({ length: 1024 }, (_, i) => Math.sin(i)),
    attention: uniform(32),
    tokenLoss: losses,
    isolatedTokenLoss: losses,
  };
}

/** The batch that stays the same, of the same four chunks, as it looks after so many updates. */
export function probeRecord(step: number, { documents, attention, ...changes }: RecordOptions = {}): ProbeRecord {
  const {
    batch: _batch,
    metrics: _metrics,
    ...views
  } = record(1, {
    ...(documents && { documents }),
    ...(attention && { attention }),
  });
  const numbers = { ntpLoss: 1.3, isolatedLoss: 1.3, recallAt1: 0.25, chance: 1 / 3, effectiveDocuments: 1.5 };
  const shares = { partnerShare: 0.2, partnerShareByChance: 1 / 3, contrast: 0.05 };
  return { ...views, metrics: { ...numbers, ...shares, ...(changes as MetricChanges), step } };
}

/** A batch of four chunks of two documents. */
export const PROBE_BATCH = record(1).batch;

/** A run of which every step has a picture. */
export function runOf(records: readonly StepRecord[], changes: Record<string, unknown> = {}): RunRecord {
  return {
    version: 1,
    name: 'A run',
    configuration: configure(changes),
    corpus: { title: 'Facts', documents: undefined, chunks: undefined, vocabulary: 219, notices: [], preview: [] },
    adapter: 'none',
    metrics: records.map((one) => one.metrics),
    snapshots: records,
    evaluations: [],
  };
}

/** The moment at the end of a run, with its picture. */
export function endOf(history: History): Pick<Seen, 'moment' | 'picture'> {
  const moment = momentAt(reachOf(history), undefined);
  const { picture } = moment;
  if (!picture) throw new Error('an empty history');
  return { moment, picture };
}
