import type { Evaluation, RunRecord, StepMetrics, StepRecord } from '../../../run/record.ts';
import { MetricTable, type Column, type Metric } from './metricTable.ts';
import { Pictures } from './pictures.ts';

export { METRICS, type Metric } from './metricTable.ts';
export { MAXIMUM_SNAPSHOTS } from './pictures.ts';

/**
 * A run as the page holds it: the numbers of its steps in compact columns, and the pictures (S, A, the losses of every chunk)
 * of a thinned set of steps. Both are bounded (MAXIMUM_TABLE_BYTES, MAXIMUM_PICTURE_BYTES); the first step, the last one and
 * the extremes are always among them.
 */
export class History {
  private table = new MetricTable();
  private pictures = new Pictures();
  private evaluated: Evaluation[] = [];

  static from(run: RunRecord): History {
    const history = new History();
    for (const metrics of run.metrics) history.table.add(metrics);
    history.pictures = Pictures.of(run.snapshots);
    history.evaluated = [...run.evaluations];
    return history;
  }

  get length(): number {
    return this.table.length;
  }

  /** Step of the first entry, or 0 when there is none. */
  get firstStep(): number {
    return this.column('step')[0] ?? 0;
  }

  get lastStep(): number {
    return this.column('step').at(-1) ?? 0;
  }

  get latest(): StepRecord | undefined {
    return this.pictures.last;
  }

  get evaluations(): readonly Evaluation[] {
    return this.evaluated;
  }

  /** All values of one metric, one per kept step; NaN where a step has none. A view: valid until the next step is added. */
  column(metric: Column): Float64Array<ArrayBuffer> {
    return this.table.column(metric);
  }

  /** Metrics of the kept steps as they came. */
  metrics(): StepMetrics[] {
    return Array.from({ length: this.length }, (_, row) => this.table.row(row));
  }

  /** Pictures in order of their steps, the latest included. */
  get snapshots(): readonly StepRecord[] {
    return this.pictures.all;
  }

  add(record: StepRecord): void {
    this.table.add(record.metrics);
    this.pictures.add(record);
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
}
