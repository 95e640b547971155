import { InvertedIndex } from './invertedIndex.ts';
import { best, countOf, termCounts, terms } from './terms.ts';
import type { Ranked } from './terms.ts';
import { TermStatistics } from './termStatistics.ts';

export interface Bm25Options {
  /** Saturation of term frequency. */
  k1?: number;
  /** Length normalisation, 0 (none) to 1 (full). */
  b?: number;
}

/*
 * score(q, d) = Σ over the query's terms t (repeated ones count again) of
 * idf(t) · f / (f + k1 · (1 − b + b · |d| / mean |d|)), idf(t) = ln(1 + (N − n_t + ½) / (n_t + ½)):
 * the form Lucene uses (without the constant factor k1 + 1). Defaults k1 0.9, b 0.4 as in the usual reproductions.
 */

/** idf of a term that n of N texts hold. */
function rarity(texts: number, holding: number): number {
  return Math.log(1 + (texts - holding + 0.5) / (holding + 0.5));
}

/** What is added to a term's frequency below the line, for a text of a length. */
function saturation(length: number, meanLength: number, { k1 = 0.9, b = 0.4 }: Bm25Options): number {
  return k1 * (1 - b + (b * length) / (meanLength || 1));
}

/** BM25 over an inverted index, made once for a corpus. */
export class Bm25 {
  readonly #index: InvertedIndex;
  /** What is added to a term's frequency below the line, for each text. */
  readonly #norms: Float64Array;

  /** @param texts the corpus, or an index of it, which other rankings may share; it is not added to any more. */
  constructor(texts: readonly string[] | InvertedIndex, options: Bm25Options = {}) {
    this.#index = texts instanceof InvertedIndex ? texts : new InvertedIndex(texts);
    const { lengths, meanLength } = this.#index;
    this.#norms = Float64Array.from(lengths, (length) => saturation(length, meanLength, options));
  }

  /** Score of every document for a query: 0 for those that share no term with it, and for no others. */
  scores(query: string): Float64Array {
    const norms = this.#norms;
    const scores = new Float64Array(norms.length);
    for (const term of terms(query)) {
      const list = this.#index.postings(term);
      if (!list) continue;
      const { texts, frequencies } = list;
      const idf = rarity(norms.length, texts.length);
      for (const [i, text] of texts.entries()) {
        const frequency = frequencies[i] ?? 0;
        scores[text] = (scores[text] ?? 0) + idf * (frequency / (frequency + (norms[text] ?? 0)));
      }
    }
    return scores;
  }

  /** The best documents for a query, best first; equal scores in document order. */
  search(query: string, limit = 10): Ranked[] {
    return best(this.scores(query), limit);
  }
}

/**
 * BM25 scores [B, B], row-major, of the texts of a batch for each other (row: query), as if the batch stood in the corpus beside
 * all other texts: `corpus` is counted once, and the batch's own terms are counted on top. `queries` where they are not the texts.
 */
export function bm25Matrix(
  corpus: TermStatistics,
  texts: readonly string[],
  queries: readonly string[] = texts,
  options: Bm25Options = {},
): Float64Array {
  const batch = new TermStatistics(texts);
  const size = corpus.texts + batch.texts;
  const mean = (corpus.length + batch.length) / Math.max(1, size);
  const passages = texts.map((text) => {
    const frequencies = termCounts(text);
    return { frequencies, norm: saturation(countOf(frequencies), mean, options) };
  });
  return Float64Array.from(
    queries.flatMap((query) => {
      const words = terms(query).map((term) => ({
        term,
        idf: rarity(size, corpus.textsWith(term) + batch.textsWith(term)),
      }));
      return passages.map(({ frequencies, norm }) =>
        words.reduce((score, { term, idf }) => {
          const frequency = frequencies.get(term);
          return frequency === undefined ? score : score + idf * (frequency / (frequency + norm));
        }, 0),
      );
    }),
  );
}
