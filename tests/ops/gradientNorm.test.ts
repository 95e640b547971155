import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { gradientNorms } from '../../src/ops/gradientNorm.ts';
import { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../harness/numerics.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** Norm of all, then of each group. */
async function normsOf(groups: readonly (readonly Float32Array[])[]): Promise<Float32Array> {
  let pending: Promise<Float32Array> | undefined;
  runtime.scope(() => {
    const norms = gradientNorms(
      runtime,
      groups.map((arrays) => arrays.map((data) => runtime.fromArray(data, [data.length]))),
    );
    expect(norms.shape).toEqual([1 + groups.length]);
    pending = runtime.read(norms);
  });
  await runtime.recorder.flush();
  expect(runtime.pool.report().liveBuffers).toBe(0);
  return (await pending)!;
}

/** Of arrays that are one group: its norm is that of all, to the bit. */
async function normOf(arrays: readonly Float32Array[]): Promise<number> {
  const [all, own] = await normsOf([arrays]);
  expect(own).toBe(all);
  return all!;
}

const exact = (arrays: readonly Float32Array[]) =>
  Math.sqrt(arrays.reduce((sum, data) => sum + data.reduce((part, value) => part + value * value, 0), 0));

test('gradientNorm is the length of all buffers together', async () => {
  const random = seededRandom(71);
  for (const lengths of [[1], [2, 3], [4], [5, 1, 1023], [16_384], [16_385, 7], [40_000, 33_333, 2]]) {
    const arrays = lengths.map((length) => randomArray(random, length, 3));
    const expected = exact(arrays);
    // At most 16 vec4 in a row and trees above: some 30 roundings, halved by the root.
    expectClose(lengths.join(), [await normOf(arrays)], [expected], { abs: 0, rel: 16 * EPS_F32 });
  }
});

test('more chunks than the second stage has threads', async () => {
  const arrays = Array.from({ length: 300 }, (_, i) => Float32Array.from([i % 7]));
  expectClose('norm', [await normOf(arrays)], [exact(arrays)], { abs: 0, rel: 16 * EPS_F32 });
});

test('groups are told apart, and all of them together are the first norm', async () => {
  const random = seededRandom(74);
  for (const lengths of [
    [[3]],
    [[5, 40_000], [7]],
    [[1], [16_385, 2], [50_001]],
    [[2], [70_000], [1, 1, 1], [33_000]],
  ]) {
    const groups = lengths.map((group) => group.map((length) => randomArray(random, length, 3)));
    const expected = [exact(groups.flat()), ...groups.map(exact)];
    expectClose(JSON.stringify(lengths), await normsOf(groups), expected, { abs: 0, rel: 16 * EPS_F32 });
  }
});

test('a group that is broken breaks the norm of all and its own, no other', async () => {
  const [all, ...own] = await normsOf([[Float32Array.of(3, 4)], [Float32Array.of(1, NaN)], [Float32Array.of(2)]]);
  expect([all, ...own]).toEqual([Infinity, 5, Infinity, 2]);
});

test('the same gradients give the same bits', async () => {
  const arrays = [randomArray(seededRandom(72), 50_000)];
  expect(await normOf(arrays)).toBe(await normOf(arrays));
});

test('no gradient gives norm 0', async () => {
  expect(await normOf([new Float32Array(100)])).toBe(0);
});

test('one NaN, one infinity or an overflowing square anywhere gives infinity', async () => {
  const random = seededRandom(73);
  for (const value of [NaN, Infinity, -Infinity, 3e38, -2e19]) {
    for (const at of [0, 3, 16_387, 20_002]) {
      const data = randomArray(random, 20_003);
      data[at] = value;
      expect(await normOf([randomArray(random, 5), data]), `${value} at ${at}`).toBe(Infinity);
    }
  }
  // Each buffer's sum is finite, all of them together are not.
  expect(await normOf(Array.from({ length: 5 }, () => Float32Array.from([1.2e19])))).toBe(Infinity);
});

test('numbers behind a buffer do not count', async () => {
  let pending: Promise<Float32Array> | undefined;
  runtime.scope(() => {
    const arena = runtime.fromArray(Float32Array.from([3, 4, NaN, 7, NaN, NaN, NaN, NaN]), [8]);
    pending = runtime.read(gradientNorms(runtime, [[Tensor.over({ ...arena.slice, size: 8 }, [2])]]));
  });
  await runtime.recorder.flush();
  expect((await pending!)[0]).toBe(5);
});

test('no gradients, and more groups than it tells apart, are refused in words', () => {
  expect(() => gradientNorms(runtime, [])).toThrow('no gradients');
  runtime.scope(() => {
    const one = [runtime.zeros([1])];
    expect(() => gradientNorms(runtime, [one, one, one, one, one])).toThrow('4 groups apart, not 5');
  });
});
