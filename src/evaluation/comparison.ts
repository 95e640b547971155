import type { Scores } from './measures/scores.ts';
import { holm, pairedT, signFlip, type PairedT, type SignFlip } from './significance/pairedTests.ts';

/** A system, and what its rankings are worth. */
export interface ScoredSystem {
  readonly id: string;
  readonly scores: Scores;
}

/** A p value, and the same corrected for all comparisons that are made at once (Holm). */
interface Corrected {
  readonly corrected: number;
}

/** How a system does beside another on the same queries. */
export interface SystemComparison {
  readonly system: string;
  readonly against: string;
  readonly measure: string;
  /** Mean of the system less that of the other. */
  readonly difference: number;
  /** Queries on which the system is better, worse, and the same. */
  readonly better: number;
  readonly worse: number;
  readonly same: number;
  readonly signFlip: SignFlip & Corrected;
  readonly t: PairedT & Corrected;
}

/** The same before it is known what else is compared at once. */
export interface UncorrectedComparison extends Omit<SystemComparison, 'signFlip' | 't'> {
  readonly signFlip: SignFlip;
  readonly t: PairedT;
}

/**
 * Each of several systems beside one that all are compared with, by one measure.
 * @throws RangeError where their scores are not of the same queries: then a difference says nothing.
 */
export function compareSystems(
  baseline: ScoredSystem,
  others: readonly ScoredSystem[],
  measure: string,
  seed = 0,
): SystemComparison[] {
  return corrected(others.map((system) => compareTwo(baseline, system, measure, seed)));
}

/** A system beside another, as compareSystems. @throws RangeError likewise */
export function compareTwo(
  baseline: ScoredSystem,
  system: ScoredSystem,
  measure: string,
  seed = 0,
): UncorrectedComparison {
  const differences = differencesOf(system, baseline, measure);
  const count = (test: (difference: number) => boolean): number => differences.filter(test).length;
  return {
    system: system.id,
    against: baseline.id,
    measure,
    difference: differences.reduce((sum, one) => sum + one, 0) / Math.max(1, differences.length),
    better: count((one) => one > 0),
    worse: count((one) => one < 0),
    same: count((one) => one === 0),
    signFlip: signFlip(differences, seed),
    t: pairedT(differences),
  };
}

/** Comparisons that are made at once, their p values corrected for it (Holm). */
export function corrected(all: readonly UncorrectedComparison[]): SystemComparison[] {
  const flips = holm(all.map(({ signFlip: { p } }) => p));
  const ts = holm(all.map(({ t: { p } }) => p));
  return all.map((one, i) => ({
    ...one,
    signFlip: { ...one.signFlip, corrected: flips[i] ?? 1 },
    t: { ...one.t, corrected: ts[i] ?? 1 },
  }));
}

/** A query, and how well each system does on it. */
export interface QueryRow {
  readonly query: string;
  /** One for each system, in their order. */
  readonly values: readonly number[];
  /** Of the last less that of the first: below 0 where the last is worse. */
  readonly difference: number;
}

/** All queries with every system's value, those on which the last loses most against the first at the top. */
export function queryRows(systems: readonly ScoredSystem[], measure: string): QueryRow[] {
  const [first, last] = [systems[0], systems.at(-1)];
  if (!first || !last) return [];
  for (const system of systems) requireSameQueries(system, first);
  const rows = first.scores.queries.map((query, i): QueryRow => {
    const values = systems.map((system) => valuesOf(system, measure)[i] ?? NaN);
    return { query, values, difference: (values.at(-1) ?? NaN) - (values[0] ?? NaN) };
  });
  return rows.sort((a, b) => a.difference - b.difference);
}

function differencesOf(system: ScoredSystem, baseline: ScoredSystem, measure: string): number[] {
  requireSameQueries(system, baseline);
  const before = valuesOf(baseline, measure);
  return Array.from(valuesOf(system, measure), (value, i) => value - (before[i] ?? NaN));
}

function valuesOf({ id, scores }: ScoredSystem, measure: string): Float64Array {
  const values = scores.perQuery.get(measure);
  if (!values) throw new RangeError(`${id} was not measured by ${measure}.`);
  return values;
}

function requireSameQueries(a: ScoredSystem, b: ScoredSystem): void {
  const same =
    a.scores.queries.length === b.scores.queries.length &&
    a.scores.queries.every((query, i) => query === b.scores.queries[i]);
  if (!same) throw new RangeError(`${a.id} and ${b.id} were not measured on the same queries.`);
}
