import { expect, test } from 'vitest';
import { describeSpread, spreadOf } from '../../bench/spread.ts';

test('times are summed up by nearest rank, whatever their order', () => {
  const times = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(spreadOf(times)).toEqual({ count: 100, median: 50, p95: 95, worst: 100 });
  expect(spreadOf([7])).toEqual({ count: 1, median: 7, p95: 7, worst: 7 });
  expect(spreadOf([1, 2, 30])).toEqual({ count: 3, median: 2, p95: 30, worst: 30 });
  expect(times[0], 'those given stay as they are').toBe(100);
});

test('nothing measured is no result', () => {
  expect(() => spreadOf([])).toThrow('Nothing was measured');
});

test('are told in milliseconds, with how many there were', () => {
  expect(describeSpread(spreadOf([8.04, 16]))).toBe('median 8.0 ms, 95 % 16.0 ms, worst 16.0 ms (2)');
});
