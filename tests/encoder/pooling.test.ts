import { expect, test } from 'vitest';
import { pooled } from '../../src/encoder/pooling.ts';

test('the mean, the first and the last row, scaled to length 1', () => {
  const states = [3, 0, 0, 4, 3, 8];
  expect([...pooled(states, 2, 'mean')]).toEqual([...Float32Array.of(6 / Math.hypot(6, 12), 12 / Math.hypot(6, 12))]);
  expect([...pooled(states, 2, 'first')]).toEqual([1, 0]);
  expect([...pooled(states, 2, 'eos')]).toEqual([...Float32Array.of(3 / Math.hypot(3, 8), 8 / Math.hypot(3, 8))]);
  expect([...pooled([0, 0], 2, 'mean')]).toEqual([0, 0]);
});

test('what are no whole rows is a mistake of ours', () => {
  expect(() => pooled([1, 2, 3], 2, 'mean')).toThrow(RangeError);
  expect(() => pooled([], 2, 'mean')).toThrow(RangeError);
});
