import type { Evaluation, Picture, StepRecord } from '../../run/record.ts';
import type { History } from './history/history.ts';

/** How far a run had come when the page was drawn. */
export interface Reach {
  readonly history: History;
  /** Steps with numbers: the first, the last, how many. 0 where there are none. */
  readonly first: number;
  readonly last: number;
  readonly length: number;
}

/** What is looked at: slider, matrix, sentence, charts and numbers are all drawn from this one. */
export interface Moment extends Reach {
  /** The step looked at, which is that of the picture; 0 where there is none. */
  readonly step: number;
  readonly record: StepRecord | undefined;
  /** What the matrix shows. */
  readonly picture: Picture | undefined;
  /** The last evaluation at or before that step. */
  readonly evaluation: Evaluation | undefined;
}

export function reachOf(history: History): Reach {
  const { firstStep: first, lastStep: last, length } = history;
  return { history, first, last, length };
}

/**
 * The moment that is seen where `wanted` is asked for; undefined follows the run. Pictures are kept of some steps only: it is the
 * last of these at or before it.
 */
export function momentAt(reach: Reach, wanted: number | undefined): Moment {
  const { history, last } = reach;
  const record = history.snapshotAt(Math.min(wanted ?? last, last));
  const step = record?.metrics.step ?? 0;
  return { ...reach, step, record, picture: record, evaluation: history.evaluationAt(step) };
}

/**
 * Where somebody arrives who travels to a step: at the last picture at or before it. Whoever takes a small step forward from the
 * moment shown comes to the next picture, since that is the next thing to see.
 */
export function arrival({ history, step }: Moment, wanted: number): number {
  const steps = history.snapshots.map(({ metrics }) => metrics.step);
  const at = steps.findLast((one) => one <= wanted) ?? steps[0] ?? 0;
  return wanted > step && at <= step ? (steps.find((one) => one > step) ?? at) : at;
}
