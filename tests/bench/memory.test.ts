import { expect, test } from 'vitest';
import { judgeMemory } from '../../bench/memory.ts';
import { median } from '../../bench/compare.ts';

const row = (step: number, poolBytes: number, liveBuffers = 40) => ({ step, poolBytes, liveBuffers });

test('memory is flat when the pool holds no more at the end than early on', () => {
  const { flat, text } = judgeMemory([row(200, 1024), row(1000, 1024), row(2000, 1024)]);
  expect(flat).toBe(true);
  expect(text).toBe(
    'Pool bytes stayed flat: 1 KiB after step 200, 1 KiB after step 2000 (0.00 %), 40 live buffers throughout.',
  );
});

test('memory is not flat when the pool or the number of live buffers grows', () => {
  expect(judgeMemory([row(200, 1000), row(2000, 1100)])).toMatchObject({ flat: false });
  const { flat, text } = judgeMemory([row(200, 1000, 40), row(2000, 1000, 41)]);
  expect(flat).toBe(false);
  expect(text).toContain('from 40 to 41 live buffers');
});

test('the median is the middle one, or between the two in the middle', () => {
  expect(median([3, 1, 10])).toBe(3);
  expect(median([4, 1, 10, 2])).toBe(3);
  expect(() => median([])).toThrow('no values');
});
