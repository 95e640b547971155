import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { gated } from '../../src/ops/gate.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom, weightedSum } from '../harness/numerics.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test.each([1, 4, 9, 63, 64, 65, 289, 4096])(
  'of %i numbers each is multiplied, and the factor gets the sum of products',
  async (count) => {
    const random = seededRandom(count);
    const [values, factors, seed] = [count, 5, count].map((length) => randomArray(random, length));
    const inputs = [
      { data: values!, shape: [count] },
      { data: factors!, shape: [5] },
    ];
    const run = () => runOp(runtime, inputs, (c, [v, f]) => [gated(c, v!, { factors: f!, index: 3 })], [seed!]);
    const { outputs, gradients } = await run();
    expect(outputs[0]).toEqual(values!.map((value) => value * factors![3]!));
    expect(gradients[0]).toEqual(seed!.map((value) => value * factors![3]!));
    const expected = [0, 0, 0, weightedSum(values!, seed!), 0];
    expectClose('gradient of the factors', gradients[1]!, expected, { abs: Math.sqrt(count) * EPS_F32 });
    expect((await run()).gradients).toEqual(gradients);
  },
);

test('two uses add up, and what is not wanted is not computed', async () => {
  const random = seededRandom(2);
  const [values, factors, seed] = [16, 2, 16].map((length) => randomArray(random, length));
  const run = (wanted: readonly boolean[]) =>
    runOp(
      runtime,
      [
        { data: values!, shape: [4, 4], requiresGrad: wanted[0]! },
        { data: factors!, shape: [2], requiresGrad: wanted[1]! },
      ],
      // Each factor is used once on the values, and the first once more on the result.
      (c, [v, f]) => {
        const once = gated(c, v!, { factors: f!, index: 0 });
        return [gated(c, once, { factors: f!, index: 1 }), gated(c, v!, { factors: f!, index: 0 })];
      },
      [seed!, seed!],
    );
  const { gradients } = await run([true, true]);
  const [first, second] = [factors![0]!, factors![1]!];
  const along = weightedSum(values!, seed!);
  expectClose(
    'gradient of the values',
    gradients[0]!,
    seed!.map((u) => u * first * (1 + second)),
    { abs: 4 * EPS_F32 },
  );
  expectClose('gradient of the factors', gradients[1]!, [along * (1 + second), along * first], { abs: 16 * EPS_F32 });
  expect((await run([true, false])).gradients).toEqual([gradients[0]]);
  expect((await run([false, true])).gradients).toEqual([gradients[1]]);
});

test('a gate that is not there is refused', () => {
  runtime.scope(() => {
    const values = runtime.fromArray(new Float32Array(4), [2, 2]);
    const factors = runtime.fromArray(new Float32Array(3), [3]);
    for (const index of [3, -1, 0.5]) expect(() => gated(runtime, values, { factors, index })).toThrow(/no gate/);
  });
  runtime.recorder.discard();
});
