import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { causalAttention, tilesFor, type AttentionHeads } from '../../src/ops/causalAttention.ts';
import type { AttentionVariant } from '../../src/ops/core/attentionVariant.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { makeRows } from '../../src/ops/core/rows.ts';
import { Tape } from '../../src/ops/core/tape.ts';
import { openTestRuntime, runOp, type OpInput } from '../harness/runtime.ts';
import {
  EPS_F32,
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';
import { referenceCausalAttention } from '../reference/attention.ts';

let runtime: Runtime;
beforeAll(async () => {
  // Nothing beyond the limits that every WebGPU device has.
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

interface Case extends AttentionHeads {
  lengths: readonly number[];
  seed: number;
  scale?: number;
  /** Numbers of a tensor whose gradient is checked; PICKED without. */
  picked?: number;
}

interface Data {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  seed: Float32Array;
  inputs: OpInput[];
}

function make({ lengths, heads, kvHeads, headDim, seed, scale = 1 }: Case): Data {
  const random = seededRandom(seed);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const [q, k] = [
    randomArray(random, tokens * heads * headDim, scale),
    randomArray(random, tokens * kvHeads * headDim, scale),
  ];
  const [v, out] = [randomArray(random, tokens * kvHeads * headDim), randomArray(random, tokens * heads * headDim)];
  return {
    q,
    k,
    v,
    seed: out,
    inputs: [
      { data: q, shape: [tokens, heads * headDim] },
      { data: k, shape: [tokens, kvHeads * headDim] },
      { data: v, shape: [tokens, kvHeads * headDim] },
    ],
  };
}

/** Both are tested on every adapter, though each device uses one of them only. */
const VARIANTS: readonly AttentionVariant[] = ['tiled', 'direct'];

function run(variant: AttentionVariant, setup: Case, data: Data, seeds?: readonly Float32Array[]) {
  return runOp(
    runtime,
    data.inputs,
    (c, [q, k, v]) => [causalAttention(c, q!, k!, v!, makeRows(c, setup.lengths), setup, { variant })],
    seeds,
  );
}

/** Numbers of a tensor whose gradient is checked by finite differences. */
const PICKED = 400;

/**
 * Rounding of one score: a dot product of D terms of size scale² each, summed in f32. An error δ of all scores changes
 * weights by a factor 1 ± 2δ, and values are at most 1.
 */
function forwardTolerance({ headDim, scale = 1 }: Case): number {
  return EPS_F32 * (8 + 2 * scale ** 2 * Math.sqrt(headDim) * Math.sqrt(headDim));
}

function raggedLengths(seed: number, count: number, longest: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => randomInt(random, 1, longest));
}

const GROUPS = [
  { heads: 2, kvHeads: 2 },
  { heads: 4, kvHeads: 2 },
  { heads: 3, kvHeads: 1 },
  { heads: 7, kvHeads: 1 },
];

describe.each(VARIANTS)('%s', (variant) => {
  describe('forward', () => {
    const shapes: Case[] = [
      ...[2, 6, 8, 10, 16, 20, 32, 64, 96, 128, 256].map((headDim, i) => ({
        ...GROUPS[i % GROUPS.length]!,
        headDim,
        lengths: [...raggedLengths(i, 2, 40), 1, 13],
        seed: i,
      })),
      ...GROUPS.map((group, i) => ({ ...group, headDim: 6, lengths: [...raggedLengths(100 + i, 3, 70), 70], seed: i })),
      { heads: 2, kvHeads: 1, headDim: 8, lengths: [1], seed: 200 },
      { heads: 2, kvHeads: 1, headDim: 8, lengths: [2, 3, 1, 16, 17], seed: 201 },
      { heads: 1, kvHeads: 1, headDim: 64, lengths: [32, 64, 33], seed: 202 },
      { heads: 1, kvHeads: 1, headDim: 128, lengths: [60], seed: 203 },
      { heads: 9, kvHeads: 3, headDim: 64, lengths: [35, 40], seed: 204 },
    ];
    test.each(shapes)('D $headDim, heads $heads:$kvHeads, rows $lengths', async (setup) => {
      const data = make(setup);
      const { outputs } = await run(variant, setup, data);
      const expected = referenceCausalAttention(data.q, data.k, data.v, setup.lengths, setup);
      expectClose('out', outputs[0]!, expected, { abs: forwardTolerance(setup) });
    });

    test('every row length from 1 to 70', async () => {
      const lengths = Array.from({ length: 70 }, (_, i) => i + 1);
      const setup: Case = { heads: 1, kvHeads: 1, headDim: 6, lengths, seed: 300 };
      const data = make(setup);
      const { outputs } = await run(variant, setup, data);
      const expected = referenceCausalAttention(data.q, data.k, data.v, lengths, setup);
      expectClose('out', outputs[0]!, expected, { abs: forwardTolerance(setup) });
    });
  });

  describe('backward', () => {
    // Finite differences run the reference twice per number: sizes stay small, but cover tails, several tiles of either
    // height, heads of one and of two chunks, and groups whose query heads are or are not shared out among workgroups.
    const shapes: Case[] = [
      { heads: 2, kvHeads: 2, headDim: 8, lengths: [5, 17, 1], seed: 1 },
      { heads: 4, kvHeads: 2, headDim: 6, lengths: [13, 7], seed: 2 },
      { heads: 3, kvHeads: 1, headDim: 6, lengths: [2, 18], seed: 3 },
      { heads: 7, kvHeads: 1, headDim: 6, lengths: [17], seed: 4 },
      { heads: 7, kvHeads: 1, headDim: 6, lengths: [4, 4, 4, 4, 4, 4, 4, 4, 4], seed: 5 },
      { heads: 1, kvHeads: 1, headDim: 6, lengths: [60], seed: 6 },
      { heads: 1, kvHeads: 1, headDim: 38, lengths: [19], seed: 7 },
      { heads: 2, kvHeads: 1, headDim: 64, lengths: [5, 3], seed: 8 },
      { heads: 1, kvHeads: 1, headDim: 128, lengths: [20], seed: 9 },
      { heads: 1, kvHeads: 1, headDim: 256, lengths: [4], seed: 10 },
      // Few places of these, because the reference is slow on so many heads.
      { heads: 9, kvHeads: 3, headDim: 64, lengths: [35], seed: 11, picked: 60 },
      { heads: 2, kvHeads: 1, headDim: 102, lengths: [18], seed: 12, picked: 100 },
    ];
    test.each(shapes)('D $headDim, heads $heads:$kvHeads, rows $lengths', async (setup) => {
      const data = make(setup);
      const { gradients } = await run(variant, setup, data, [data.seed]);
      const all = [data.q, data.k, data.v];
      const { picked = PICKED } = setup;
      // All numbers of small tensors; of large ones every so many, an odd step apart, so that it wanders through the heads.
      const picks = all.map(({ length }) => {
        const step = length <= picked ? 1 : 2 * Math.ceil(length / picked / 2) + 1;
        return Array.from({ length: Math.ceil(length / step) }, (_, i) => i * step);
      });
      const expected = numericGradients(
        (numbers) => {
          const inputs = all.map((values, i) => {
            const moved = Float64Array.from(values);
            picks[i]!.forEach((at, j) => (moved[at] = numbers[i]![j]!));
            return moved;
          });
          return weightedSum(
            referenceCausalAttention(inputs[0]!, inputs[1]!, inputs[2]!, setup.lengths, setup),
            data.seed,
          );
        },
        all.map((values, i) => picks[i]!.map((at) => values[at]!)),
      );
      // A sum over up to H / G · L terms of size √D at most, each with the relative error of a score's exponential.
      const terms = (setup.heads / setup.kvHeads) * Math.max(...setup.lengths);
      const abs = 4 * forwardTolerance(setup) * Math.sqrt(terms) + 1e-8;
      ['q', 'k', 'v'].forEach((name, i) => {
        const actual = picks[i]!.map((at) => gradients[i]![at]!);
        expectClose(`gradient of ${name}`, actual, expected[i]!, { abs });
      });
    });
  });

  test('logits in the hundreds stay stable, forward and backward', async () => {
    const setup: Case = { heads: 2, kvHeads: 1, headDim: 8, lengths: [40, 9], seed: 20, scale: 30 };
    const data = make(setup);
    const { outputs, gradients } = await run(variant, setup, data, [data.seed]);
    const expected = referenceCausalAttention(data.q, data.k, data.v, setup.lengths, setup);
    expectClose('out', outputs[0]!, expected, { abs: forwardTolerance(setup) });
    const numeric = numericGradients(
      (inputs) =>
        weightedSum(referenceCausalAttention(inputs[0]!, inputs[1]!, inputs[2]!, setup.lengths, setup), data.seed),
      [data.q, data.k, data.v],
      1e-6,
    );
    // Gradients of q and k carry a factor of 30 (the other side), and a score's rounding enters them as a relative error.
    ['q', 'k', 'v'].forEach((name, i) =>
      expectClose(`gradient of ${name}`, gradients[i]!, numeric[i]!, {
        abs: forwardTolerance(setup) * (i < 2 ? 30 : 1) * 4,
      }),
    );
  });

  test('equal logits of any size give the mean of the values so far', async () => {
    const setup: Case = { heads: 1, kvHeads: 1, headDim: 6, lengths: [50], seed: 21 };
    const data = make(setup);
    data.q.fill(1000);
    data.k.fill(1000);
    const { outputs } = await run(variant, setup, data);
    const expected = referenceCausalAttention(data.q, data.k, data.v, setup.lengths, setup);
    expectClose('out', outputs[0]!, expected, { abs: 16 * EPS_F32 });
  });

  test("a row's result and gradients do not depend on its neighbours, to the bit", async () => {
    const setup: Case = { heads: 4, kvHeads: 2, headDim: 6, lengths: [21, 35, 18], seed: 30 };
    const data = make(setup);
    const changed = make(setup);
    const other = make({ ...setup, seed: 31 });
    const middle = (width: number): [number, number] => [21 * width, 56 * width];
    for (const name of ['q', 'k', 'v', 'seed'] as const) {
      const width = name === 'q' || name === 'seed' ? 24 : 12;
      const [from, to] = middle(width);
      changed[name].set(other[name].subarray(0, from), 0);
      changed[name].set(other[name].subarray(to), to);
    }
    const first = await run(variant, setup, data, [data.seed]);
    const second = await run(variant, setup, changed, [changed.seed]);
    const pairs = [
      [first.outputs[0]!, second.outputs[0]!, 24],
      [first.gradients[0]!, second.gradients[0]!, 24],
      [first.gradients[1]!, second.gradients[1]!, 12],
      [first.gradients[2]!, second.gradients[2]!, 12],
    ] as const;
    for (const [before, after, width] of pairs) {
      expect(after.subarray(...middle(width))).toEqual(before.subarray(...middle(width)));
      expect(after.subarray(0, 21 * width)).not.toEqual(before.subarray(0, 21 * width));
    }
  });

  test('a token sees nothing that comes after it, to the bit', async () => {
    const setup: Case = { heads: 2, kvHeads: 1, headDim: 8, lengths: [45], seed: 40 };
    const data = make(setup);
    const changed = make(setup);
    const other = make({ ...setup, seed: 41 });
    changed.k.set(other.k.subarray(20 * 8), 20 * 8);
    changed.v.set(other.v.subarray(20 * 8), 20 * 8);
    const { outputs } = await run(variant, setup, data);
    const { outputs: after } = await run(variant, setup, changed);
    expect(after[0]!.subarray(0, 20 * 16)).toEqual(outputs[0]!.subarray(0, 20 * 16));
    expect(after[0]!.subarray(20 * 16)).not.toEqual(outputs[0]!.subarray(20 * 16));
  });

  test('one tensor as queries, keys and values receives the sum of the three gradients', async () => {
    const setup: Case = { heads: 2, kvHeads: 2, headDim: 8, lengths: [20, 12], seed: 50 };
    const { q, seed, inputs } = make(setup);
    const { gradients } = await runOp(
      runtime,
      inputs.slice(0, 1),
      (c, [x]) => [causalAttention(c, x!, x!, x!, makeRows(c, setup.lengths), setup, { variant })],
      [seed],
    );
    const expected = numericGradients(
      ([x]) => weightedSum(referenceCausalAttention(x!, x!, x!, setup.lengths, setup), seed),
      [q],
    );
    expectClose('gradient', gradients[0]!, expected[0]!, { abs: 100 * EPS_F32 });
  });

  test('only inputs that want a gradient get one, and parameters are added to', async () => {
    const setup: Case = { heads: 2, kvHeads: 1, headDim: 8, lengths: [20, 12], seed: 60 };
    const data = make(setup);
    const whole = await run(variant, setup, data, [data.seed]);
    for (let wanted = 0; wanted < 3; wanted++) {
      const inputs = data.inputs.map((input, i) => ({ ...input, requiresGrad: i === wanted }));
      const { gradients } = await run(variant, setup, { ...data, inputs }, [data.seed]);
      expect(gradients).toEqual([whole.gradients[wanted]]);
    }
    const tape = new Tape(runtime);
    const reads: Promise<Float32Array>[] = [];
    runtime.scope(() => {
      const tensors = data.inputs.map(({ data: numbers, shape }) => {
        const tensor = runtime.fromArray(numbers, shape);
        tensor.requiresGrad = true;
        tensor.gradient = runtime.fromArray(new Float32Array(numbers.length).fill(1), shape);
        return tensor;
      });
      runtime.tape = tape;
      const out = causalAttention(
        runtime,
        tensors[0]!,
        tensors[1]!,
        tensors[2]!,
        makeRows(runtime, setup.lengths),
        setup,
        { variant },
      );
      runtime.tape = undefined;
      tape.backward([{ tensor: out, gradient: runtime.fromArray(data.seed, out.shape) }]);
      reads.push(...tensors.map((tensor) => runtime.read(tensor.gradient!)));
    });
    tape.dispose();
    await runtime.recorder.flush();
    const sums = await Promise.all(reads);
    sums.forEach((sum, i) => {
      const expected = whole.gradients[i]!.map((value) => value + 1);
      // Adding the parts to 1 in another order rounds differently, by no more than the sizes of the sums allow.
      expectClose('gradient slot', sum, expected, { abs: 8 * EPS_F32 });
    });
  });
});

test('both tile heights are in use: tall tiles for long rows, low ones for short rows and huge heads', () => {
  const size = (lengths: number[], headDim = 64) =>
    runtime.scope(() => void sizes.push(tilesFor(makeRows(runtime, lengths), headDim).size));
  const sizes: number[] = [];
  size([13, 13, 9]);
  size([64, 60]);
  size([300, 13], 128);
  size([300, 13], 130);
  runtime.recorder.discard();
  expect(sizes).toEqual([16, 32, 32, 16]);
});

test('what does not fit together is refused with the reason', () => {
  runtime.scope(() => {
    const rows = makeRows(runtime, [3]);
    const [q, k] = [runtime.tensor([3, 12]), runtime.tensor([3, 6])];
    const call = (heads: AttentionHeads) => () => causalAttention(runtime, q, k, k, rows, heads);
    expect(call({ heads: 4, kvHeads: 2, headDim: 3 })).toThrow(/even number of dimensions up to 256.*has 3/);
    expect(call({ heads: 1, kvHeads: 1, headDim: 258 })).toThrow(/up to 256/);
    expect(call({ heads: 3, kvHeads: 2, headDim: 4 })).toThrow(/3 query heads cannot be shared out evenly among 2/);
    expect(call({ heads: 6, kvHeads: 2, headDim: 2 })).toThrow(/The keys should have shape \[3, 4\]/);
  });
  runtime.recorder.discard();
});
