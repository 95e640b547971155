import { describe, expect, test } from 'vitest';
import { gradientFactors, softmaxRows } from '../../src/objectives/softmax.ts';
import { seededRandom } from '../harness/numerics.ts';

function similarities(size: number, seed: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: size * size }, () => 2 * random() - 1);
}

/** As it stands in docs/METHOD.md, without anything taken off first. */
function byTheFormula(
  similarity: readonly number[],
  size: number,
  temperature: number,
  withDiagonal: boolean,
): number[] {
  return similarity.map((s, at) => {
    const row = Math.floor(at / size);
    if (at % size === row && !withDiagonal) return 0;
    let sum = 0;
    for (let k = 0; k < size; k++)
      if (k !== row || withDiagonal) sum += Math.exp((similarity[row * size + k] ?? NaN) / temperature);
    return Math.exp(s / temperature) / sum;
  });
}

describe('shares', () => {
  test.each([
    [2, 0.1],
    [3, 2],
    [8, 0.1],
    [13, 0.02],
    [32, 0.5],
  ])('of %d chunks at τ %d are those of the formula, with and without the diagonal', (size, temperature) => {
    const similarity = similarities(size, size);
    for (const diagonal of ['nothing', 'answer'] as const) {
      const expected = byTheFormula(similarity, size, temperature, diagonal === 'answer');
      const shares = softmaxRows(similarity, size, temperature, diagonal);
      shares.forEach((share, at) => expect(share).toBeCloseTo(expected[at] ?? NaN, 12));
    }
  });

  test('at the smallest τ are one-hot, and numbers', () => {
    const similarity = similarities(8, 1);
    const shares = softmaxRows(similarity, 8, 1e-6, 'nothing');
    for (let row = 0; row < 8; row++) {
      const own = shares.slice(row * 8, row * 8 + 8);
      const others = similarity.slice(row * 8, row * 8 + 8).map((s, column) => (column === row ? -Infinity : s));
      const best = others.indexOf(Math.max(...others));
      expect(own).toEqual(own.map((_, column) => (column === best ? 1 : 0)));
    }
  });

  test('of equal similarities are alike at any τ, the diagonal being 0', () => {
    for (const temperature of [1e-4, 0.1, 2]) {
      expect(softmaxRows([9, 0.5, 0.5, 0.5, 9, 0.5, 0.5, 0.5, 9], 3, temperature, 'nothing')).toEqual([
        0, 0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0,
      ]);
    }
    // Two that share the first place leave nothing to the third.
    expect(softmaxRows([0, 0.7, 0.7, 0.2], 2, 1e-4, 'answer').map((one) => Math.round(one))).toEqual([0, 1, 1, 0]);
  });

  test('of a chunk alone are 0', () => {
    expect(softmaxRows([1], 1, 0.1, 'nothing')).toEqual([0]);
    expect(softmaxRows([1], 1, 0.1, 'answer')).toEqual([1]);
  });

  test('need a temperature above 0', () => {
    expect(() => softmaxRows([1], 1, 0, 'nothing')).toThrow(RangeError);
    expect(() => softmaxRows([1], 1, NaN, 'nothing')).toThrow(RangeError);
  });
});

test('the gradient factor is the slope of a share by its own similarity', () => {
  const size = 5;
  const similarity = similarities(size, 3);
  for (const temperature of [0.05, 0.3, 1]) {
    const shares = softmaxRows(similarity, size, temperature, 'nothing');
    const factors = gradientFactors(shares, temperature);
    const h = 1e-6;
    for (let at = 0; at < size * size; at++) {
      const moved = (by: number): number =>
        softmaxRows(
          similarity.map((s, i) => (i === at ? s + by : s)),
          size,
          temperature,
          'nothing',
        )[at] ?? NaN;
      expect(factors[at]).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 6);
    }
  }
});
