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

/** The texts that hold a term, in order, each with f / (f + saturation). */
interface Postings {
  readonly documents: number[];
  readonly weights: number[];
}

/** BM25 over an inverted index, made once for a corpus. */
export class Bm25 {
  readonly #postings = new Map<string, Postings>();
  readonly #size: number;

  constructor(texts: readonly string[], options: Bm25Options = {}) {
    this.#size = texts.length;
    const counts = texts.map(termCounts);
    const lengths = counts.map(countOf);
    const mean = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length);
    for (const [document, frequencies] of counts.entries()) {
      const norm = saturation(lengths[document] ?? 0, mean, options);
      for (const [term, frequency] of frequencies) {
        let list = this.#postings.get(term);
        if (!list) this.#postings.set(term, (list = { documents: [], weights: [] }));
        list.documents.push(document);
        list.weights.push(frequency / (frequency + norm));
      }
    }
  }

  /** Score of every document for a query: 0 for those that share no term with it, and for no others. */
  scores(query: string): Float64Array {
    const scores = new Float64Array(this.#size);
    for (const term of terms(query)) {
      const list = this.#postings.get(term);
      if (!list) continue;
      const { documents, weights } = list;
      const idf = rarity(this.#size, documents.length);
      for (const [i, document] of documents.entries())
        scores[document] = (scores[document] ?? 0) + idf * (weights[i] ?? 0);
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
