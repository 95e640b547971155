import type { Rankings } from '../types.ts';

export interface RankingOptions {
  /** Documents of a list, at most. */
  readonly depth: number;
  /** Ends the work between two texts with a CorpusError `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** What is under way, and the share of it that is done. */
  readonly onProgress?: ((detail: string, fraction: number) => void) | undefined;
}

/** Whatever finds documents of a collection: a ranked list for each of its queries. */
export interface RetrievalSystem {
  /** Short, without spaces, for tables and files: `bm25`. */
  readonly id: string;
  /** "BM25, k1 0.9, b 0.4". */
  readonly words: string;
  /**
   * Lists for all queries of the collection that it was made for, best first (measures/order.ts). What it needs for them is made at the
   * first call and kept.
   * @throws CorpusError `aborted`; what its models throw
   */
  rank(options: RankingOptions): Promise<Rankings>;
}

/** Documents of a list where nobody says how many: those that BEIR keeps. */
export const USUAL_DEPTH = 1000;
