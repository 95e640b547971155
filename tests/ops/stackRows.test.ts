import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { stackRows } from '../../src/ops/stackRows.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { randomArray, seededRandom } from '../harness/numerics.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test.each([
  [1, 1, 1],
  [3, 2, 5],
  [8, 8, 67],
])('%i rows above %i of %i numbers each, and each its own part of the gradient', async (m, n, width) => {
  const random = seededRandom(m + n + width);
  const [above, below, seed] = [m, n, m + n].map((rows) => randomArray(random, rows * width));
  const run = (wanted: readonly boolean[]) =>
    runOp(
      runtime,
      [
        { data: above!, shape: [m, width], requiresGrad: wanted[0]! },
        { data: below!, shape: [n, width], requiresGrad: wanted[1]! },
      ],
      (c, [a, b]) => [stackRows(c, a!, b!)],
      [seed!],
    );
  const { outputs, gradients } = await run([true, true]);
  expect([...outputs[0]!]).toEqual([...above!, ...below!]);
  expect(gradients).toEqual([seed!.slice(0, m * width), seed!.slice(m * width)]);
  expect((await run([false, true])).gradients).toEqual([gradients[1]]);
});

test('rows of different width are refused', () => {
  runtime.scope(() => {
    const [a, b] = [runtime.zeros([2, 3]), runtime.zeros([2, 4])];
    expect(() => stackRows(runtime, a, b)).toThrow(/rows of 3 and 4 numbers/);
  });
  runtime.recorder.discard();
});
