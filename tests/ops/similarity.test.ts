import { afterAll, beforeAll, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { similarity } from '../../src/ops/similarity.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import {
  EPS_F32,
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

function reference(embeddings: ArrayLike<number>, batch: number, width: number): Float64Array {
  const out = new Float64Array(batch * batch);
  for (let i = 0; i < batch; i++)
    for (let j = 0; j < batch; j++)
      for (let d = 0; d < width; d++)
        out[i * batch + j]! += (embeddings[i * width + d] ?? NaN) * (embeddings[(batch + j) * width + d] ?? NaN);
  return out;
}

test('similarity is every query times every passage, and its gradient reaches both', async () => {
  const random = seededRandom(5);
  for (const [batch, width] of [
    [1, 1],
    [2, 3],
    [3, 8],
    [8, 13],
    [5, 64],
    ...[0, 1, 2].map(() => [randomInt(random, 1, 9), randomInt(random, 1, 40)]),
  ] as [number, number][]) {
    const embeddings = randomArray(random, 2 * batch * width);
    const seed = randomArray(random, batch * batch);
    const { outputs, gradients } = await runOp(
      runtime,
      [{ data: embeddings, shape: [2 * batch, width] }],
      (c, [e]) => [similarity(c, e!)],
      [seed],
    );
    // Sums of `width` products of numbers below 1.
    const tolerance = { abs: 4 * EPS_F32 * Math.max(width, batch), rel: 4 * EPS_F32 };
    expectClose('S', outputs[0]!, reference(embeddings, batch, width), tolerance);
    const [expected] = numericGradients(([e]) => weightedSum(reference(e!, batch, width), seed), [embeddings]);
    expectClose('gradient', gradients[0]!, expected!, tolerance);
  }
});
