import { budgetOf, ComparisonError, type ComparisonDefinition, type Contender } from './definition.ts';
import type { CurvePoint, Trial, TrialResult } from './state.ts';

/** By what held-out text chooses a learning rate: recall@1 in its batches, which no query of the collection takes part in. */
export const CHOSEN_BY = 'recallAt1';

/** How a learning rate was found for one of those that are compared. */
export interface RateChoice {
  readonly learningRate: number;
  /** Every rate that was tried, with its recall@1 of held-out batches at the end; undefined where it diverged. */
  readonly tried: readonly { readonly learningRate: number; readonly heldOut: number | undefined }[];
}

/** How many runs a comparison has. */
export function trialCount({ learningRates, seeds }: ComparisonDefinition, contenders: readonly Contender[]): number {
  return contenders.length * ((learningRates?.values.length ?? 0) + seeds.length);
}

/**
 * The run that comes next: first those that choose rates, then seed after seed, so that what is stopped early has a run of each.
 * @throws ComparisonError where no rate of somebody's came to anything
 */
export function nextTrial(
  definition: ComparisonDefinition,
  contenders: readonly Contender[],
  results: readonly TrialResult[],
): Trial | undefined {
  const { learningRates, seeds } = definition;
  const isDone = (trial: Trial): boolean => results.some((one) => isSameTrial(one, trial));
  for (const { name: contender } of contenders)
    for (const learningRate of learningRates?.values ?? []) {
      const trial: Trial = { purpose: 'choosing', contender, seed: learningRates?.seed ?? 0, learningRate };
      if (!isDone(trial)) return trial;
    }
  for (const seed of seeds)
    for (const { name: contender, configuration } of contenders) {
      const learningRate = learningRates
        ? rateChoice(definition, contender, results).learningRate
        : configuration.learningRate;
      const trial: Trial = { purpose: 'reported', contender, seed, learningRate };
      if (!isDone(trial)) return trial;
    }
  return undefined;
}

export function isSameTrial(a: Trial, b: Trial): boolean {
  return (
    a.purpose === b.purpose &&
    a.contender === b.contender &&
    a.seed === b.seed &&
    (a.purpose === 'reported' || a.learningRate === b.learningRate)
  );
}

/** What may be spent on a run: a share of the budget where it only chooses a rate. */
export function amountFor(definition: ComparisonDefinition, { purpose }: Trial): number {
  const { amount } = budgetOf(definition);
  return purpose === 'choosing' ? amount * (definition.learningRates?.share ?? 1) : amount;
}

/**
 * The rate whose run has the highest recall@1 in held-out batches at its end; of equal ones the highest mean over its looks, then the
 * smallest rate. Queries of the collection have no say in it.
 * @throws ComparisonError where all of them diverged
 */
export function rateChoice(
  { learningRates }: ComparisonDefinition,
  contender: string,
  results: readonly TrialResult[],
): RateChoice {
  const tried = (learningRates?.values ?? []).flatMap((learningRate) => {
    const found = results.find(
      (one) => one.purpose === 'choosing' && one.contender === contender && one.learningRate === learningRate,
    );
    return found ? [{ learningRate, result: found }] : [];
  });
  const sound = tried.filter(({ result }) => result.divergedAt === undefined);
  const best = sound.toSorted(
    (a, b) =>
      heldOutOf(b.result.points.at(-1)) - heldOutOf(a.result.points.at(-1)) ||
      meanHeldOut(b.result) - meanHeldOut(a.result) ||
      a.learningRate - b.learningRate,
  )[0];
  if (!best)
    throw new ComparisonError(
      `learningRates: every rate has diverged for ${contender}. Give smaller ones; all other runs are kept.`,
    );
  return {
    learningRate: best.learningRate,
    tried: tried.map(({ learningRate, result }) => ({
      learningRate,
      heldOut: result.divergedAt === undefined ? heldOutOf(result.points.at(-1)) : undefined,
    })),
  };
}

function heldOutOf(point: CurvePoint | undefined): number {
  return point?.scores[CHOSEN_BY] ?? 0;
}

function meanHeldOut({ points }: TrialResult): number {
  return points.reduce((sum, point) => sum + heldOutOf(point), 0) / Math.max(1, points.length);
}
