import { CHANCE } from '../../../objectives/recallMetrics.ts';
import { scoreOf, type Evaluation, type ScoredText } from '../../../run/record.ts';
import { comparisons, comparisonWords, RIVALS, type Paired } from '../../../run/significance.ts';
import { count, decimal, whole } from '../../components/format.ts';
import type { Moment } from '../moment.ts';

/** Steps over which numbers of batches are averaged before anything is said about them. */
export const WINDOW = 20;

/** What an evaluation is over, at the beginning of a sentence. */
const OVER: Readonly<Record<ScoredText, string>> = {
  heldOut: 'On held-out text',
  training: 'On the training text',
};

/** What the last steps and the last evaluation say of a run. */
export interface RecentScores {
  readonly step: number;
  /** recall@1 of the last evaluation, or where that is long ago, of recent batches; NaN without partners. */
  readonly recall: number;
  /** The same beside chance, and what it is over. */
  readonly told: string;
  /** Whether the retriever finds more than before its first step; undefined where that is not known. */
  readonly learnt: Paired['verdict'] | undefined;
  /** Nats per token that reading saves. */
  readonly gain: number;
}

export function recentScores(moment: Moment): RecentScores {
  const { history, step } = moment;
  const mean = (metric: string): number => history.recentMean(metric, step, WINDOW);
  const evaluation = freshScores(moment);
  const scored = scoreOf(evaluation, 'recallAt1');
  const recall = scored ?? mean('recallAt1');
  const chance = scoreOf(evaluation, 'chance') ?? mean('chance');
  const over = evaluation && scored !== undefined ? overWords(evaluation) : 'On the batches trained on';
  return {
    step,
    recall,
    told: `${over} ${recallWords(recall, chance)}.`,
    learnt: hasLearnt(evaluation),
    gain: mean('isolatedLoss') - mean('ntpLoss'),
  };
}

/** The scores of an evaluation that was made not long before the moment. */
export function freshScores({ evaluation, step }: Pick<Moment, 'evaluation' | 'step'>): Evaluation | undefined {
  return evaluation !== undefined && step - evaluation.step <= 2 * WINDOW ? evaluation : undefined;
}

/** "In the last 20 steps": those that led to the moment. */
export function lastSteps({ step }: Pick<Moment, 'step'>): string {
  return step === 1 ? 'In the first step' : `In the last ${Math.min(WINDOW, step)} steps`;
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

/** The retriever beside one that it has to be compared with. */
export interface ComparisonLine {
  readonly verdict: Paired['verdict'];
  /** In few words, read on from the one before: "better than untrained (14 : 3)", "TF-IDF (12 : 2)". */
  readonly short: string;
  /** In a sentence's worth, with how likely it is by chance. */
  readonly words: string;
}

/** One statement for each of which it is known how it did on the same chunks. */
export function comparisonLines(evaluation: Evaluation | undefined): ComparisonLine[] {
  const found = comparisons(evaluation);
  let before: Paired['verdict'] | undefined;
  return RIVALS.flatMap(({ of, name }): ComparisonLine[] => {
    const one = found.get(of);
    // Before the first step it is the untrained retriever itself.
    if (!one || (of === 'untrained' && evaluation?.step === 0)) return [];
    const { verdict, more, less } = one;
    const how = verdict === before ? '' : verdict === 'no difference' ? 'no difference to ' : `${verdict} than `;
    before = verdict;
    const short = `${how}${of === 'untrained' ? of : name} (${more} : ${less})`;
    return [{ verdict, short, words: comparisonWords(one, name) }];
  });
}

/** "On held-out text, 60 chunks at step 50": what the comparisons are over. */
export function comparedOver(evaluation: Evaluation): string {
  const chunks = evaluation.findings?.retriever.length ?? 0;
  return `${overWords(evaluation)}, ${count(chunks, 'chunk')} at step ${whole(evaluation.step)}`;
}
