import { countOf, termCounts } from './terms.ts';
import type { TermRarity } from './termStatistics.ts';

/** The texts that hold a term, in order, and how often each of them does. */
export interface Postings {
  readonly texts: number[];
  readonly frequencies: number[];
}

/** Texts by the terms that they hold. Texts are added one by one, so that whoever makes it of many can stop between two. */
export class InvertedIndex implements TermRarity {
  readonly #postings = new Map<string, Postings>();
  readonly #lengths: number[] = [];
  #length = 0;

  constructor(texts: Iterable<string> = []) {
    for (const text of texts) this.add(text);
  }

  add(text: string): void {
    const counts = termCounts(text);
    const index = this.#lengths.length;
    for (const [term, frequency] of counts) {
      const list = this.#postings.get(term);
      if (list) {
        list.texts.push(index);
        list.frequencies.push(frequency);
      } else this.#postings.set(term, { texts: [index], frequencies: [frequency] });
    }
    const length = countOf(counts);
    this.#lengths.push(length);
    this.#length += length;
  }

  get texts(): number {
    return this.#lengths.length;
  }

  textsWith(term: string): number {
    return this.#postings.get(term)?.texts.length ?? 0;
  }

  /** Terms of each text, repeated ones counted again. */
  get lengths(): readonly number[] {
    return this.#lengths;
  }

  /** Terms of a text on average; 0 where there are no texts. */
  get meanLength(): number {
    return this.#length / Math.max(1, this.texts);
  }

  /** Undefined for a term that no text holds. */
  postings(term: string): Postings | undefined {
    return this.#postings.get(term);
  }

  /** Every term with the texts that hold it. */
  entries(): Iterable<[string, Postings]> {
    return this.#postings;
  }
}
