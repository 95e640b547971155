import { termCounts } from './terms.ts';

/** What the rarity of a term is measured on. */
export interface TermRarity {
  /** How many texts a corpus has. */
  readonly texts: number;
  /** How many of them hold the term. */
  textsWith(term: string): number;
}

/** What a corpus is counted for: how many texts it has, how long they are, and how many hold each term. */
export class TermStatistics implements TermRarity {
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

  textsWith(term: string): number {
    return this.#holding.get(term) ?? 0;
  }
}
