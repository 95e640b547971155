import { termCounts } from './terms.ts';
import { InvertedIndex } from './invertedIndex.ts';
import type { TermRarity } from './termStatistics.ts';

/** A sparse vector of unit length (or empty, for a text without known terms). */
export type TermVector = ReadonlyMap<string, number>;

/**
 * TF-IDF with cosine similarity: weight = f · (ln((1 + N) / (1 + n_t)) + 1), vectors L2-normalised. (The smoothed form of
 * scikit-learn.) The word-counting baseline a retriever has to beat.
 */
export class TfIdf {
  /** @param corpus what term rarity is measured on. */
  constructor(private readonly corpus: TermRarity) {}

  private rarity(term: string): number {
    return Math.log((1 + this.corpus.texts) / (1 + this.corpus.textsWith(term))) + 1;
  }

  /** The unit vector of a text. Terms the corpus lacks count as the rarest. */
  vector(text: string): TermVector {
    const weights = new Map<string, number>();
    let square = 0;
    for (const [term, frequency] of termCounts(text)) {
      const idf = this.rarity(term);
      weights.set(term, frequency * idf);
      square += (frequency * idf) ** 2;
    }
    const norm = Math.sqrt(square);
    for (const [term, weight] of weights) weights.set(term, weight / norm);
    return weights;
  }

  /** Cosine similarities [B, B], row-major, of the texts of a batch with each other; `queries` where they are not those texts. */
  similarityMatrix(texts: readonly string[], queries: readonly string[] = texts): Float64Array {
    const passages = texts.map((text) => this.vector(text));
    return Float64Array.from(
      queries.flatMap((text) => {
        const query = this.vector(text);
        return passages.map((passage) => cosine(query, passage));
      }),
    );
  }

  /** Of some texts, or of an index of them, to be searched again and again. */
  index(texts: readonly string[] | InvertedIndex): TfIdfIndex {
    const index = texts instanceof InvertedIndex ? texts : new InvertedIndex(texts);
    return new TfIdfIndex(
      (text) => this.vector(text),
      (term) => this.rarity(term),
      index,
    );
  }
}

/** Texts by the terms that they hold. */
class TfIdfIndex {
  /** Lengths of the texts' vectors before they are scaled to 1. */
  readonly #norms: Float64Array;

  constructor(
    private readonly vector: (text: string) => TermVector,
    private readonly rarity: (term: string) => number,
    private readonly index: InvertedIndex,
  ) {
    this.#norms = new Float64Array(index.texts);
    for (const [term, { texts, frequencies }] of index.entries()) {
      const idf = rarity(term);
      for (const [i, text] of texts.entries())
        this.#norms[text] = (this.#norms[text] ?? 0) + ((frequencies[i] ?? 0) * idf) ** 2;
    }
    for (const [text, square] of this.#norms.entries()) this.#norms[text] = Math.sqrt(square);
  }

  /** Cosine of a query with each text: 0 for those that share no term with it, and for no others. */
  scores(query: string): Float64Array {
    const scores = new Float64Array(this.index.texts);
    for (const [term, own] of this.vector(query)) {
      const list = this.index.postings(term);
      if (!list) continue;
      const idf = this.rarity(term);
      for (const [i, text] of list.texts.entries()) {
        const weight = ((list.frequencies[i] ?? 0) * idf) / (this.#norms[text] ?? 1);
        scores[text] = (scores[text] ?? 0) + own * weight;
      }
    }
    return scores;
  }
}

export type { TfIdfIndex };

/** Of two vectors of unit length. */
function cosine(a: TermVector, b: TermVector): number {
  let dot = 0;
  for (const [term, weight] of a) dot += weight * (b.get(term) ?? 0);
  return dot;
}
