import type { LabelledCollection } from '../collections/collection.ts';
import type { Measure } from '../measures/measures.ts';
import { adapterSystem } from './adapter.ts';
import type { CollectionVectors } from './dense.ts';
import { feedbackSystem } from './feedback.ts';
import { rankFusion } from './fusion.ts';
import { interpolation } from './interpolation.ts';
import type { RetrievalSystem } from './system.ts';

/** What systems are made of that stand on a dense one. */
export interface CombinedParts {
  readonly collection: LabelledCollection;
  readonly sparse: RetrievalSystem;
  readonly dense: RetrievalSystem;
  /** The vectors that `dense` goes by. */
  readonly vectors: CollectionVectors;
  /** By what weights are chosen. */
  readonly measure: Measure;
  readonly seed: number;
}

interface CombinedDefinition {
  readonly words: string;
  readonly make: (id: string, parts: CombinedParts) => RetrievalSystem;
}

/** Systems made of a dense one, or of that and BM25. Only the adapter learns, from labels. */
export const COMBINED = {
  hybrid: {
    words: 'bm25 and what makes vectors, interpolated with a weight chosen on other queries',
    make: (id, parts) => interpolation(id, parts),
  },
  rrf: {
    words: 'bm25 and what makes vectors, fused by reciprocal ranks',
    make: (id, { sparse, dense }) => rankFusion(id, [sparse, dense]),
  },
  'prf-average': {
    words: 'what makes vectors, searching again with the mean of query and first 3',
    make: (id, { vectors }) => feedbackSystem(id, vectors, 'average'),
  },
  'prf-rocchio': {
    words: 'the same with 0.4 of the query and 0.6 of the mean of the first 5',
    make: (id, { vectors }) => feedbackSystem(id, vectors, 'rocchio'),
  },
  adapter: {
    words: 'low-rank adapter on the queries, learnt from labels: of other folds only',
    make: (id, { vectors, seed }) => adapterSystem(id, vectors, seed),
  },
} as const satisfies Record<string, CombinedDefinition>;

export type Combination = keyof typeof COMBINED;
