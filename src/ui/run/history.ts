import type { Evaluation, RunRecord, StepMetrics, StepRecord } from '../../lab/run.ts';
import { GrowingColumn } from './growingColumn.ts';

/** The numbers of a step that are drawn over time. */
export const METRICS = [
  'step',
  'loss',
  'ntpLoss',
  'isolatedLoss',
  'recallAt1',
  'chance',
  'effectiveDocuments',
  'gradientNorm',
  'retrieverGradientNorm',
  'languageModelGradientNorm',
  'learningRate',
  'stepMs',
  'tokensPerSecond',
] as const satisfies readonly (keyof StepMetrics)[];

export type Metric = (typeof METRICS)[number];

/** Most pictures kept of a run. When there are more, every second one goes and half as many are taken from then on. */
export const MAXIMUM_SNAPSHOTS = 200;

/**
 * A run as the page holds it: the numbers of all steps in compact columns, the pictures of an evenly thinned set of steps
 * and of the last one. Memory grows by about 100 bytes a step and stays bounded in everything larger.
 */
export class History {
  private readonly columns = new Map<Metric, GrowingColumn>(METRICS.map((metric) => [metric, new GrowingColumn()]));
  private kept: StepRecord[] = [];
  private stride = 1;
  private last: StepRecord | undefined;
  private evaluated: Evaluation[] = [];

  static from(run: RunRecord): History {
    const history = new History();
    for (const metrics of run.metrics) history.addMetrics(metrics);
    history.kept = [...run.snapshots];
    history.last = run.snapshots.at(-1);
    history.evaluated = [...run.evaluations];
    return history;
  }

  get length(): number {
    return this.column('step').length;
  }

  /** Step of the first entry, or 0 when there is none. */
  get firstStep(): number {
    return this.column('step')[0] ?? 0;
  }

  get lastStep(): number {
    return this.column('step').at(-1) ?? 0;
  }

  get latest(): StepRecord | undefined {
    return this.last;
  }

  get evaluations(): readonly Evaluation[] {
    return this.evaluated;
  }

  /** All values of one metric, one per step; NaN where a step has none. A view: valid until the next step is added. */
  column(metric: Metric): Float64Array {
    return this.columns.get(metric)?.view() ?? new Float64Array();
  }

  /** Pictures in order of their steps, the latest included. */
  get snapshots(): readonly StepRecord[] {
    const { last } = this;
    if (!last || this.kept.at(-1) === last) return this.kept;
    return [...this.kept, last];
  }

  add(record: StepRecord): void {
    this.addMetrics(record.metrics);
    this.last = record;
    if (this.kept.length > 0 && record.metrics.step % this.stride !== 0) return;
    this.kept.push(record);
    if (this.kept.length <= MAXIMUM_SNAPSHOTS) return;
    this.stride *= 2;
    this.kept = this.kept.filter(({ metrics }, i) => i === 0 || metrics.step % this.stride === 0);
  }

  addEvaluation(evaluation: Evaluation): void {
    this.evaluated = [...this.evaluated.filter(({ step }) => step !== evaluation.step), evaluation];
  }

  /** Index of the last entry at or before `step` (0 when all are later). */
  indexAt(step: number): number {
    const steps = this.column('step');
    let low = 0;
    let high = steps.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((steps[middle] ?? Infinity) <= step) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  value(metric: Metric, step: number): number {
    return this.column(metric)[this.indexAt(step)] ?? NaN;
  }

  /** Mean over the `count` steps that end at `step`; NaN when none of them has a value. */
  recentMean(metric: Metric, step: number, count: number): number {
    const end = this.indexAt(step) + 1;
    const values = this.column(metric)
      .subarray(Math.max(0, end - count), end)
      .filter((value) => !Number.isNaN(value));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  /** The last picture at or before `step`, else the first there is. */
  snapshotAt(step: number): StepRecord | undefined {
    return this.snapshots.findLast(({ metrics }) => metrics.step <= step) ?? this.snapshots[0];
  }

  /** The last scores on held-out batches at or before `step`. */
  evaluationAt(step: number): Evaluation | undefined {
    return this.evaluated.findLast((evaluation) => evaluation.step <= step);
  }

  private addMetrics(metrics: StepMetrics): void {
    for (const [metric, column] of this.columns) column.push(metrics[metric] ?? NaN);
  }
}
