import { describe, expect, test } from 'vitest';
import { EmbeddingIndex, nearest, ranking } from '../../src/retrieval/embeddingIndex.ts';
import { randomArray, seededRandom } from '../harness/numerics.ts';

describe('EmbeddingIndex', () => {
  test('finds the nearest by inner product, negative ones included', () => {
    const index = new EmbeddingIndex(Float32Array.from([1, 0, 0, 1, -1, 0, 0.6, 0.8]), 2);
    expect(index.size).toBe(4);
    expect(index.search([1, 0], 4)).toEqual([
      { index: 0, score: 1 },
      { index: 3, score: Math.fround(0.6) },
      { index: 1, score: 0 },
      { index: 2, score: -1 },
    ]);
    expect(index.search([1, 0], 2).map((hit) => hit.index)).toEqual([0, 3]);
    expect(index.search([1, 0], 0)).toEqual([]);
  });

  test('agrees with a plain double loop on random vectors', () => {
    const random = seededRandom(1);
    const [size, dimensions] = [37, 5];
    const vectors = randomArray(random, size * dimensions);
    const query = randomArray(random, dimensions);
    const expected = Array.from({ length: size }, (_, row) =>
      Array.from(query, (value, d) => value * (vectors[row * dimensions + d] ?? NaN)).reduce((a, b) => a + b, 0),
    );
    expect([...new EmbeddingIndex(vectors, dimensions).scores(query)]).toEqual(expected);
  });

  test('an index without vectors finds nothing', () => {
    expect(new EmbeddingIndex(new Float32Array(), 3).search([1, 0, 0], 5)).toEqual([]);
  });

  test('what does not fit is refused', () => {
    expect(() => new EmbeddingIndex(new Float32Array(7), 2)).toThrow(/7 numbers/);
    expect(() => new EmbeddingIndex(new Float32Array(8), 2).scores([1, 2, 3])).toThrow(/3 dimensions/);
  });
});

test('equal scores stand in order of index, however they come', () => {
  expect(ranking([1, 3, 1, 3, 2])).toEqual([1, 3, 4, 0, 2]);
  expect(nearest([0, 0, 0], 2)).toEqual([
    { index: 0, score: 0 },
    { index: 1, score: 0 },
  ]);
});
