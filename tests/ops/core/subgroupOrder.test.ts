import { afterAll, beforeAll, expect, test } from 'vitest';
import { areInOrder, hasOrderedSubgroups } from '../../../src/ops/core/subgroupOrder.ts';
import { Runtime } from '../../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const like = (subgroupSize: number | undefined): Runtime => new Runtime({ ...runtime.gpu, subgroupSize }, runtime);

test('threads stand in subgroups in the order of the workgroup', async () => {
  expect(runtime.gpu.subgroupSize).toBeGreaterThan(1);
  expect(await hasOrderedSubgroups(runtime)).toBe(true);
});

test('no subgroups, no order', async () => {
  expect(await hasOrderedSubgroups(like(undefined))).toBe(false);
});

test('threads that do not reach whom they should are found out', async () => {
  // More than there are: numbers of threads in other subgroups do not arrive.
  const real = runtime.gpu.subgroupSize ?? 0;
  expect(await hasOrderedSubgroups(like(4 * real))).toBe(false);
});

test('a number that arrives from the wrong thread is found out, in whichever row', () => {
  const right = Float32Array.from(
    [2, 4].flatMap((size) => Array.from({ length: 64 }, (_, t) => size * (t - (t % size)) + (size * (size - 1)) / 2)),
  );
  expect(areInOrder(right, 4)).toBe(true);
  for (const wrong of [0, 63, 64, 127]) {
    const sums = right.slice();
    sums[wrong]! += 1;
    expect(areInOrder(sums, 4)).toBe(false);
  }
});

test('looking leaves nothing behind', async () => {
  const before = runtime.pool.report();
  await hasOrderedSubgroups(runtime);
  expect(runtime.pool.report()).toEqual(before);
});
