import type { Ranked } from './terms.ts';

/** Vectors of length 1, searched by inner product (which is then the cosine). Exhaustive: exact, and fast up to 10⁵ vectors. */
export class EmbeddingIndex {
  readonly size: number;

  /**
   * @param vectors [size, dimensions], row-major; not copied.
   * @throws RangeError when the numbers do not divide into rows.
   */
  constructor(
    readonly vectors: Float32Array,
    readonly dimensions: number,
  ) {
    this.size = vectors.length / dimensions;
    if (!Number.isInteger(dimensions) || dimensions < 1 || !Number.isInteger(this.size))
      throw new RangeError(`${vectors.length} numbers are no vectors of ${dimensions} dimensions.`);
  }

  /** The vector of a row; not copied. */
  vector(row: number): Float32Array {
    return this.vectors.subarray(row * this.dimensions, (row + 1) * this.dimensions);
  }

  /** Inner product of the query [dimensions] with every vector. @throws RangeError for a query of another length. */
  scores(query: ArrayLike<number>): Float64Array {
    const { vectors, dimensions } = this;
    if (query.length !== dimensions)
      throw new RangeError(`A query of ${query.length} dimensions does not fit an index of ${dimensions}.`);
    const own = Float64Array.from(query);
    const scores = new Float64Array(this.size);
    for (let row = 0, at = 0; row < scores.length; row++) {
      let sum = 0;
      for (let d = 0; d < dimensions; d++, at++) sum += (own[d] ?? 0) * (vectors[at] ?? 0);
      scores[row] = sum;
    }
    return scores;
  }

  /** The k nearest, best first; equal scores in order of index. */
  search(query: ArrayLike<number>, k: number): Ranked[] {
    return nearest(this.scores(query), k);
  }
}

/** The k highest scores, best first; equal scores in order of index. */
export function nearest(scores: ArrayLike<number>, k: number): Ranked[] {
  return ranking(scores)
    .slice(0, Math.max(0, k))
    .map((index) => ({ index, score: scores[index] ?? NaN }));
}

/** Indices from the highest score to the lowest; equal scores in order of index. */
export function ranking(scores: ArrayLike<number>): number[] {
  return Array.from({ length: scores.length }, (_, index) => index).sort(
    (a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b,
  );
}
