import { termCounts } from './terms.ts';
import type { TermStatistics } from './termStatistics.ts';

/** A sparse vector of unit length (or empty, for a text without known terms). */
type TermVector = ReadonlyMap<string, number>;

/**
 * TF-IDF with cosine similarity: weight = f · (ln((1 + N) / (1 + n_t)) + 1), vectors L2-normalised. (The smoothed form of
 * scikit-learn.) The word-counting baseline a retriever has to beat.
 */
export class TfIdf {
  /** @param corpus what term rarity is measured on. */
  constructor(private readonly corpus: TermStatistics) {}

  /** The unit vector of a text. Terms the corpus lacks count as the rarest. */
  private vector(text: string): TermVector {
    const weights = new Map<string, number>();
    let square = 0;
    for (const [term, frequency] of termCounts(text)) {
      const idf = Math.log((1 + this.corpus.texts) / (1 + this.corpus.textsWith(term))) + 1;
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
}
