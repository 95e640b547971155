import type { Labels, Qrels, Rankings } from '../types.ts';
import type { Measure } from './measures.ts';
import { ranked } from './order.ts';

/**
 * Over which queries a mean goes, and what is counted for those that a system left out.
 * - `relevant`: all judged queries that have a relevant document; 0 for those left out. What is told here.
 * - `trec`: judged queries that the system answered, with and without relevant documents (pytrec_eval, and trec_eval as it is).
 * - `trec-c`: all judged queries; 0 for those left out (trec_eval -c, ir_measures).
 * - `beir`: as `trec`, but without documents whose id is the query's; to 5 digits. MRR is a function of its own there: over all
 *   judged queries, with those documents, and ties as they came.
 */
export const CONVENTIONS = ['relevant', 'trec', 'trec-c', 'beir'] as const;
export type Convention = (typeof CONVENTIONS)[number];

/** What a system's rankings are worth. */
export interface Scores {
  readonly convention: Convention;
  /** Queries that count, in the order of the judgements. */
  readonly queries: readonly string[];
  /** By the measure's name: a value for each of `queries`. */
  readonly perQuery: ReadonlyMap<string, Float64Array>;
  /** By the measure's name: the mean; undefined where no query counts. */
  readonly means: ReadonlyMap<string, number | undefined>;
  /** Judged queries that the system has no list for: none at all, not an empty one. */
  readonly missing: number;
  /** Judged queries without a relevant document. */
  readonly withoutRelevant: number;
  /** Queries of the rankings that are not judged: they are passed over. */
  readonly unjudged: number;
}

/** Scores of a system's rankings. */
export function scoresOf(
  rankings: Rankings,
  qrels: Qrels,
  measures: readonly Measure[],
  convention: Convention = 'relevant',
): Scores {
  const all = [...qrels];
  const counted = all.filter(([query, labels]) => counts(convention, labels, rankings.has(query)));
  const perQuery = new Map(measures.map(({ name }) => [name, new Float64Array(counted.length)]));
  for (const [i, [query, labels]] of counted.entries()) {
    const found = rankings.get(query) ?? [];
    const order = ranked(convention === 'beir' ? found.filter(({ id }) => id !== query) : found);
    for (const { name, of } of measures) {
      const values = perQuery.get(name);
      if (values) values[i] = of(convention === 'beir' && isMrr(name) ? ranked(found, 'given') : order, labels);
    }
  }
  const means = new Map(
    [...perQuery].map(([name, values]) => {
      const queries = convention === 'beir' && isMrr(name) ? all.length : counted.length;
      return [name, queries === 0 ? undefined : asTold(convention, sumOf(values) / queries)] as const;
    }),
  );
  return {
    convention,
    queries: counted.map(([query]) => query),
    perQuery,
    means,
    missing: all.filter(([query]) => !rankings.has(query)).length,
    withoutRelevant: all.filter(([, labels]) => !hasRelevant(labels)).length,
    unjudged: [...rankings.keys()].filter((query) => !qrels.has(query)).length,
  };
}

/** Whether any document is relevant. */
export function hasRelevant(labels: Labels): boolean {
  for (const label of labels.values()) if (label >= 1) return true;
  return false;
}

function counts(convention: Convention, labels: Labels, isAnswered: boolean): boolean {
  switch (convention) {
    case 'relevant':
      return hasRelevant(labels);
    case 'trec':
    case 'beir':
      return isAnswered;
    case 'trec-c':
      return true;
  }
}

function isMrr(name: string): boolean {
  return name.startsWith('mrr');
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function asTold(convention: Convention, mean: number): number {
  return convention === 'beir' ? Math.round(mean * 1e5) / 1e5 : mean;
}
