import { compareBytes } from '../measures/order.ts';
import type { FoundDocument } from '../types.ts';

/** Takes the best documents out of scores, in the order of measures/order.ts, without sorting them all. */
export class TopDocuments {
  /** Place of each document among all ids, the highest first: what decides where scores are equal. */
  readonly #places: Int32Array;

  constructor(private readonly ids: readonly string[]) {
    this.#places = new Int32Array(ids.length);
    const order = ids.map((_, i) => i).sort((a, b) => compareBytes(ids[b] ?? '', ids[a] ?? ''));
    for (const [place, i] of order.entries()) this.#places[i] = place;
  }

  /**
   * The `depth` best, best first, their scores as 32-bit numbers.
   * @param scores one for each document; −Infinity for those that are not found.
   */
  best(scores: ArrayLike<number>, depth: number): FoundDocument[] {
    const rounded = Float32Array.from(scores);
    const places = this.#places;
    const candidates = placesAbove(rounded, leastOfBest(rounded, depth));
    candidates.sort((a, b) => (rounded[b] ?? 0) - (rounded[a] ?? 0) || (places[a] ?? 0) - (places[b] ?? 0));
    return candidates.slice(0, depth).map((i) => ({ id: this.ids[i] ?? '', score: rounded[i] ?? NaN }));
  }
}

/** The score of the last that is among the best; the lowest there is, where there are no more than those. */
function leastOfBest(scores: Float32Array, depth: number): number {
  return depth >= scores.length ? -Infinity : (scores.toSorted()[scores.length - depth] ?? -Infinity);
}

function placesAbove(scores: Float32Array, least: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i] ?? -Infinity;
    if (score >= least && score > -Infinity) found.push(i);
  }
  return found;
}
