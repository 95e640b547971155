import type { Evaluation, Picture, StepRecord } from '../../run/record.ts';
import type { History, Subject } from './history/history.ts';

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
  /** Whose picture it is: where a run has no batch that stays the same, that of the step. */
  readonly subject: Subject;
  /** The first step that can be travelled to: that of the first picture. 0 where there is none. */
  readonly earliest: number;
  /** The step looked at, which is that of the picture; 0 where there is none. */
  readonly step: number;
  readonly picture: Picture | undefined;
  /** What was recorded of the batch of that step, or of the last before it that was; undefined before the first step. */
  readonly record: StepRecord | undefined;
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
export function momentAt(reach: Reach, wanted: number | undefined, asked: Subject = 'probe'): Moment {
  const { history, last } = reach;
  const subject = history.subjectOf(asked);
  const picture = history.pictureAt(subject, Math.min(wanted ?? last, last));
  const step = picture?.metrics.step ?? 0;
  const earliest = history.picturesOf(subject)[0]?.metrics.step ?? 0;
  const record = history.recordAt(step);
  return { ...reach, subject, earliest, step, picture, record, evaluation: history.evaluationAt(step) };
}

/**
 * Where somebody arrives who travels to a step: at the last picture at or before it. Whoever takes a small step forward from the
 * moment shown comes to the next picture, since that is the next thing to see.
 */
export function arrival({ history, subject, step }: Moment, wanted: number): number {
  const steps = history.picturesOf(subject).map(({ metrics }) => metrics.step);
  const at = steps.findLast((one) => one <= wanted) ?? steps[0] ?? 0;
  return wanted > step && at <= step ? (steps.find((one) => one > step) ?? at) : at;
}
