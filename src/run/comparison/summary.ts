import { holm, pairedT, signFlip } from '../../evaluation/significance/pairedTests.ts';
import { budgetOf, BUDGETS, type Budget, type ComparisonDefinition } from './definition.ts';
import type { ComparisonState, CurvePoint, TrialResult } from './state.ts';
import { rateChoice, type RateChoice } from './trials.ts';

/** A mean over seeds, and how far seeds spread (standard deviation with n − 1; undefined for a single one). */
export interface Spread {
  readonly mean: number;
  readonly sd: number | undefined;
}

/** A test of the differences to the contender that all are compared with; corrected: for all that are compared at once (Holm). */
export interface Tested {
  readonly p: number;
  readonly corrected: number;
}

/** A line of the table. */
export interface ComparedRow {
  readonly contender: string;
  readonly learningRate: number;
  readonly rates?: RateChoice | undefined;
  readonly seeds: number;
  readonly diverged: number;
  /** What it is judged by. */
  readonly score: Spread;
  /** All scores at the same point, means over seeds. */
  readonly scores: Readonly<Record<string, number>>;
  readonly spent: Readonly<Record<Budget, number>>;
  /** Undefined for the first, which the others are compared with. */
  readonly against?:
    | {
        /** Mean difference over seeds. */
        readonly difference: number;
        /** Paired t test over seeds: whether another seed would say the same. Undefined for fewer than two. */
        readonly seeds: Tested | undefined;
        /** Sign-flip test over queries or chunks, each the mean over seeds: whether other queries would. Undefined where they differ. */
        readonly items: Tested | undefined;
      }
    | undefined;
}

export interface ComparedTable {
  /** Where the runs are compared: at this much of this. */
  readonly axis: Budget;
  readonly amount: number;
  readonly rows: readonly ComparedRow[];
}

/** A curve of one contender: means over seeds at its looks. */
export interface MeanCurve {
  readonly contender: string;
  readonly points: readonly { readonly spent: Readonly<Record<Budget, number>>; readonly score: Spread }[];
}

const reported = (state: ComparisonState, contender?: string): TrialResult[] =>
  state.results.filter((one) => one.purpose === 'reported' && (contender === undefined || one.contender === contender));

/** Names of those that have a run, in the order of the file. */
function namesOf(state: ComparisonState): string[] {
  return [...new Set(reported(state).map(({ contender }) => contender))];
}

/**
 * The table where all have spent the budget; or, on another axis, as much as all runs have reached: on a straight line between the looks
 * of a run before and after that.
 * Only seeds with which all have run count, so that a comparison that was stopped compares like with like.
 */
export function comparedTable(state: ComparisonState, axis?: Budget): ComparedTable {
  const { definition } = state;
  const budget = budgetOf(definition);
  const names = namesOf(state);
  const seeds = definition.seeds.filter((seed) =>
    names.every((name) => reported(state, name).some((one) => one.seed === seed)),
  );
  const runs = new Map(
    names.map((name) => [name, seeds.flatMap((seed) => reported(state, name).find((one) => one.seed === seed) ?? [])]),
  );
  const where = axis ?? budget.kind;
  const isBudget = where === budget.kind;
  const ends = [...runs.values()].flat().map(({ points }) => points.at(-1)?.[where] ?? 0);
  const amount = isBudget ? budget.amount : Math.min(...ends);
  const at = ({ points }: TrialResult): CurvePoint | undefined =>
    isBudget ? points.at(-1) : interpolated(points, where, amount);
  const looked = new Map([...runs].map(([name, list]) => [name, list.flatMap((run) => at(run) ?? [])]));
  const [first] = names;
  const compared = names
    .slice(1)
    .map((name) => againstFirst(looked.get(name) ?? [], looked.get(first ?? '') ?? [], definition));
  const bySeeds = corrected(compared.map((one) => one.seeds));
  const byItems = corrected(compared.map((one) => one.items));
  return {
    axis: where,
    amount,
    rows: names.map((contender, i): ComparedRow => {
      const points = looked.get(contender) ?? [];
      const list = runs.get(contender) ?? [];
      const beside = compared[i - 1];
      return {
        contender,
        learningRate: list[0]?.learningRate ?? NaN,
        ...(definition.learningRates && { rates: rateChoice(definition, contender, state.results) }),
        seeds: list.length,
        diverged: list.filter(({ divergedAt }) => divergedAt !== undefined).length,
        score: spreadOf(points.map((point) => scoreOf(point, definition))),
        scores: meanScores(points),
        spent: meanSpent(points),
        ...(beside && {
          against: { difference: beside.difference, seeds: bySeeds[i - 1], items: byItems[i - 1] },
        }),
      };
    }),
  };
}

