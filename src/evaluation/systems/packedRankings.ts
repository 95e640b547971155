import type { FoundDocument, Rankings } from '../types.ts';

interface PackedList {
  /** Places of its documents among all ids. */
  readonly documents: Uint32Array;
  readonly scores: Float32Array;
}

/**
 * Rankings in eight bytes a document, where objects take about fifty: a thousand lists of a thousand documents each are 8 MB. Scores
 * are held in 32 bits, by which they are ranked (measures/order.ts) and written. A list is made anew whenever it is asked for.
 */
export class PackedRankings implements Rankings {
  readonly #lists = new Map<string, PackedList>();
  readonly #ids: string[] = [];

  constructor(rankings: Rankings) {
    const places = new Map<string, number>();
    const placeOf = (id: string): number => {
      const known = places.get(id);
      if (known !== undefined) return known;
      places.set(id, this.#ids.length);
      return this.#ids.push(id) - 1;
    };
    for (const [query, found] of rankings)
      this.#lists.set(query, {
        documents: Uint32Array.from(found, ({ id }) => placeOf(id)),
        scores: Float32Array.from(found, ({ score }) => score),
      });
  }

  get size(): number {
    return this.#lists.size;
  }

  has(query: string): boolean {
    return this.#lists.has(query);
  }

  get(query: string): FoundDocument[] | undefined {
    const list = this.#lists.get(query);
    return list && this.#unpacked(list);
  }

  keys(): MapIterator<string> {
    return this.#lists.keys();
  }

  *values(): MapIterator<FoundDocument[]> {
    for (const list of this.#lists.values()) yield this.#unpacked(list);
  }

  *entries(): MapIterator<[string, FoundDocument[]]> {
    for (const [query, list] of this.#lists) yield [query, this.#unpacked(list)];
  }

  [Symbol.iterator](): MapIterator<[string, FoundDocument[]]> {
    return this.entries();
  }

  forEach(visit: (found: FoundDocument[], query: string, rankings: Rankings) => void): void {
    for (const [query, found] of this) visit(found, query, this);
  }

  #unpacked({ documents, scores }: PackedList): FoundDocument[] {
    return Array.from(documents, (place, i) => ({ id: this.#ids[place] ?? '', score: scores[i] ?? NaN }));
  }
}
