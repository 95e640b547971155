import { best, termCounts, terms } from './terms.ts';
import type { Ranked } from './terms.ts';

export interface Bm25Options {
  /** Saturation of term frequency. */
  k1?: number;
  /** Length normalisation, 0 (none) to 1 (full). */
  b?: number;
}

/**
 * BM25 over an inverted index. score(q, d) = Σ over the query's terms t (repeated ones count again) of
 * idf(t) · f / (f + k1 · (1 − b + b · |d| / mean |d|)), idf(t) = ln(1 + (N − n_t + ½) / (n_t + ½)):
 * the form Lucene uses (without the constant factor k1 + 1). Defaults k1 0.9, b 0.4 as in the usual reproductions.
 */
export class Bm25 {
  private readonly postings = new Map<string, { document: number; weight: number }[]>();
  private readonly size: number;

  constructor(texts: readonly string[], { k1 = 0.9, b = 0.4 }: Bm25Options = {}) {
    this.size = texts.length;
    const lengths: number[] = [];
    const frequencies = texts.map((text) => {
      const counts = termCounts(text);
      lengths.push([...counts.values()].reduce((sum, count) => sum + count, 0));
      return counts;
    });
    const mean = lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, texts.length);
    for (const [document, counts] of frequencies.entries()) {
      const norm = k1 * (1 - b + (b * (lengths[document] ?? 0)) / (mean || 1));
      for (const [term, frequency] of counts) {
        const entry = { document, weight: frequency / (frequency + norm) };
        const list = this.postings.get(term);
        if (list) list.push(entry);
        else this.postings.set(term, [entry]);
      }
    }
  }

  /** Scores of the documents that share a term with the query. */
  scores(query: string): Map<number, number> {
    const scores = new Map<number, number>();
    for (const term of terms(query)) {
      const list = this.postings.get(term);
      if (!list) continue;
      const idf = Math.log(1 + (this.size - list.length + 0.5) / (list.length + 0.5));
      for (const { document, weight } of list) scores.set(document, (scores.get(document) ?? 0) + idf * weight);
    }
    return scores;
  }

  /** The best documents for a query, best first; equal scores in document order. */
  search(query: string, limit = 10): Ranked[] {
    return best(this.scores(query), limit);
  }
}
