import type { CollectionVectors } from './dense.ts';
import type { RetrievalSystem } from './system.ts';

/** Shares of the query and of the documents found first in the vector that is searched with next, by how many were found. */
interface Mixture {
  /** How many documents are taken, at most. */
  readonly documents: number;
  readonly words: string;
  readonly query: (found: number) => number;
}

/**
 * How the vectors of the documents that were found first change the query's, as pyserini has it (Li et al. 2021, arXiv 2108.11044):
 * the mean of the query and the first three, each as much; or Rocchio's 0.4 of the query and 0.6 of the mean of the first five.
 */
export const FEEDBACKS = {
  average: { documents: 3, words: 'the mean of query and first 3', query: (found) => 1 / (found + 1) },
  rocchio: { documents: 5, words: 'Rocchio, 0.4 query and 0.6 first 5', query: () => 0.4 },
} as const satisfies Record<string, Mixture>;

export type Feedback = keyof typeof FEEDBACKS;

/** Searches twice: with the query, and with what the first documents make of it. Nothing is known of whether these are relevant. */
export function feedbackSystem(id: string, vectors: CollectionVectors, kind: Feedback): RetrievalSystem {
  const { documents: taken, words, query: queryShare } = FEEDBACKS[kind];
  const places = new Map(vectors.collection.documents.map((document, i) => [document.id, i]));
  return {
    id,
    words: `${vectors.words} with feedback: ${words}`,
    rank: (options) =>
      vectors.rankings(options, (query, documents) => {
        const first = vectors.best(documents, query, taken);
        if (first.length === 0) return [];
        const own = queryShare(first.length);
        const each = (1 - own) / first.length;
        const moved = Float64Array.from(query, (value) => own * value);
        for (const found of first) {
          const vector = documents.vector(places.get(found.id) ?? 0);
          for (let d = 0; d < moved.length; d++) moved[d] = (moved[d] ?? 0) + each * (vector[d] ?? 0);
        }
        return vectors.best(documents, moved, options.depth);
      }),
  };
}
