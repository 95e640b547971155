import { configure, defaultConfiguration, type Configuration } from '../../../../settings/configuration.ts';
import type { LessonAction, LessonStep } from '../lesson.ts';
import { isQuantity, needsScores, type QuantityName } from '../numbers/quantities.ts';

/** What a trial runs, wherever it is run. */
export interface Trial {
  /** By its seed. */
  readonly configuration: (seed: number) => Configuration;
  readonly steps: number;
  /** The numbers that are taken of it. */
  readonly names: readonly QuantityName[];
}

/** The runs of an action of a step: scored before and after where its numbers need that, and saved nowhere. */
export function trialOf(step: LessonStep, action: LessonAction): Trial {
  const names = namesOf(step);
  const { steps = 1, changes } = action;
  const scores = names.some(needsScores) ? {} : { heldOutBatches: 1 };
  // Of the batch that stays the same, its first and last look are enough: they come with the scores.
  const always = { evaluateEvery: steps, probeEvery: 0, autosaveEvery: 0, ...scores };
  return {
    configuration: (seed) => configure({ ...changes, seed, ...always }, defaultConfiguration()),
    steps,
    names,
  };
}

/** Numbers of a step's runs: those shown, and those that answers and sentences are about. */
export function namesOf({ rows = [], question, claims = {} }: LessonStep): QuantityName[] {
  const conditions = [...(question?.answers.flatMap(({ holds }) => holds) ?? []), ...Object.values(claims).flat()];
  const claimed = conditions.flatMap((one) =>
    'recorded' in one || 'tested' in one ? [] : [one.of, one.against?.of ?? one.of],
  );
  return [...new Set([...rows, ...claimed])].filter(isQuantity);
}
