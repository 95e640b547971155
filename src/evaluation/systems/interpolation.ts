import { pacer } from '../../corpus/pacer.ts';
import type { LabelledCollection } from '../collections/collection.ts';
import type { Measure } from '../measures/measures.ts';
import type { FoundDocument } from '../types.ts';
import { foldsOf, NO_LABELS } from './folds.ts';
import { listsOf, queriesOf, rankAll, type Lists } from './fusion.ts';
import type { RetrievalSystem } from './system.ts';
import { TopDocuments } from './topDocuments.ts';

/** Weights of the sparse system that are tried; the dense one has the rest. */
const WEIGHTS = Array.from({ length: 21 }, (_, i) => i / 20);
/** The weight where there are no other queries to choose one by. */
const HALF = 0.5;

/** What is interpolated, and by what the weight is chosen. */
export interface Interpolation {
  readonly collection: LabelledCollection;
  readonly sparse: RetrievalSystem;
  readonly dense: RetrievalSystem;
  readonly measure: Measure;
  readonly seed?: number;
}

/**
 * The scores of a sparse and a dense system as one: w · sparse + (1 − w) · dense, each list scaled to reach from 0 to 1, a document that
 * is missing from a list counting as its last one (as pyserini's hybrid search with normalisation). The weight of a query is the one that is
 * best by `measure` on the queries of the other folds, five in all: never by the query that it is used for. `weights` are the sparse system's.
 */
export function interpolation(id: string, given: Interpolation): RetrievalSystem {
  const { collection, sparse, dense, measure, seed = 0 } = given;
  let weights: readonly number[] = [];
  return {
    id,
    words: `${sparse.id} and ${dense.id}, weight chosen on other queries`,
    get weights() {
      return weights;
    },
    async rank(options) {
      const pause = pacer(options.signal, 'Ranking');
      const rankings = await rankAll([sparse, dense], options);
      const merged = new Map<string, MergedLists>();
      for (const query of queriesOf(rankings)) {
        await pause();
        merged.set(query, new MergedLists(listsOf(rankings, query)));
      }
      const folds = foldsOf(collection, seed);
      const sums = folds.map(() => new Float64Array(WEIGHTS.length));
      for (const [f, fold] of folds.entries())
        for (const [i, query] of fold.entries()) {
          await pause();
          options.onProgress?.('Choosing weights', (f + i / fold.length) / folds.length);
          const labels = collection.qrels.get(query) ?? NO_LABELS;
          for (const [w, weight] of WEIGHTS.entries()) {
            const found = merged.get(query)?.best(weight, Math.min(options.depth, measure.cut)) ?? [];
            const value = measure.of(
              found.map((document) => document.id),
              labels,
            );
            for (const [other, sum] of sums.entries()) if (other !== f) sum[w] = (sum[w] ?? 0) + value;
          }
        }
      weights = sums.map(bestWeight);
      const foldOf = new Map(folds.flatMap((fold, f) => fold.map((query) => [query, f] as const)));
      const found = new Map<string, FoundDocument[]>();
      for (const [query, lists] of merged) {
        await pause();
        found.set(query, lists.best(weights[foldOf.get(query) ?? 0] ?? HALF, options.depth));
      }
      return found;
    },
  };
}

/** The documents that either of two lists has, with their scores in both. */
class MergedLists {
  readonly #top: TopDocuments;
  /** Scores from 0 to 1, by list and document. */
  readonly #scores: readonly Float64Array[];

  constructor(lists: Lists) {
    const ids = [...new Set(lists.flatMap((list) => list.map(({ id }) => id)))];
    const places = new Map(ids.map((id, i) => [id, i]));
    this.#top = new TopDocuments(ids);
    this.#scores = lists.map((list) => {
      const [high, low] = [list[0]?.score ?? 0, list.at(-1)?.score ?? 0];
      const scores = new Float64Array(ids.length);
      for (const { id, score } of list) scores[places.get(id) ?? 0] = high > low ? (score - low) / (high - low) : 0;
      return scores;
    });
  }

  best(weight: number, depth: number): FoundDocument[] {
    const [sparse, dense] = this.#scores;
    const mixed = Float64Array.from(sparse ?? [], (score, i) => weight * score + (1 - weight) * (dense?.[i] ?? 0));
    return this.#top.best(mixed, depth);
  }
}

/** The weight with the highest sum; the lowest of several. */
function bestWeight(sums: Float64Array): number {
  const most = Math.max(...sums);
  return most > 0 ? (WEIGHTS[sums.indexOf(most)] ?? HALF) : HALF;
}
