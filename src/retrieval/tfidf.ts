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

  /** Of some texts, to be searched again and again. */
  index(texts: readonly string[]): TfIdfIndex {
    return new TfIdfIndex((text) => this.vector(text), texts);
  }
}

/** Texts by the terms that they hold. */
class TfIdfIndex {
  readonly #postings = new Map<string, { readonly text: number; readonly weight: number }[]>();

  constructor(
    private readonly vector: (text: string) => TermVector,
    private readonly texts: readonly string[],
  ) {
    for (const [text, content] of texts.entries())
      for (const [term, weight] of vector(content)) {
        const list = this.#postings.get(term);
        if (list) list.push({ text, weight });
        else this.#postings.set(term, [{ text, weight }]);
      }
  }

  /** Cosine of a query with each text: 0 for those that share no term with it, and for no others. */
  scores(query: string): Float64Array {
    const scores = new Float64Array(this.texts.length);
    for (const [term, own] of this.vector(query))
      for (const { text, weight } of this.#postings.get(term) ?? []) scores[text] = (scores[text] ?? 0) + own * weight;
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
