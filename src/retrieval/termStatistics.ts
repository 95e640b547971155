import { termCounts } from './terms.ts';

/** What the rarity of a word is measured on: how many texts a corpus has, how long they are, and how many hold each term. */
export class TermStatistics {
  readonly texts: number;
  /** Terms of all texts together, repeated ones counted again. */
  readonly length: number;
  readonly #holding = new Map<string, number>();

  constructor(texts: readonly string[]) {
    this.texts = texts.length;
    let length = 0;
    for (const text of texts)
      for (const [term, count] of termCounts(text)) {
        this.#holding.set(term, (this.#holding.get(term) ?? 0) + 1);
        length += count;
      }
    this.length = length;
  }

  /** How many of the texts hold the term. */
  textsWith(term: string): number {
    return this.#holding.get(term) ?? 0;
  }
}
