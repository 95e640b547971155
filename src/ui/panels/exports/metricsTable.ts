import { MEMORY_METRICS, stepMetrics, type MetricDefinition } from '../../../objectives/tables.ts';
import { scoreOf } from '../../../run/record.ts';
import type { Configuration } from '../../../settings/configuration.ts';
import type { History } from '../../state/history/history.ts';
import { batchName } from '../../state/pairs.ts';

/** A column with its name and unit as they stand in the header. */
type Column = readonly [key: string, header: string];

/**
 * The metrics of a run as CSV (RFC 4180): one row per step, empty where there is no value. Scores stand
 * in the rows of their steps, and so does what was seen of the batch that stays the same; those of the untrained models are a row 0
 * of their own.
 */
export function metricsCsv(history: History): string {
  const [ofSteps, ofScores, ofLooks] = [stepColumns(history), scoreColumns(history), probeColumns(history)];
  const ofCollection = collectionColumns(history);
  const header = [...ofSteps, ...ofScores, ...ofLooks, ...ofCollection].map(([, name]) => name);
  const looks = new Map((history.probe?.toProbe().records ?? []).map(({ metrics }) => [metrics.step, metrics]));
  const scores = new Map(history.evaluations.map((evaluation) => [evaluation.step, evaluation]));
  const curve = new Map(history.collection?.scores.map(({ step, means }) => [step, means]));
  const scored = (step: number): (number | undefined)[] => [
    ...ofScores.map(([key]) => scoreOf(scores.get(step), key)),
    ...ofLooks.map(([key]) => looks.get(step)?.[key]),
    ...ofCollection.map(([key]) => curve.get(step)?.[key]),
  ];
  const columns = ofSteps.map(([key]) => history.column(key));
  const steps = history.column('step');
  const rows = Array.from(steps, (step, row) => [...columns.map((values) => values[row]), ...scored(step)]);
  const own = new Set(steps);
  for (const step of new Set([...scores.keys(), ...looks.keys(), ...curve.keys()])) {
    if (!own.has(step)) rows.push([step, ...columns.slice(1).map(() => undefined), ...scored(step)]);
  }
  rows.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
  return [header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';
}

/** The same as JSON, with the units and the configuration. Missing values are null. */
export function metricsJson(history: History, configuration: Configuration): string {
  const columns = stepColumns(history);
  const units = Object.fromEntries(columns);
  const { scored, evaluations } = history;
  const scoreUnits = Object.fromEntries(scoreColumns(history));
  const metrics = Array.from(history.column('step'), (_, row) =>
    Object.fromEntries(columns.map(([key]) => [key, history.column(key)[row]])),
  );
  // Under the names that earlier versions gave them, where that is what they are.
  const scores =
    scored === 'training'
      ? { trainingTextUnits: scoreUnits, trainingText: evaluations }
      : { heldOutUnits: scoreUnits, heldOut: evaluations };
  const { probe } = history;
  const fixed = probe && {
    fixedBatchUnits: Object.fromEntries(probeColumns(history)),
    fixedBatch: probe.toProbe().records.map((one) => one.metrics),
  };
  const { collection } = history;
  return (
    JSON.stringify({ configuration, units, metrics, ...scores, ...fixed, ...(collection && { collection }) }, null, 1) +
    '\n'
  );
}

function stepColumns({ table }: History): Column[] {
  return [
    ...stepMetrics(table).map(named),
    ...MEMORY_METRICS.map(({ key, label }): Column => [key, `GPU memory: ${label} (bytes)`]),
  ];
}

function scoreColumns({ table, scored = 'heldOut' }: History): Column[] {
  const over = { heldOut: 'held-out', training: 'training-text' }[scored];
  return table.evaluationMetrics.map(named).map(([key, header]): Column => [key, `${over} ${header}`]);
}

/** Numbers of the batch that stays the same; none where there is none. */
function probeColumns({ table, probe }: History): Column[] {
  if (!probe) return [];
  const name = batchName('probe', probe.of);
  return table.probeMetrics.map(named).map(([key, header]): Column => [key, `${name}: ${header}`]);
}

/** Scores on a labelled collection; none where there was none. */
function collectionColumns({ collection }: History): Column[] {
  const measures = Object.keys(collection?.scores[0]?.means ?? {});
  return measures.map((name): Column => [name, `${name} on ${collection?.title}`]);
}

function named({ key, label, unit }: MetricDefinition): Column {
  return [key, unit === '' ? label : `${label} (${unit})`];
}

function cell(value: string | number | undefined): string {
  if (typeof value === 'string') return /[",\r\n]/.test(value) ? `"${value.replace(/"/g, '""')}"` : value;
  return value === undefined || !Number.isFinite(value) ? '' : String(value);
}
