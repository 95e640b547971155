import { best, termCounts } from './terms.ts';
import type { Ranked } from './terms.ts';

/** A sparse vector of unit length (or empty, for a text without known terms). */
type TermVector = ReadonlyMap<string, number>;

/**
 * TF-IDF with cosine similarity: weight = f · (ln((1 + N) / (1 + n_t)) + 1), vectors L2-normalised. (The smoothed form of
 * scikit-learn.) The word-counting baseline a retriever has to beat.
 */
export class TfIdf {
  private readonly documentFrequency = new Map<string, number>();
  private readonly size: number;
  private readonly postings = new Map<string, { document: number; weight: number }[]>();

  /** @param texts the corpus that term rarity is measured on, and that `search` ranks. */
  constructor(texts: readonly string[]) {
    this.size = texts.length;
    for (const text of texts) {
      for (const term of termCounts(text).keys()) {
        this.documentFrequency.set(term, (this.documentFrequency.get(term) ?? 0) + 1);
      }
    }
    for (const [document, text] of texts.entries()) {
      for (const [term, weight] of this.vector(text)) {
        const list = this.postings.get(term);
        if (list) list.push({ document, weight });
        else this.postings.set(term, [{ document, weight }]);
      }
    }
  }

  /** The unit vector of a text. Terms the corpus lacks count as the rarest. */
  vector(text: string): TermVector {
    const weights = new Map<string, number>();
    let square = 0;
    for (const [term, frequency] of termCounts(text)) {
      const idf = Math.log((1 + this.size) / (1 + (this.documentFrequency.get(term) ?? 0))) + 1;
      weights.set(term, frequency * idf);
      square += (frequency * idf) ** 2;
    }
    const norm = Math.sqrt(square);
    for (const [term, weight] of weights) weights.set(term, weight / norm);
    return weights;
  }

  /** Cosine similarities [B, B], row-major, of the texts of a batch with each other (queries = passages = texts). */
  similarityMatrix(texts: readonly string[]): Float64Array {
    const vectors = texts.map((text) => this.vector(text));
    const matrix = new Float64Array(texts.length ** 2);
    for (const [i, query] of vectors.entries()) {
      for (const [j, passage] of vectors.entries()) {
        let dot = 0;
        for (const [term, weight] of query) dot += weight * (passage.get(term) ?? 0);
        matrix[i * texts.length + j] = dot;
      }
    }
    return matrix;
  }

  /** The corpus texts nearest to a query, best first; equal scores in document order. */
  search(query: string, limit = 10): Ranked[] {
    const scores = new Map<number, number>();
    for (const [term, weight] of this.vector(query)) {
      for (const posting of this.postings.get(term) ?? []) {
        scores.set(posting.document, (scores.get(posting.document) ?? 0) + weight * posting.weight);
      }
    }
    return best(scores, limit);
  }
}
