import type { Configuration } from '../../../settings/configuration.ts';
import type { Evaluation } from '../../../run/record.ts';
import type { History } from '../../state/history/history.ts';
import { COLUMNS, type Column } from '../../state/history/metricTable.ts';

/** Name and unit of each column as they stand in the header. */
const HEADERS: Readonly<Record<Column, string>> = {
  step: 'step',
  loss: 'loss trained (nats/token)',
  ntpLoss: 'loss with context (nats/token)',
  isolatedLoss: 'loss alone (nats/token)',
  recallAt1: 'recall@1 of the batch (share)',
  chance: 'recall@1 by chance (share)',
  effectiveDocuments: 'documents read per row (effective number)',
  gradientNorm: 'gradient norm',
  retrieverGradientNorm: 'gradient norm of the retriever',
  languageModelGradientNorm: 'gradient norm of the language model',
  learningRate: 'learning rate',
  stepMs: 'step time (ms)',
  tokensPerSecond: 'throughput (tokens/s)',
  weights: 'GPU memory: weights (bytes)',
  gradients: 'GPU memory: gradients (bytes)',
  optimiser: 'GPU memory: optimiser (bytes)',
  activations: 'GPU memory: activations (bytes)',
  scratch: 'GPU memory: scratch (bytes)',
  peak: 'GPU memory: peak of the step (bytes)',
  total: 'GPU memory: whole pool (bytes)',
};

const HELD_OUT: readonly (readonly [Exclude<keyof Evaluation, 'step'>, string])[] = [
  ['recallAt1', 'held-out recall@1 (share)'],
  ['chance', 'held-out recall@1 by chance (share)'],
  ['tfidfRecallAt1', 'held-out recall@1 of TF-IDF (share)'],
  ['ntpLoss', 'held-out loss with context (nats/token)'],
  ['isolatedLoss', 'held-out loss alone (nats/token)'],
  ['effectiveDocuments', 'held-out documents read per row (effective number)'],
];

/**
 * The metrics of a run as CSV (RFC 4180): one row per step, empty where there is no value. Scores on held-out batches stand
 * in the rows of their steps; those of the untrained models are a row 0 of their own.
 */
export function metricsCsv(history: History): string {
  const header = [...COLUMNS.map((column) => HEADERS[column]), ...HELD_OUT.map(([, name]) => name)];
  const scores = new Map(history.evaluations.map((evaluation) => [evaluation.step, evaluation]));
  const held = (step: number): (number | undefined)[] => HELD_OUT.map(([key]) => scores.get(step)?.[key]);
  const columns = COLUMNS.map((column) => history.column(column));
  const steps = history.column('step');
  const rows = Array.from(steps, (step, row) => [...columns.map((values) => values[row]), ...held(step)]);
  const own = new Set(steps);
  for (const step of scores.keys()) {
    if (!own.has(step)) rows.push([step, ...COLUMNS.slice(1).map(() => undefined), ...held(step)]);
  }
  rows.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  return [header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** The same as JSON, with the units and the configuration. Missing values are null. */
export function metricsJson(history: History, configuration: Configuration): string {
  const units = Object.fromEntries(COLUMNS.map((column) => [column, HEADERS[column]]));
  const heldOutUnits = Object.fromEntries(HELD_OUT);
  const steps = history.column('step');
  const metrics = Array.from(steps, (_, row) =>
    Object.fromEntries(COLUMNS.map((column) => [column, history.column(column)[row]])),
  );
  return JSON.stringify({ configuration, units, metrics, heldOutUnits, heldOut: history.evaluations }, null, 1) + '\n';
}

function cell(value: string | number | undefined): string {
  if (typeof value === 'string') return /[",\r\n]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value;
  return value === undefined || !Number.isFinite(value) ? '' : String(value);
}
