import { decimal, compact } from '../../../components/format.ts';
import type { History, Metric } from '../../../state/history/history.ts';

/** A chart in which every run is one line. */
export interface ComparedChart {
  readonly title: string;
  readonly unit: string;
  readonly domain?: readonly [number, number];
  readonly logarithmic?: boolean;
  readonly cropped?: boolean;
  readonly format: (value: number) => string;
  /** The line of a run: steps and values. */
  readonly of: (history: History) => { readonly xs: ArrayLike<number>; readonly ys: ArrayLike<number> };
}

/** Two digits: gradients differ by powers of ten. */
const short = (value: number): string => (Number.isNaN(value) ? '–' : String(Number(value.toPrecision(2))));

const metric =
  (name: Metric): ComparedChart['of'] =>
  (history) => ({ xs: history.column('step'), ys: history.column(name) });

/** The charts of a run, one number each: what a run's own charts show. */
export const COMPARED_CHARTS: readonly ComparedChart[] = [
  { title: 'Loss with context', unit: 'nats per token', cropped: true, format: decimal, of: metric('ntpLoss') },
  { title: 'Loss alone', unit: 'nats per token', cropped: true, format: decimal, of: metric('isolatedLoss') },
  {
    title: 'Recall@1, held-out',
    unit: '',
    domain: [0, 1],
    format: decimal,
    of: ({ evaluations }) => {
      const scored = evaluations.filter(({ recallAt1 }) => recallAt1 !== undefined);
      return { xs: scored.map(({ step }) => step), ys: scored.map(({ recallAt1 }) => recallAt1 ?? NaN) };
    },
  },
  { title: 'Recall@1, batch', unit: '', domain: [0, 1], format: decimal, of: metric('recallAt1') },
  { title: 'Read per row', unit: 'documents', format: decimal, of: metric('effectiveDocuments') },
  {
    title: 'Gradient norm, retriever',
    unit: '',
    logarithmic: true,
    format: compact,
    of: metric('retrieverGradientNorm'),
  },
  { title: 'Gradient norm, LM', unit: '', logarithmic: true, format: short, of: metric('languageModelGradientNorm') },
  { title: 'Step time', unit: 'ms', cropped: true, format: compact, of: metric('stepMs') },
  { title: 'Throughput', unit: 'tokens/s', format: compact, of: metric('tokensPerSecond') },
];
