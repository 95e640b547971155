import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { compared, IMAGINED, KEPT, meritOf, merits } from '../../bench/merit.ts';
import type { Dispatch } from '../../src/gpu/commands.ts';

const dispatch = (kernel: string, flops: number, bytes: number, constants = {}): Dispatch => ({
  kernel,
  constants,
  params: {},
  bindings: {},
  groups: [1],
  flops,
  bytes,
});

test('a step takes the overhead of each dispatch, and the longer of its operations and its bytes', () => {
  const { flopsPerSecond, bytesPerSecond, secondsPerDispatch } = IMAGINED;
  const busy = dispatch('a', 2e-3 * flopsPerSecond, 1e-3 * bytesPerSecond);
  const moving = dispatch('a', 1e-3 * flopsPerSecond, 5e-3 * bytesPerSecond, { WIDE: true });
  const merit = meritOf([busy, moving, busy]);
  expect(merit.ms).toBeCloseTo(2 + 5 + 2 + 3e3 * secondsPerDispatch, 9);
  expect(merit).toMatchObject({
    dispatches: 3,
    pipelines: 2,
    flops: 5e-3 * flopsPerSecond,
    bytes: 7e-3 * bytesPerSecond,
  });
});

test('says how far figures are from the kept ones, and nothing where they are the same or new', () => {
  const merit = { ms: 2, dispatches: 90, pipelines: 4, bytes: 1024, flops: 5e9 };
  expect(compared({ known: merit, unknown: merit }, { known: { ...merit, ms: 1, dispatches: 100 } })).toEqual([
    { step: 'known', ms: '2 (+100.00 %)', dispatches: '90 (−10.00 %)', pipelines: '4', bytes: '1 KiB', flops: '5' },
    { step: 'unknown', ms: '2', dispatches: '90', pipelines: '4', bytes: '1 KiB', flops: '5' },
  ]);
});

test('the kept figures are this version’s: npm run bench -- merit --keep', async () => {
  const kept: unknown = JSON.parse(await readFile(KEPT, 'utf8'));
  expect(await merits(new AbortController().signal)).toEqual(kept);
});
