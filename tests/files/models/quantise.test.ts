import { expect, test } from 'vitest';
import { QuantisationErrors, quantiseRows } from '../../../src/files/models/quantise.ts';
import { fromBf16 } from '../../../src/ops/core/halfPrecision.ts';
import { seededRandom } from '../../harness/numerics.ts';

const GROUP = 32;

test('numbers are the nearest multiples of a scale that just covers the group, ragged groups included', () => {
  const random = seededRandom(51);
  for (const columns of [1, 3, 31, 32, 33, 64, 100]) {
    const rows = 5;
    // Magnitudes from 1e-30 to 1e30: a scale in f16 could not follow.
    const values = Float32Array.from(
      { length: rows * columns },
      (_, i) => (2 * random() - 1) * 10 ** (15 * (Math.floor(i / columns) - 2)),
    );
    const { numbers, scales, squaredError, squaredNorm } = quantiseRows(values, columns);
    const groups = Math.ceil(columns / GROUP);
    expect(scales.length).toBe(rows * groups);
    const wide = fromBf16(scales);
    let error = 0;
    let norm = 0;
    values.forEach((value, i) => {
      const row = Math.floor(i / columns);
      const group = Math.floor((i % columns) / GROUP);
      const scale = wide[row * groups + group]!;
      const inGroup = values.subarray(
        row * columns + group * GROUP,
        Math.min((row + 1) * columns, row * columns + (group + 1) * GROUP),
      );
      const smallest = Math.max(...inGroup.map(Math.abs)) / 127;
      expect(scale).toBeGreaterThanOrEqual(smallest * (1 - 2 ** -24));
      expect(scale).toBeLessThanOrEqual(smallest * (1 + 2 ** -7));
      expect(Math.abs(numbers[i]!)).toBeLessThanOrEqual(127);
      // Half a step, but for the rounding of the quotient itself.
      expect(Math.abs(value - numbers[i]! * scale)).toBeLessThanOrEqual(scale * (0.5 + 1e-12));
      // 7 bits times 8 bits: what the kernels compute in f32 is this very number.
      expect(Math.fround(numbers[i]! * scale)).toBe(numbers[i]! * scale);
      error += (value - numbers[i]! * scale) ** 2;
      norm += value ** 2;
    });
    expect(squaredError).toBeCloseTo(error, -Math.floor(Math.log10(error)) + 9);
    expect(squaredNorm / norm).toBeCloseTo(1, 12);
  }
});

test('groups of zeros, of numbers too small for a scale and of the largest numbers', () => {
  const largest = Math.fround(3.4e38);
  const values = new Float32Array(4 * GROUP);
  values.fill(1e-40, GROUP, 2 * GROUP);
  values.fill(largest, 2 * GROUP, 3 * GROUP);
  values.fill(-largest, 3 * GROUP);
  const { numbers, scales } = quantiseRows(values, 4 * GROUP);
  expect([...scales.slice(0, 2)]).toEqual([0, 0]);
  expect([...numbers.slice(0, 2 * GROUP)]).toEqual(new Array(2 * GROUP).fill(0));
  const [, , up, down] = fromBf16(scales);
  expect(up).toBe(down);
  expect(Number.isFinite(up)).toBe(true);
  expect(Math.abs(numbers[2 * GROUP]! * up! - largest)).toBeLessThanOrEqual(up! / 2);
  expect(numbers[3 * GROUP]).toBe(-numbers[2 * GROUP]!);
});

test('errors add up over the pieces of a tensor; the worst tensor is named', () => {
  const errors = new QuantisationErrors();
  expect(errors.report()).toBeUndefined();
  const rows = (squaredError: number, squaredNorm: number) => ({
    numbers: new Int8Array(0),
    scales: new Uint16Array(0),
    squaredError,
    squaredNorm,
  });
  errors.add('a', rows(1, 60));
  errors.add('b', rows(16, 100));
  errors.add('a', rows(3, 40));
  errors.add('zeros', rows(0, 0));
  expect(errors.report()).toEqual({
    tensors: [
      { name: 'a', relativeRms: 0.2 },
      { name: 'b', relativeRms: 0.4 },
      { name: 'zeros', relativeRms: 0 },
    ],
    worst: { name: 'b', relativeRms: 0.4 },
    overall: Math.sqrt(20 / 200),
  });
});
