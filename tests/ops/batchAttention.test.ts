import { afterAll, beforeAll, expect, test } from 'vitest';
import { batchAttention } from '../../src/ops/batchAttention.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../harness/numerics.ts';
import { batchAttentionReference } from '../reference/batchAttention.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

function run(similarity: Float32Array, chunks: number, temperature: number, seed?: Float32Array) {
  return runOp(
    runtime,
    [{ data: similarity, shape: [chunks, chunks] }],
    (c, [s]) => [batchAttention(c, s!, temperature)],
    seed && [seed],
  );
}

/** (1/τ) · A_ij · Σ_k A_ik (g_ij − g_ik), in f64: the closed form of docs/METHOD.md, step 6, written so that nothing cancels. */
function expectedGradient(a: Float64Array, g: Float32Array, chunks: number, temperature: number): Float64Array {
  return a.map((value, at) => {
    const row = Math.floor(at / chunks) * chunks;
    let mean = 0;
    for (let k = row; k < row + chunks; k++) mean += a[k]! * (g[at]! - g[k]!);
    return (value * mean) / temperature;
  });
}

const CASES = [1, 2, 3, 5, 8, 16, 67].flatMap((chunks) => [1, 0.1, 0.01, 1e-4].map((tau) => [chunks, tau] as const));

test.each(CASES)('B = %i, τ = %f: A and ∂S equal the f64 reference', async (chunks, temperature) => {
  const random = seededRandom(chunks);
  const similarity = randomArray(random, chunks * chunks);
  const seed = randomArray(random, chunks * chunks);
  const { outputs, gradients } = await run(similarity, chunks, temperature, seed);
  // τ itself is rounded to f32, and exponents reach 87 before the result underflows: 87 · 2^-24 each, and exp's own ulps.
  const rel = 4 * 87 * EPS_F32;
  const expected = batchAttentionReference(similarity, chunks, temperature);
  expectClose('A', outputs[0]!, expected, { abs: 2 ** -126, rel });
  // Where A is sharp, small entries are all there is; they are as exact as A, up to the cancelling difference in g.
  const exact = expectedGradient(Float64Array.from(outputs[0]!), seed, chunks, temperature);
  expectClose('∂S', gradients[0]!, exact, { abs: (4 * EPS_F32) / temperature, rel });
  for (let i = 0; i < chunks; i++) expect(outputs[0]![i * chunks + i]).toBe(0);
});

test('a sharp row keeps the digits of its gradient: the largest entry does not drown the others', async () => {
  const [chunks, temperature] = [4, 1e-4];
  // The others are 8, 9 and 10 τ behind the first column: A = 1, 3e-4, 1e-4.
  const similarity = Float32Array.from({ length: 16 }, (_, at) => [0.9, 0.8992, 0.8991, 0.899][at % 4]!);
  const seed = Float32Array.from({ length: 16 }, (_, at) => 1000 + [0, 0.5, 0.25, -0.5][at % 4]!);
  const { outputs, gradients } = await run(similarity, chunks, temperature, seed);
  const exact = expectedGradient(Float64Array.from(outputs[0]!), seed, chunks, temperature);
  expectClose('∂S', gradients[0]!, exact, { abs: 1e-9, rel: 1e-5 });
});

test('what is below the smallest normal number is exactly 0, and so is its gradient', async () => {
  const [chunks, temperature] = [3, 1e-4];
  // Differences of 80 τ and 100 τ: e^-80 is a normal f32, e^-100 is not.
  const similarity = Float32Array.from([0, 0.5, 0.492, 0.5, 0, 0.49, 0.5, 0.5, 0]);
  const { outputs, gradients } = await run(similarity, chunks, temperature, randomArray(seededRandom(1), 9));
  expect(outputs[0]![1]).toBe(1);
  expect(outputs[0]![2]).toBeGreaterThan(2 ** -126);
  expect(outputs[0]![5]).toBe(0);
  expect(gradients[0]![5]).toBe(0);
});

test('the gradient adds to one that is there', async () => {
  const random = seededRandom(2);
  const [similarity, seed] = [randomArray(random, 25), randomArray(random, 25)];
  const once = await run(similarity, 5, 0.1, seed);
  const twice = await runOp(
    runtime,
    [{ data: similarity, shape: [5, 5] }],
    (c, [s]) => [batchAttention(c, s!, 0.1), batchAttention(c, s!, 0.1)],
    [seed, seed],
  );
  expect(twice.gradients[0]).toEqual(once.gradients[0]!.map((value) => 2 * value));
});

test('a temperature below 1e-4 or not a number is refused', async () => {
  for (const temperature of [0, 1e-5, -1, NaN])
    await expect(async () => run(new Float32Array(4), 2, temperature)).rejects.toThrow(/at least 0.0001/);
  runtime.recorder.discard();
});
