import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { swiglu } from '../../src/ops/swiglu.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import {
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';
import { swiglu as reference } from '../reference/swiglu.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test('swiglu agrees with f64 loops, forward, and backward by differences', async () => {
  const random = seededRandom(41);
  for (const columns of [1, 2, 3, 4, 5, 12, 37, 48, 54]) {
    const rows = randomInt(random, 1, 13);
    const gateUp = randomArray(random, rows * columns * 2, 6);
    const seed = randomArray(random, rows * columns);
    const { outputs, gradients } = await runOp(
      runtime,
      [{ data: gateUp, shape: [rows, 2 * columns] }],
      (c, [x]) => [swiglu(c, x!)],
      [seed],
    );
    // WGSL grants exp(x) 3 + 2|x| units: 15 of them at |x| = 6, on values up to 36.
    expectClose('out', outputs[0]!, reference(gateUp, columns), { abs: 2e-6, rel: 2e-6 });
    const numeric = numericGradients(([x]) => weightedSum(reference(x!, columns), seed), [gateUp]);
    expectClose('dgateUp', gradients[0]!, numeric[0]!, { abs: 4e-6, rel: 2e-6 });
  }
});

test('two uses add up', async () => {
  const random = seededRandom(42);
  const columns = 19;
  const gateUp = randomArray(random, 3 * 2 * columns);
  const seeds = [randomArray(random, 3 * columns), randomArray(random, 3 * columns)];
  const { gradients } = await runOp(
    runtime,
    [{ data: gateUp, shape: [3, 2 * columns] }],
    (c, [x]) => [swiglu(c, x!), swiglu(c, x!)],
    seeds,
  );
  const both = seeds[0]!.map((value, i) => value + seeds[1]![i]!);
  const numeric = numericGradients(([x]) => weightedSum(reference(x!, columns), both), [gateUp]);
  expectClose('dgateUp', gradients[0]!, numeric[0]!, { abs: 2e-6 });
});

test('gates far outside the range of exp give the limits, not infinities', async () => {
  const gateUp = Float32Array.from([-1e4, -100, 100, 1e4, 3, 3, 3, 3]);
  const { outputs, gradients } = await runOp(runtime, [{ data: gateUp, shape: [1, 8] }], (c, [x]) => [swiglu(c, x!)], [
    new Float32Array(4).fill(1),
  ]);
  expectClose('out', outputs[0]!, [0, 0, 300, 30000], { abs: 1e-30, rel: 1e-6 });
  expectClose('dgateUp', gradients[0]!, [0, 0, 3, 3, 0, 0, 100, 1e4], { abs: 1e-30, rel: 1e-6 });
});

test('inputs without two halves are refused in words', () => {
  runtime.scope(() => {
    expect(() => swiglu(runtime, runtime.tensor([2, 7]))).toThrow('7 columns cannot be half gates and half values');
    expect(() => swiglu(runtime, runtime.tensor([2, 3, 4]))).toThrow('should have shape [6, 4]');
  });
});
