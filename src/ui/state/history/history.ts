import { tableOf, type ObjectiveTable } from '../../../objectives/tables.ts';
import {
  completed,
  type BatchView,
  type CollectionCurve,
  type CollectionScores,
  type Evaluation,
  type Picture,
  type ProbeRecord,
  type RunRecord,
  type ScoredText,
  type StepMetrics,
  type StepRecord,
} from '../../../run/record.ts';
import { MetricTable } from './metricTable.ts';
import { stepPictures } from './pictures.ts';
import { ProbeHistory } from './probeHistory.ts';

export { MAXIMUM_SNAPSHOTS } from './pictures.ts';

/** What the matrix shows: the batch that stays the same through the run, or that of the step looked at. */
export type Subject = 'probe' | 'step';

/**
 * A run as the page holds it: the numbers of its steps in compact columns, and the pictures (matrices, losses of tokens) of a
 * thinned set of steps, as the table of its objective names them. Both are bounded (MAXIMUM_ROWS, MAXIMUM_PICTURE_BYTES); the
 * first step, the last one and the extremes are always among them.
 */
export class History {
  private readonly numbers: MetricTable;
  private readonly pictures;
  private evaluated: Evaluation[] = [];
  /** Scores on a labelled collection, in the order of steps; undefined where the run was not scored on any. */
  collection: CollectionCurve | undefined;
  /** What was seen of the batch that stays the same; undefined where there is none, as in older runs. */
  probe: ProbeHistory | undefined;

  /** An empty one. `table`: what the run's numbers and pictures are. */
  constructor(readonly table: ObjectiveTable) {
    this.numbers = new MetricTable(table);
    this.pictures = stepPictures(table);
  }

  static from(run: RunRecord): History {
    const history = new History(tableOf(run.configuration));
    for (const metrics of run.metrics) history.numbers.add(metrics);
    history.pictures.take(run.snapshots);
    history.evaluated = completed(run);
    history.collection = run.collection;
    if (run.probe) history.probe = ProbeHistory.from(history.table, run.probe);
    return history;
  }

  get length(): number {
    return this.numbers.length;
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

  /** What its evaluations are over; undefined while there is none. */
  get scored(): ScoredText | undefined {
    return this.evaluated.at(-1)?.of;
  }

  /**
   * All values of one metric, one per kept step; NaN where a step has none, empty where the objective has no such metric. A view:
   * valid until the next step is added.
   */
  column(metric: string): Float64Array<ArrayBuffer> {
    return this.numbers.column(metric);
  }

  /** Metrics of the kept steps as they came. */
  metrics(): StepMetrics[] {
    return Array.from({ length: this.length }, (_, row) => this.numbers.row(row));
  }

  /** Pictures in order of their steps, the latest included. */
  get snapshots(): readonly StepRecord[] {
    return this.pictures.all;
  }

  add(record: StepRecord): void {
    this.numbers.add(record.metrics);
    this.pictures.add(record);
  }

  addEvaluation(evaluation: Evaluation): void {
    this.evaluated = [...this.evaluated.filter(({ step }) => step !== evaluation.step), evaluation];
  }

  /** Adds scores on a labelled collection; those on another one begin a curve of their own. A step that is scored again has its last. */
  addCollectionScores(of: Omit<CollectionCurve, 'scores'>, scores: CollectionScores): void {
    const before = this.collection;
    const isSame = before?.title === of.title && before.documents === of.documents && before.queries === of.queries;
    const others = isSame ? before.scores.filter(({ step }) => step < scores.step) : [];
    // What was known beside it once stays known.
    const beside = isSame ? { ...before.beside, ...of.beside } : of.beside;
    this.collection = { ...of, beside, scores: [...others, scores] };
  }

  /** Adds what was seen of the batch that stays the same; with another such batch it begins anew. */
  addProbe(of: ScoredText, batch: BatchView, record: ProbeRecord): void {
    if (!this.probe?.isOf(of, batch)) this.probe = new ProbeHistory(this.table, of, batch);
    this.probe.add(record);
  }

  /** What can be shown where `wanted` is asked for: the batches of steps where there are no others. */
  subjectOf(wanted: Subject): Subject {
    return wanted === 'probe' && (this.probe?.snapshots.length ?? 0) > 0 ? 'probe' : 'step';
  }

  /** All pictures of one or the other, in order of their steps. */
  picturesOf(subject: Subject): readonly Picture[] {
    return subject === 'probe' ? (this.probe?.snapshots ?? []) : this.snapshots;
  }

  /** The last picture of one or the other at or before `step`, else the first there is. */
  pictureAt(subject: Subject, step: number): Picture | undefined {
    const pictures = this.picturesOf(subject);
    return pictures.findLast(({ metrics }) => metrics.step <= step) ?? pictures[0];
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

  value(metric: string, step: number): number {
    return this.column(metric)[this.indexAt(step)] ?? NaN;
  }

  /** Mean over the `count` steps that end at `step`; NaN when none of them has a value. */
  recentMean(metric: string, step: number, count: number): number {
    const end = this.indexAt(step) + 1;
    const values = this.column(metric)
      .subarray(Math.max(0, end - count), end)
      .filter((value) => !Number.isNaN(value));
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  /** The record of the last step at or before `step` of which there is one. */
  recordAt(step: number): StepRecord | undefined {
    return this.snapshots.findLast(({ metrics }) => metrics.step <= step);
  }

  /** The last evaluation at or before `step`. */
  evaluationAt(step: number): Evaluation | undefined {
    return this.evaluated.findLast((evaluation) => evaluation.step <= step);
  }
}