/** A run where it had spent so much. */
function interpolated(points: readonly CurvePoint[], axis: Budget, amount: number): CurvePoint | undefined {
  const after = points.find((point) => point[axis] >= amount * (1 - 1e-9)) ?? points.at(-1);
  const before = points.findLast((point) => point[axis] < amount * (1 - 1e-9)) ?? after;
  if (!after || !before || before === after || after[axis] <= before[axis]) return after;
  const share = Math.min(1, (amount - before[axis]) / (after[axis] - before[axis]));
  const mix = (a: number, b: number): number => a + share * (b - a);
  return {
    ...(Object.fromEntries(BUDGETS.map((kind) => [kind, mix(before[kind], after[kind])])) as Record<Budget, number>),
    scores: Object.fromEntries(
      Object.entries(after.scores).flatMap(([name, value]) => {
        const earlier = before.scores[name];
        return earlier === undefined ? [] : [[name, mix(earlier, value)]];
      }),
    ),
    items:
      before.items.length === after.items.length ? after.items.map((value, i) => mix(before.items[i] ?? 0, value)) : [],
  };
}

/** Curves of all contenders, as far as their runs have come. */
export function meanCurves(state: ComparisonState): MeanCurve[] {
  return namesOf(state).map((contender) => {
    const runs = reported(state, contender);
    const steps = (runs[0]?.points ?? []).map((point) => point.steps);
    const points = steps.flatMap((step) => {
      const looks = runs.flatMap((run) => run.points.find((point) => point.steps === step) ?? []);
      // Where seeds end a step apart, the last look is not one of all.
      return looks.length === runs.length
        ? [{ spent: meanSpent(looks), score: spreadOf(looks.map((look) => scoreOf(look, state.definition))) }]
        : [];
    });
    return { contender, points };
  });
}

function againstFirst(
  ours: readonly CurvePoint[],
  theirs: readonly CurvePoint[],
  definition: ComparisonDefinition,
): { readonly difference: number; readonly seeds: number | undefined; readonly items: number | undefined } {
  const differences = ours.map((one, i) => scoreOf(one, definition) - scoreOf(theirs[i], definition));
  const [mine, yours] = [meanItems(ours), meanItems(theirs)];
  return {
    difference: differences.reduce((sum, one) => sum + one, 0) / differences.length,
    seeds: differences.length < 2 ? undefined : pairedT(differences).p,
    items:
      mine && yours && mine.length === yours.length
        ? signFlip(mine.map((value, i) => value - (yours[i] ?? 0))).p
        : undefined,
  };
}

/** Each query's mean over seeds; undefined where the runs were not judged by the same ones. */
function meanItems(points: readonly CurvePoint[]): number[] | undefined {
  const [first] = points;
  if (!first || first.items.length === 0 || points.some(({ items }) => items.length !== first.items.length))
    return undefined;
  return first.items.map((_, i) => points.reduce((sum, { items }) => sum + (items[i] ?? 0), 0) / points.length);
}

function corrected(ps: readonly (number | undefined)[]): (Tested | undefined)[] {
  const known = ps.filter((p) => p !== undefined);
  const holms = holm(known);
  let next = 0;
  return ps.map((p) => (p === undefined ? undefined : { p, corrected: holms[next++] ?? 1 }));
}

function scoreOf(point: CurvePoint | undefined, { score }: ComparisonDefinition): number {
  return point?.scores[score] ?? NaN;
}

/** @returns mean NaN for none */
export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: values.length < 2 ? undefined : Math.sqrt(squares / (values.length - 1)) };
}

function meanSpent(points: readonly CurvePoint[]): Record<Budget, number> {
  const entries = BUDGETS.map((kind) => [kind, spreadOf(points.map((point) => point[kind])).mean] as const);
  return Object.fromEntries(entries) as Record<Budget, number>;
}

function meanScores(points: readonly CurvePoint[]): Record<string, number> {
  const names = [...new Set(points.flatMap(({ scores }) => Object.keys(scores)))];
  return Object.fromEntries(
    names.map((name) => [name, spreadOf(points.flatMap(({ scores }) => scores[name] ?? [])).mean]),
  );
}
