import { afterAll, beforeAll, expect, test } from 'vitest';
import { listDivergence } from '../../src/ops/listDivergence.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { EPS_F32, expectClose, numericGradients, randomArray, seededRandom } from '../harness/numerics.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { listDivergenceReference } from '../reference/listDivergence.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

function run(
  scores: Float32Array,
  targets: Float32Array,
  rows: number,
  taus: readonly [number, number],
  seed?: number,
) {
  return runOp(
    runtime,
    [
      { data: scores, shape: [rows, rows] },
      { data: targets, shape: [rows, rows], requiresGrad: false },
    ],
    (c, [s, t]) => {
      const [temperature, targetTemperature] = taus;
      const { loss, shares, wanted } = listDivergence(c, s!, t!, { temperature, targetTemperature });
      return [loss, shares, wanted];
    },
    seed === undefined ? undefined : [Float32Array.of(seed)],
  );
}

const TAUS = [
  [1, 1],
  [0.05, 0.3],
  [0.3, 0.02],
  [0.01, 0.01],
] as const;
const CASES = [2, 3, 8, 31, 65].flatMap((rows) => TAUS.map(([a, b]) => [rows, a, b] as const));

test.each(CASES)(
  'B = %i, τ = %f and %f: loss, both lists and the gradient of any seed',
  async (rows, tau, wantedTau) => {
    const random = seededRandom(rows);
    const scores = randomArray(random, rows * rows);
    const targets = randomArray(random, rows * rows, 3);
    const seed = -1.75;
    const { outputs, gradients } = await run(scores, targets, rows, [tau, wantedTau], seed);
    const [t, w] = [Math.fround(tau), Math.fround(wantedTau)];
    const { loss, shares, wanted } = listDivergenceReference(scores, targets, rows, t, w);
    // Exponents reach 2/τ (6/τ for targets three times as wide), each rounded once, and so are the logarithms that are compared.
    const [rel, wantedRel] = [8 * (2 / tau) * EPS_F32, 8 * (6 / wantedTau) * EPS_F32];
    expectClose('Q', outputs[1]!, shares, { abs: 2 ** -126, rel: rel + 16 * EPS_F32 });
    expectClose('P', outputs[2]!, wanted, { abs: 2 ** -126, rel: wantedRel + 16 * EPS_F32 });
    expectClose('loss', outputs[0]!, Float64Array.of(loss), { abs: rel + wantedRel + 16 * EPS_F32, rel: wantedRel });
    const expected = shares.map((share, at) => (seed * (share - wanted[at]!)) / (tau * rows));
    expectClose('∂S', gradients[0]!, expected, {
      abs: ((rel + wantedRel + 16 * EPS_F32) * Math.abs(seed)) / (tau * rows),
    });
  },
);

test('the gradient is that of finite differences of the definition', async () => {
  const rows = 5;
  const random = seededRandom(9);
  const scores = randomArray(random, rows * rows);
  const targets = randomArray(random, rows * rows);
  const { gradients } = await run(scores, targets, rows, [0.2, 0.4], 1);
  const [slope] = numericGradients(
    ([s]) => listDivergenceReference(s!, targets, rows, Math.fround(0.2), Math.fround(0.4)).loss,
    [scores],
  );
  expectClose('∂S', gradients[0]!, slope!, { abs: 1e-6, rel: 1e-5 });
});

test('the diagonal counts for nothing, and one chunk alone has no list', async () => {
  const rows = 4;
  const random = seededRandom(3);
  const [scores, targets] = [randomArray(random, 16), randomArray(random, 16)];
  const changed = (values: Float32Array) => values.map((value, at) => (at % 5 === 0 ? 1000 : value));
  const one = await run(scores, targets, rows, [0.1, 0.1], 1);
  const other = await run(changed(scores), changed(targets), rows, [0.1, 0.1], 1);
  expect(other).toEqual(one);
  expect([0, 5, 10, 15].map((at) => one.gradients[0]![at])).toEqual([0, 0, 0, 0]);
  const alone = await run(Float32Array.of(0.3), Float32Array.of(0.1), 1, [0.1, 0.1], 1);
  expect([...alone.outputs, ...alone.gradients].map((values) => values[0])).toEqual([0, 0, 0, 0]);
});

test('at the temperatures of the paper’s reproduction everything stays finite', async () => {
  const rows = 6;
  const random = seededRandom(4);
  const { outputs, gradients } = await run(
    randomArray(random, rows * rows),
    randomArray(random, rows * rows, 5),
    rows,
    [0.001, 0.001],
    1,
  );
  expect([...outputs, ...gradients].every((values) => values.every(Number.isFinite))).toBe(true);
  expect(outputs[0]![0]).toBeGreaterThan(1);
});

test('the gradient adds to one that is there', async () => {
  const random = seededRandom(2);
  const [scores, targets] = [randomArray(random, 16), randomArray(random, 16)];
  const once = await run(scores, targets, 4, [0.1, 0.2], 1);
  const inputs = [
    { data: scores, shape: [4, 4] },
    { data: targets, shape: [4, 4], requiresGrad: false },
  ];
  const twice = await runOp(
    runtime,
    inputs,
    (c, [s, t]) => {
      const loss = () => listDivergence(c, s!, t!, { temperature: 0.1, targetTemperature: 0.2 }).loss;
      return [loss(), loss()];
    },
    [Float32Array.of(1), Float32Array.of(1)],
  );
  expect(twice.gradients[0]).toEqual(once.gradients[0]!.map((value) => 2 * value));
});

test('matrices that do not fit and a temperature that is none are refused', async () => {
  await expect(async () => run(new Float32Array(4), new Float32Array(4), 2, [0.1, 0])).rejects.toThrow(
    /at least 0.0001/,
  );
  runtime.recorder.discard();
  const [square, other] = [runtime.tensor([2, 2]), runtime.tensor([2, 3])];
  const taus = { temperature: 0.1, targetTemperature: 0.1 };
  expect(() => listDivergence(runtime, other, other, taus)).toThrow(/square/);
  expect(() => listDivergence(runtime, square, other, taus)).toThrow(/What is wanted/);
  square.release();
  other.release();
});
