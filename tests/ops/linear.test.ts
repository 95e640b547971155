import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { linear } from '../../src/ops/linear.ts';
import { Tape } from '../../src/ops/core/tape.ts';
import { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { EPS_F32, expectClose, numericGradients, randomArray, seededRandom, weightedSum } from '../harness/numerics.ts';
import { rounded, WEIGHT_TYPES, weightTensor } from '../harness/weights.ts';
import { dropoutFactors } from '../reference/dropout.ts';
import { linearReference } from '../reference/linear.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

/** Sums of products below 1, `terms` of them: each addition rounds by half a unit of a sum that stays below `terms`. */
const tolerance = (terms: number) => ({ abs: EPS_F32 * (4 + terms) });

test('a trainable layer: output and all gradients, ragged shapes', async () => {
  const random = seededRandom(21);
  const shapes = [
    [1, 1, 1],
    [2, 3, 5],
    [5, 8, 4],
    [9, 35, 7],
    [17, 4, 33],
  ] as const;
  for (const [t, n, k] of shapes) {
    const sizes = { t, n, k };
    const [x, w] = [randomArray(random, t * k), randomArray(random, n * k)];
    const [bias, seed] = [randomArray(random, n), randomArray(random, t * n)];
    const { outputs, gradients } = await runOp(
      runtime,
      [
        { data: x, shape: [t, k] },
        { data: w, shape: [n, k] },
        { data: bias, shape: [n] },
      ],
      (c, [xs, ws, bs]) => [linear(c, xs!, ws!, { bias: bs })],
      [seed],
    );
    expectClose('y', outputs[0]!, linearReference(sizes, x, w, bias), tolerance(k + 1));
    const expected = numericGradients(
      ([xs, ws, bs]) => weightedSum(linearReference(sizes, xs!, ws!, bs), seed),
      [x, w, bias],
    );
    expected.forEach((gradient, i) => expectClose(`gradient ${i}`, gradients[i]!, gradient, tolerance(t + n)));
  }
});

test('long columns of a bias gradient, over several workgroups', async () => {
  const random = seededRandom(22);
  const [t, n, k] = [203, 71, 1];
  const [x, w, bias, seed] = [
    randomArray(random, t),
    randomArray(random, n),
    randomArray(random, n),
    randomArray(random, t * n),
  ];
  const { gradients } = await runOp(
    runtime,
    [
      { data: x, shape: [t, k], requiresGrad: false },
      { data: w, shape: [n, k], requiresGrad: false },
      { data: bias, shape: [n] },
    ],
    (c, [xs, ws, bs]) => [linear(c, xs!, ws!, { bias: bs })],
    [seed],
  );
  const expected = Float64Array.from({ length: n }, (_, j) => {
    let sum = 0;
    for (let i = 0; i < t; i++) sum += seed[i * n + j]!;
    return sum;
  });
  expectClose('dbias', gradients[0]!, expected, tolerance(t));
});

test('frozen packed weights: output and input gradient, no weight gradient', async () => {
  const random = seededRandom(23);
  for (const dtype of [...WEIGHT_TYPES, 'i8'] as const)
    for (const [t, n, k] of [
      [5, 7, 3],
      [6, 12, 8],
      [33, 40, 36],
      [3, 35, 67],
    ] as const) {
      const sizes = { t, n, k };
      const [x, seed] = [randomArray(random, t * k), randomArray(random, t * n)];
      const stored = randomArray(random, n * k);
      const w = rounded(stored, dtype, k);
      let weight: Tensor | undefined;
      const tapes: Tape[] = [];
      const { outputs, gradients } = await runOp(
        runtime,
        // Two leading dimensions: all but the last are rows.
        [{ data: x, shape: [1, t, k] }],
        (c, [xs]) => {
          weight = weightTensor(c, stored, [n, k], dtype);
          if (c.tape instanceof Tape) tapes.push(c.tape);
          return [linear(c, xs!, weight)];
        },
        [seed],
      );
      expectClose('y', outputs[0]!, linearReference(sizes, x, w), tolerance(k));
      const [dx] = numericGradients(([xs]) => weightedSum(linearReference(sizes, xs!, w), seed), [x]);
      expectClose('dx', gradients[0]!, dx!, tolerance(n));
      expect(tapes[0]!.gradientOf(weight!)).toBeUndefined();
    }
});

/** A merged projection of three stretches, LoRA on the first and last. */
function loraCase(
  random: () => number,
  [t, k, rank]: readonly [number, number, number],
  heights: readonly [number, number, number],
) {
  const n = heights[0] + heights[1] + heights[2];
  const parts = [
    { rowOffset: 0, rows: heights[0] },
    { rowOffset: heights[0] + heights[1], rows: heights[2] },
  ];
  return {
    sizes: { t, n, k },
    rank,
    parts,
    x: randomArray(random, t * k),
    w: randomArray(random, n * k),
    bias: randomArray(random, n),
    a: randomArray(random, 2 * rank * k),
    b: randomArray(random, (heights[0] + heights[2]) * rank),
    seed: randomArray(random, t * n),
  };
}

/** Each part with its own B matrix, cut from the stacked ones. */
function withB(parts: readonly { rowOffset: number; rows: number }[], rank: number, stacked: Float64Array) {
  let first = 0;
  return parts.map((part) => {
    const b = stacked.subarray(first, first + part.rows * rank);
    first += part.rows * rank;
    return { ...part, b };
  });
}

const KEY = [5, 3_000_000_000] as const;
const SITES = [8, 10];

/** Parts whose A matrices read x under masks of their own. */
function masked<P>(parts: readonly P[], rate: number, t: number, k: number): (P & { factors: Float64Array })[] {
  return parts.map((part, p) => ({ ...part, factors: dropoutFactors({ rate, key: KEY, site: SITES[p]! }, t, k) }));
}

test.each([0, 0.25])(
  'LoRA with dropout %d on some parts of a merged projection: output and gradients of x, A and B',
  async (rate) => {
    const random = seededRandom(24);
    const scale = 0.5;
    for (const [sizes, heights] of [
      [
        [1, 1, 1],
        [1, 1, 1],
      ],
      [
        [3, 5, 2],
        [4, 3, 7],
      ],
      [
        [6, 8, 4],
        [8, 4, 12],
      ],
      [
        [19, 36, 3],
        [17, 5, 18],
      ],
      [
        [9, 20, 8],
        [64, 1, 67],
      ],
    ] as const) {
      const { sizes: shape, rank, parts, x, w, bias, a, b, seed } = loraCase(random, sizes, heights);
      const { t, n, k } = shape;
      const { outputs, gradients } = await runOp(
        runtime,
        [
          { data: x, shape: [t, k] },
          { data: w, shape: [n, k], requiresGrad: false },
          { data: bias, shape: [n], requiresGrad: false },
          { data: a, shape: [2 * rank, k] },
          { data: b, shape: [parts[0]!.rows + parts[1]!.rows, rank] },
        ],
        (c, [xs, ws, biases, as, bs]) => {
          const dropout = rate > 0 ? { rate, key: c.fromArray(Uint32Array.from(KEY), [2]), sites: SITES } : undefined;
          return [linear(c, xs!, ws!, { bias: biases, lora: { scale, rank, a: as!, b: bs!, parts, dropout } })];
        },
        [seed],
      );
      const reference = ([xs, as, bs]: Float64Array[]) =>
        linearReference(shape, xs!, w, bias, {
          scale,
          rank,
          a: as!,
          parts: masked(withB(parts, rank, bs!), rate, t, k),
        });
      const inputs = [x, a, b].map((values) => Float64Array.from(values));
      expectClose('y', outputs[0]!, reference(inputs), tolerance(k * (1 + scale * rank)));
      const expected = numericGradients((point) => weightedSum(reference(point), seed), inputs);
      // Gradients are sums of products of three factors: over T, N and the rank, or K and T.
      expected.forEach((gradient, i) => expectClose(`gradient ${i}`, gradients[i]!, gradient, tolerance(t * (n + k))));
    }
  },
);

test('LoRA over a frozen input: A and B still learn, and nothing is computed for the input', async () => {
  const random = seededRandom(25);
  const { sizes, rank, parts, x, w, a, b, seed } = loraCase(random, [5, 8, 2], [4, 4, 4]);
  const { t, n, k } = sizes;
  const run = (inputNeedsGradient: boolean) =>
    runOp(
      runtime,
      [
        { data: x, shape: [t, k], requiresGrad: inputNeedsGradient },
        { data: w, shape: [n, k], requiresGrad: false },
        { data: a, shape: [2 * rank, k] },
        { data: b, shape: [8, rank] },
      ],
      (c, [xs, ws, as, bs]) => [linear(c, xs!, ws!, { lora: { scale: 2, rank, a: as!, b: bs!, parts } })],
      [seed],
    );
  const frozen = await run(false);
  const open = await run(true);
  expect(frozen.gradients).toEqual(open.gradients.slice(1));
  expect(open.dispatches - frozen.dispatches).toBe(1);
});

test('a residual joins the output, and the gradient goes to it unchanged', async () => {
  const random = seededRandom(27);
  for (const [t, n, k] of [
    [1, 1, 1],
    [5, 7, 3],
    [6, 8, 12],
    [3, 8, 1100],
  ] as const) {
    const sizes = { t, n, k };
    const [x, w] = [randomArray(random, t * k), randomArray(random, n * k)];
    const [bias, residual, seed] = [randomArray(random, n), randomArray(random, t * n), randomArray(random, t * n)];
    const { outputs, gradients } = await runOp(
      runtime,
      [
        { data: x, shape: [t, k] },
        { data: w, shape: [n, k], requiresGrad: false },
        { data: bias, shape: [n], requiresGrad: false },
        { data: residual, shape: [t, n] },
      ],
      (c, [xs, ws, biases, from]) => [linear(c, xs!, ws!, { bias: biases, residual: from })],
      [seed],
    );
    const expected = linearReference(sizes, x, w, bias).map((value, i) => value + residual[i]!);
    expectClose('y', outputs[0]!, expected, tolerance(k + 2));
    const [dx] = numericGradients(([xs]) => weightedSum(linearReference(sizes, xs!, w, bias), seed), [x]);
    expectClose('dx', gradients[0]!, dx!, tolerance(n));
    expect(gradients[1]).toEqual(seed);
  }
});

test('gradients add up in a parameter that has a gradient slot, and nothing around the slot is touched', async () => {
  const random = seededRandom(26);
  const [t, n, k] = [5, 7, 3];
  const [x, w] = [randomArray(random, t * k), randomArray(random, n * k)];
  const [bias, seed] = [randomArray(random, n), randomArray(random, t * n)];
  const reads: Promise<Float32Array>[] = [];
  runtime.scope(() => {
    // Slots lie in one arena, 64 numbers apart, as the optimiser's do.
    const arena = runtime.fromArray(new Float32Array(128).fill(1), [128], 'gradients');
    const tape = new Tape(runtime);
    const weight = runtime.fromArray(w, [n, k]);
    const offset = runtime.fromArray(bias, [n]);
    [weight, offset].forEach((parameter, i) => {
      parameter.requiresGrad = true;
      const slice = { ...arena.slice, offset: 256 * i, size: 4 * parameter.size };
      parameter.gradient = Tensor.over(slice, parameter.shape);
    });
    runtime.tape = tape;
    const y = linear(runtime, runtime.fromArray(x, [t, k]), weight, { bias: offset });
    runtime.tape = undefined;
    tape.backward([{ tensor: y, gradient: runtime.fromArray(seed, [t, n]) }]);
    tape.dispose();
    reads.push(runtime.read(arena));
  });
  await runtime.recorder.flush();
  const [arena] = await Promise.all(reads);
  const loss = ([ws, bs]: Float64Array[]) => weightedSum(linearReference({ t, n, k }, x, ws!, bs), seed);
  const [dw, db] = numericGradients(loss, [w, bias]);
  const expected = new Float64Array(128).fill(1);
  dw!.forEach((value, i) => (expected[i]! += value));
  db!.forEach((value, i) => (expected[64 + i]! += value));
  expectClose('arena', arena!, expected, tolerance(t + 1));
});

test('what does not fit is refused', () => {
  runtime.scope(() => {
    const x = runtime.zeros([2, 4]);
    const weight = runtime.zeros([6, 4]);
    const packed = runtime.tensor([6, 4], 'bf16');
    packed.requiresGrad = true;
    expect(() => linear(runtime, x, runtime.zeros([6, 5]))).toThrow('rows of 4 numbers, the weight takes 5');
    expect(() => linear(runtime, x, packed)).toThrow('a bf16 weight cannot be trained');
    expect(() => linear(runtime, x, weight, { bias: runtime.zeros([5]) })).toThrow('The bias should have shape [6]');
    expect(() => linear(runtime, x, weight, { residual: runtime.zeros([6, 2]) })).toThrow('should have shape [2, 6]');
    const lora = {
      scale: 1,
      rank: 2,
      a: runtime.zeros([2, 4]),
      b: runtime.zeros([4, 2]),
      parts: [{ rowOffset: 3, rows: 4 }],
    };
    expect(() => linear(runtime, x, weight, { lora })).toThrow('rows 3 to 7 does not fit a weight of 6 rows');
    const fitting = { ...lora, parts: [{ rowOffset: 1, rows: 4 }] };
    const dropout = { rate: 0.1, key: runtime.fromArray(new Uint32Array(2), [2]), sites: [1, 2] };
    expect(() => linear(runtime, x, weight, { lora: { ...fitting, dropout } })).toThrow('2 masks do not fit');
  });
});
