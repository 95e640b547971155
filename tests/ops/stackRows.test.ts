import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Context } from '../../src/ops/context.ts';
import { stackRows } from '../../src/ops/stackRows.ts';
import { openTestContext, runOp } from '../harness/context.ts';
import { randomArray, seededRandom } from '../harness/numerics.ts';

let context: Context;
beforeAll(async () => {
  context = await openTestContext();
});
afterAll(() => context.destroy());

test.each([
  [1, 1, 1],
  [3, 2, 5],
  [8, 8, 67],
])('%i rows above %i of %i numbers each, and each its own part of the gradient', async (m, n, width) => {
  const random = seededRandom(m + n + width);
  const [above, below, seed] = [m, n, m + n].map((rows) => randomArray(random, rows * width));
  const run = (wanted: readonly boolean[]) =>
    runOp(
      context,
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
  context.scope(() => {
    const [a, b] = [context.zeros([2, 3]), context.zeros([2, 4])];
    expect(() => stackRows(context, a, b)).toThrow(/rows of 3 and 4 numbers/);
  });
  context.recorder.discard();
});
