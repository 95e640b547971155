import { afterAll, beforeAll, expect, test } from 'vitest';
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

function reference(embeddings: ArrayLike<number>, batch: number, width: number, passages = batch): Float64Array {
  const out = new Float64Array(batch * passages);
  for (let i = 0; i < batch; i++)
    for (let j = 0; j < passages; j++)
      for (let d = 0; d < width; d++)
        out[i * passages + j]! += (embeddings[i * width + d] ?? NaN) * (embeddings[(batch + j) * width + d] ?? NaN);
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

test('there may be more passages than queries, or fewer', async () => {
  const random = seededRandom(6);
  for (const [queries, passages, width] of [
    [1, 4, 3],
    [3, 7, 13],
    [8, 24, 16],
    [5, 2, 9],
  ] as const) {
    const embeddings = randomArray(random, (queries + passages) * width);
    const seed = randomArray(random, queries * passages);
    const { outputs, gradients } = await runOp(
      runtime,
      [{ data: embeddings, shape: [queries + passages, width] }],
      (c, [e]) => [similarity(c, e!, queries)],
      [seed],
    );
    const tolerance = { abs: 4 * EPS_F32 * Math.max(width, passages), rel: 4 * EPS_F32 };
    const of = (e: ArrayLike<number>) => reference(e, queries, width, passages);
    expectClose('S', outputs[0]!, of(embeddings), tolerance);
    const [expected] = numericGradients(([e]) => weightedSum(of(e!), seed), [embeddings]);
    expectClose('gradient', gradients[0]!, expected!, tolerance);
  }
});

test('rows that are no queries and passages are refused', () => {
  const embeddings = runtime.tensor([3, 2]);
  expect(() => similarity(runtime, embeddings)).toThrow(/equally many/);
  expect(() => similarity(runtime, embeddings, 3)).toThrow(/no passages/);
  embeddings.release();
});
