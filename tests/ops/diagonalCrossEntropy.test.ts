import { afterAll, beforeAll, expect, test } from 'vitest';
import { diagonalCrossEntropy } from '../../src/ops/diagonalCrossEntropy.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../harness/numerics.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { diagonalCrossEntropyReference } from '../reference/diagonalCrossEntropy.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

function run(similarity: Float32Array, rows: number, temperature: number, seed?: number) {
  return runOp(
    runtime,
    [{ data: similarity, shape: [rows, rows] }],
    (c, [s]) => {
      const { loss, probabilities } = diagonalCrossEntropy(c, s!, temperature);
      return [loss, probabilities];
    },
    seed === undefined ? undefined : [Float32Array.of(seed)],
  );
}

const CASES = [1, 2, 3, 8, 31, 65].flatMap((rows) => [1, 0.05, 0.01].map((tau) => [rows, tau] as const));

test.each(CASES)('B = %i, τ = %f: loss, P and the gradient of any seed equal the f64 reference', async (rows, tau) => {
  const random = seededRandom(rows);
  const similarity = randomArray(random, rows * rows);
  const seed = -1.75;
  const { outputs, gradients } = await run(similarity, rows, tau, seed);
  const { loss, probabilities } = diagonalCrossEntropyReference(similarity, rows, Math.fround(tau));
  // Exponents reach 2/τ, each rounded once.
  const rel = 8 * (2 / tau) * EPS_F32;
  expectClose('loss', outputs[0]!, Float64Array.of(loss), { abs: rel, rel: 16 * EPS_F32 });
  expectClose('P', outputs[1]!, probabilities, { abs: 2 ** -126, rel: rel + 16 * EPS_F32 });
  const expected = probabilities.map(
    (p, at) => (seed * (p - (at % rows === Math.floor(at / rows) ? 1 : 0))) / (tau * rows),
  );
  expectClose('∂S', gradients[0]!, expected, {
    abs: (4 * EPS_F32 * Math.abs(seed)) / (tau * rows),
    rel: rel + 16 * EPS_F32,
  });
});

test('the gradient is that of finite differences of the reference', async () => {
  const [rows, tau, step] = [5, 0.2, 1e-5];
  const similarity = randomArray(seededRandom(9), rows * rows);
  const { gradients } = await run(similarity, rows, tau, 1);
  const slope = Float64Array.from(similarity, (_, at) => {
    const shifted = (by: number) => Float64Array.from(similarity, (value, k) => (k === at ? value + by : value));
    const at2 = (by: number) => diagonalCrossEntropyReference(shifted(by), rows, tau).loss;
    return (at2(step) - at2(-step)) / (2 * step);
  });
  expectClose('∂S', gradients[0]!, slope, { abs: 1e-6, rel: 1e-5 });
});

test('the gradient adds to one that is there', async () => {
  const similarity = randomArray(seededRandom(2), 16);
  const once = await run(similarity, 4, 0.1, 1);
  const twice = await runOp(
    runtime,
    [{ data: similarity, shape: [4, 4] }],
    (c, [s]) => [diagonalCrossEntropy(c, s!, 0.1).loss, diagonalCrossEntropy(c, s!, 0.1).loss],
    [Float32Array.of(1), Float32Array.of(1)],
  );
  expect(twice.gradients[0]).toEqual(once.gradients[0]!.map((value) => 2 * value));
});

test('a matrix that is not square and a temperature that is none are refused', async () => {
  await expect(async () => run(new Float32Array(4), 2, 0)).rejects.toThrow(/at least 0.0001/);
  runtime.recorder.discard();
  expect(() => diagonalCrossEntropy(runtime, runtime.tensor([2, 3]), 0.1)).toThrow(/square/);
});
