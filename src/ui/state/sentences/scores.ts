import { CHANCE } from '../../../objectives/recallMetrics.ts';
import { scoreOf, type Evaluation, type ScoredText } from '../../../run/record.ts';
import { comparisons, comparisonWords, RIVALS, type Paired } from '../../../run/significance.ts';
import { decimal } from '../../components/format.ts';
import type { History } from '../history/history.ts';

/** Steps over which numbers of batches are averaged before anything is said about them. */
export const WINDOW = 20;

/** What an evaluation is over, at the beginning of a sentence. */
const OVER: Readonly<Record<ScoredText, string>> = {
  heldOut: 'On held-out text',
  training: 'On the training text',
};

/** The scores of an evaluation that was made not long before `step`. */
export function freshScores(history: History, step: number): Evaluation | undefined {
  const scores = history.evaluationAt(step);
  return scores !== undefined && step - scores.step <= 2 * WINDOW ? scores : undefined;
}

/** "On held-out text": what the scores were made on; where nobody knows, that they were made. */
export function overWords({ of }: Evaluation): string {
  return of === undefined ? 'When last scored' : OVER[of];
}

/** "recall@1 is 0.62, by chance 0.14". */
export function recallWords(recall: number, chance: number): string {
  return `recall@1 is ${decimal(recall)}, by chance ${decimal(chance)}`;
}

/** The score of an evaluation beside chance, as a sentence; empty where it has none. */
export function scoreSentence(evaluation: Evaluation, key: string): string {
  const value = scoreOf(evaluation, key);
  if (value === undefined) return '';
  return `${overWords(evaluation)} ${recallWords(value, scoreOf(evaluation, CHANCE.key) ?? NaN)}.`;
}

/** Whether the retriever has become better than it was before its first step; undefined where that was not measured. */
export function hasLearnt(evaluation: Evaluation | undefined): Paired['verdict'] | undefined {
  return comparisons(evaluation).get('untrained')?.verdict;
}

/** The retriever beside what it has to be compared with: one statement each, of what is known. */
export function comparisonLines(
  evaluation: Evaluation | undefined,
): { readonly verdict: Paired['verdict']; readonly words: string }[] {
  const found = comparisons(evaluation);
  return RIVALS.flatMap(({ of, name }) => {
    const one = found.get(of);
    return one ? [{ verdict: one.verdict, words: comparisonWords(one, name) }] : [];
  });
}
