import type { Evaluation } from '../../../run/record.ts';
import type { History } from '../history/history.ts';

/** Steps over which numbers of batches are averaged before anything is said about them. */
export const WINDOW = 20;

/** The scores on held-out batches, where those were measured not long before `step`. */
export function freshScores(history: History, step: number): Evaluation | undefined {
  const held = history.evaluationAt(step);
  return held !== undefined && step - held.step <= 2 * WINDOW ? held : undefined;
}
