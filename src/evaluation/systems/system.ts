import type { Rankings } from '../types.ts';
import { PackedRankings } from './packedRankings.ts';

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
  /** Of an interpolation, the weight that was chosen for each fold; none before `rank`. */
  readonly weights?: readonly number[] | undefined;
  /**
   * Lists for all queries of the collection that it was made for, best first (measures/order.ts). What it needs for them is made at the
   * first call and kept.
   * @throws CorpusError `aborted`; what its models throw
   */
  rank(options: RankingOptions): Promise<Rankings>;
}

/** Documents of a list where nobody says how many: those that BEIR keeps. */
export const USUAL_DEPTH = 1000;

/** The system with its lists kept: whoever asks for as many documents again gets the same. */
export function remembered(system: RetrievalSystem): RetrievalSystem {
  const known = new Map<number, Rankings>();
  return {
    id: system.id,
    words: system.words,
    get weights() {
      return system.weights;
    },
    async rank(options) {
      const found = known.get(options.depth) ?? new PackedRankings(await system.rank(options));
      known.set(options.depth, found);
      return found;
    },
  };
}
