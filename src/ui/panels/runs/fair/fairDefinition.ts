import { BUILT_IN_COLLECTIONS, FACTS_COLLECTION } from '../../../../lab/door/collections.ts';
import type { Budget } from '../../../../lab/door/comparisonViews.ts';
import { OBJECTIVE_TABLES } from '../../../../objectives/tables.ts';
import { changedSettings, type Configuration } from '../../../../settings/configuration.ts';

export type ObjectiveId = keyof typeof OBJECTIVE_TABLES;

/** Settings as they once stood, under a name. */
export interface Snapshot {
  readonly name: string;
  readonly configuration: Configuration;
}

/** What the form says. */
export interface FairChoice {
  readonly objectives: readonly ObjectiveId[];
  readonly snapshots: readonly Snapshot[];
  /** How many: 1, 2, 3 and so on. */
  readonly seeds: number;
  readonly budget: Budget;
  /** In the unit of UNITS. */
  readonly amount: number;
  /** The collection that judges, by its name; `HELD_OUT`: batches that are kept out of training. */
  readonly judge: string;
  /** Learning rates to choose from, as typed; undefined: that of the settings. */
  readonly rates: string | undefined;
}

/** In the place of a collection's name, since none is empty. */
export const HELD_OUT = '';

/** Something that a comparison may be judged by. */
export interface Judge {
  readonly name: string;
  readonly label: string;
}

/**
 * All that there are here.
 * @param opened title of the collection that is open under Evaluation. Where a built-in one has that name, it is meant in its place, as
 * the lab takes it
 */
export function judgesBeside(opened: string | undefined): readonly Judge[] {
  const named = [
    { name: FACTS_COLLECTION, label: '128 held-out facts' },
    ...BUILT_IN_COLLECTIONS.map(({ id, title }) => ({ name: id, label: `${title} (built in)` })),
  ].filter(({ name }) => name !== opened);
  const own = opened === undefined ? [] : [{ name: opened, label: `${opened} (open under Evaluation)` }];
  return [
    ...[...own, ...named].map(({ name, label }) => ({ name, label: `nDCG@10 on ${label}` })),
    { name: HELD_OUT, label: 'Recall@1 in held-out batches' },
  ];
}

/** How few and how many are compared at once here; a file may have more. */
export const CONTENDERS = { least: 2, most: 6 } as const;

/** What an amount is typed in. */
export const UNITS: Readonly<Record<Budget, { readonly label: string; readonly size: number }>> = {
  steps: { label: 'steps', size: 1 },
  flops: { label: 'GFLOP (operations)', size: 1e9 },
  chunks: { label: 'chunks', size: 1 },
  seconds: { label: 'seconds', size: 1 },
};

/** Seed of the runs that choose learning rates: none of those that are reported. */
const CHOOSING_SEED = 0;
/** Share of the budget that each of them takes. */
const CHOOSING_SHARE = 0.4;

/**
 * The comparison that a form describes, as `compare` reads it from a file too: what differs from the defaults lies beneath, and of what
 * is compared each has its objective, or what else of the settings was another way.
 */
export function definitionOf(choice: FairChoice, configuration: Configuration): Record<string, unknown> {
  const { objectives, snapshots, seeds, budget, amount, judge, rates } = choice;
  const left = rates === undefined ? ['seed'] : ['seed', 'learningRate'];
  const picked = (from: Configuration, keys: readonly (keyof Configuration)[]): Record<string, unknown> =>
    Object.fromEntries(keys.filter((key) => !left.includes(key)).map((key) => [key, from[key]]));
  const variants = [
    ...objectives.map((objective) => ({ name: OBJECTIVE_TABLES[objective].title, settings: { objective } })),
    ...snapshots.map((one) => ({
      name: one.name,
      settings: picked(one.configuration, changedSettings(one.configuration, configuration)),
    })),
  ];
  return {
    title: variants
      .map(({ name }) => name)
      .join(', ')
      .slice(0, 80)
      .trim(),
    settings: picked(configuration, changedSettings(configuration)),
    variants,
    seeds: Array.from({ length: seeds }, (_, i) => i + 1),
    budget: { [budget]: amount * UNITS[budget].size },
    ...(rates !== undefined && {
      learningRates: {
        values: rates.split(/[\s,;]+/).flatMap((rate) => (rate === '' ? [] : [numberOr(rate)])),
        seed: CHOOSING_SEED,
        share: CHOOSING_SHARE,
      },
    }),
    ...(judge !== HELD_OUT && { collection: judge }),
  };
}

/** What is no number stays as it was typed: then it is complained about by its place. */
function numberOr(text: string): number | string {
  const value = Number(text);
  return Number.isFinite(value) ? value : text;
}

/** What is wrong with how many are chosen; undefined where nothing is. */
export function countProblem({ objectives, snapshots }: FairChoice): string | undefined {
  const count = objectives.length + snapshots.length;
  if (count < CONTENDERS.least) return `Choose at least ${CONTENDERS.least} to compare.`;
  if (count > CONTENDERS.most) return `Choose at most ${CONTENDERS.most}; a file may have more.`;
  return undefined;
}
