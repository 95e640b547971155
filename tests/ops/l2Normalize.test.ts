import { afterAll, beforeAll, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { l2Normalize } from '../../src/ops/l2Normalize.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import {
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';
import { l2Normalize as reference } from '../reference/l2Normalize.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test('l2Normalize agrees with f64 loops, forward, and backward by differences', async () => {
  const random = seededRandom(61);
  for (const columns of [1, 2, 3, 4, 5, 8, 12, 37, 54, 64, 65, 100, 132, 260, 515]) {
    const rows = columns > 100 ? randomInt(random, 1, 3) : randomInt(random, 1, 19);
    // Differences over steps of 1e-5 need rows that are far longer: keep the numbers of short ones away from zero.
    const least = columns < 4 ? 0.5 : 0;
    const x = randomArray(random, rows * columns, 3).map((value) => value + Math.sign(value) * least);
    const seeds = [0, 1].map(() => randomArray(random, rows * columns));
    const { outputs, gradients } = await runOp(
      runtime,
      [{ data: x, shape: [rows, columns] }],
      (c, [a]) => [l2Normalize(c, a!), l2Normalize(c, a!)],
      seeds,
    );
    const what = `${rows}×${columns}`;
    // Entries of unit vectors; the sum of squares is short of a few units.
    for (const output of outputs) expectClose(`y ${what}`, output, reference(x, columns), { abs: 1e-6 });
    const both = seeds[0]!.map((value, i) => value + seeds[1]![i]!);
    const numeric = numericGradients(([a]) => weightedSum(reference(a!, columns), both), [x]);
    // Differences of terms of size 1/‖x‖, at most about 1 for the shortest rows here.
    expectClose(`dx ${what}`, gradients[0]!, numeric[0]!, { abs: 2e-6, rel: 2e-6 });
  }
});

test('rows of zeros and rows below the floor are divided by it, and their gradients too', async () => {
  const x = Float32Array.from([0, 0, 0, 0, 1e-13, -2e-13, 0, 0, 0, 0, 3, 4]);
  const seed = Float32Array.from([1, 2, 3, 4, 1, 1, 1, 1, 1, 0, 0, 0]);
  const { outputs, gradients } = await runOp(runtime, [{ data: x, shape: [3, 4] }], (c, [a]) => [l2Normalize(c, a!)], [
    seed,
  ]);
  expectClose('y', outputs[0]!, [0, 0, 0, 0, 0.1, -0.2, 0, 0, 0, 0, 0.6, 0.8], { abs: 1e-12, rel: 1e-6 });
  const below = [...seed.slice(0, 8)].map((value) => value * 1e12);
  expectClose('dx', gradients[0]!, [...below, 0.2, 0, 0, 0], { abs: 1e-12, rel: 1e-6 });
});
