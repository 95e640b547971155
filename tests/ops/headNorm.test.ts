import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { headNorm } from '../../src/ops/headNorm.ts';
import { rmsNorm } from '../../src/ops/rmsNorm.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { Tape } from '../../src/ops/core/tape.ts';
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
import { headNorm as reference } from '../reference/headNorm.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

// A head takes four threads on a software GPU and up to 64 on a GPU; this adapter runs both.
const THREADS = [
  ['in the threads of a software GPU', true],
  ['in the threads of a GPU', false],
] as const;
let software: boolean;
beforeEach(() => {
  ({ software } = runtime.gpu.info);
});
afterEach(() => {
  runtime.gpu.info.software = software;
});

const EPSILON = 1e-6;
const LAYOUTS = [
  { heads: 1, kvHeads: 1, headDim: 2 },
  { heads: 3, kvHeads: 1, headDim: 6 },
  { heads: 4, kvHeads: 2, headDim: 16 },
  { heads: 6, kvHeads: 3, headDim: 10 },
  // More query heads than one block of the weight gradient counts.
  { heads: 40, kvHeads: 2, headDim: 4 },
  { heads: 2, kvHeads: 2, headDim: 128 },
];
const widthOf = ({ heads, kvHeads, headDim }: (typeof LAYOUTS)[number]) => (heads + 2 * kvHeads) * headDim;
/** Away from heads that are all but zero, where r has no bound. */
const awayFromZero = (values: Float32Array) => values.map((value) => value + Math.sign(value) * 0.5);

test.each(THREADS)(
  '%s: queries and keys are normalised head by head and values kept, as f64 loops have it, and backward by differences',
  async (_what, few) => {
    runtime.gpu.info.software = few;
    const random = seededRandom(51);
    for (const layout of LAYOUTS) {
      const tokens = randomInt(random, 1, 5);
      const qkv = awayFromZero(randomArray(random, tokens * widthOf(layout), 2));
      const weight = randomArray(random, 2 * layout.headDim);
      const seed = randomArray(random, qkv.length);
      const { outputs, gradients } = await runOp(
        runtime,
        [
          { data: qkv, shape: [tokens, widthOf(layout)] },
          { data: weight, shape: [2 * layout.headDim] },
        ],
        (c, [x, g]) => [headNorm(c, x!, layout, g!, EPSILON)],
        [seed],
      );
      const what = `${tokens} tokens of ${JSON.stringify(layout)}`;
      expectClose(`y ${what}`, outputs[0]!, reference(qkv, layout, weight, EPSILON), { abs: 1e-6, rel: 8 * EPS_F32 });
      const numeric = numericGradients(
        ([x, g]) => weightedSum(reference(x!, layout, g!, EPSILON), seed),
        [qkv, weight],
      );
      expectClose(`dx ${what}`, gradients[0]!, numeric[0]!, { abs: 1e-5, rel: 1e-5 });
      expectClose(`dg ${what}`, gradients[1]!, numeric[1]!, { abs: 1e-6 * tokens * layout.heads + 1e-6 });
    }
  },
);

test.each(THREADS)(
  '%s: many heads are as rmsNorm has them in rows of one head [T, H, hd], and so are both gradients',
  async (_what, few) => {
    runtime.gpu.info.software = few;
    const random = seededRandom(52);
    const layout = { heads: 3, kvHeads: 1, headDim: 24 };
    const { heads, kvHeads, headDim } = layout;
    const tokens = 700;
    const qkv = awayFromZero(randomArray(random, tokens * widthOf(layout)));
    const weight = randomArray(random, 2 * headDim);
    const seed = randomArray(random, qkv.length);
    const all = await runOp(
      runtime,
      [
        { data: qkv, shape: [tokens, widthOf(layout)] },
        { data: weight, shape: [2 * headDim] },
      ],
      (c, [x, g]) => [headNorm(c, x!, layout, g!, EPSILON)],
      [seed],
    );
    const columns = (values: Float32Array, firstHead: number, count: number) =>
      Float32Array.from(
        Array.from({ length: tokens }, (_, t) => {
          const at = t * widthOf(layout) + firstHead * headDim;
          return [...values.subarray(at, at + count * headDim)];
        }).flat(),
      );
    for (const [kind, firstHead, count] of [
      [0, 0, heads],
      [1, heads, kvHeads],
    ] as const) {
      const g = weight.slice(kind * headDim, (kind + 1) * headDim);
      const alone = await runOp(
        runtime,
        [
          { data: columns(qkv, firstHead, count), shape: [tokens, count, headDim] },
          { data: g, shape: [headDim] },
        ],
        (c, [x, w]) => [rmsNorm(c, x!, w!, EPSILON)],
        [columns(seed, firstHead, count)],
      );
      // Same sums over the same lanes: not a bit may differ.
      expect(columns(all.outputs[0]!, firstHead, count)).toEqual(alone.outputs[0]);
      expect(columns(all.gradients[0]!, firstHead, count)).toEqual(alone.gradients[0]);
      // Blocks are cut elsewhere, so these sums run in another order; their addends are below 2.
      const dg = all.gradients[1]!.slice(kind * headDim, (kind + 1) * headDim);
      expectClose('dg', dg, alone.gradients[1]!, { abs: 1e-6 * Math.sqrt(tokens * count) });
    }
    const values = [heads + kvHeads, kvHeads] as const;
    expect(columns(all.outputs[0]!, ...values)).toEqual(columns(qkv, ...values));
    expect(columns(all.gradients[0]!, ...values)).toEqual(columns(seed, ...values));
  },
);

test('gradients add up when the tensors are used twice', async () => {
  const random = seededRandom(53);
  const layout = LAYOUTS[2]!;
  const shape = [3, widthOf(layout)];
  const qkv = awayFromZero(randomArray(random, 3 * widthOf(layout)));
  const weight = randomArray(random, 2 * layout.headDim);
  const seeds = [randomArray(random, qkv.length), randomArray(random, qkv.length)];
  let pending: Promise<Float32Array>[] = [];
  runtime.scope(() => {
    const x = runtime.fromArray(qkv, shape);
    const g = runtime.fromArray(weight, [weight.length]);
    x.requiresGrad = g.requiresGrad = true;
    const tape = new Tape(runtime);
    runtime.tape = tape;
    const outputs = seeds.map(() => headNorm(runtime, x, layout, g, EPSILON));
    runtime.tape = undefined;
    tape.backward(outputs.map((tensor, i) => ({ tensor, gradient: runtime.fromArray(seeds[i]!, shape) })));
    pending = [x, g].map((tensor) => runtime.read(tape.gradientOf(tensor)!));
    tape.dispose();
  });
  await runtime.recorder.flush();
  const found = await Promise.all(pending);
  const both = seeds[0]!.map((value, i) => value + seeds[1]![i]!);
  const expected = numericGradients(([x, g]) => weightedSum(reference(x!, layout, g!, EPSILON), both), [qkv, weight]);
  expectClose('dx', found[0]!, expected[0]!, { abs: 1e-5, rel: 1e-5 });
  expectClose('dg', found[1]!, expected[1]!, { abs: 2e-5 });
});

test('shapes that do not fit are refused in words', () => {
  const layout = { heads: 2, kvHeads: 1, headDim: 4 };
  runtime.scope(() => {
    const qkv = runtime.tensor([3, 16]);
    expect(() => headNorm(runtime, runtime.tensor([3, 12]), layout, runtime.tensor([8]), EPSILON)).toThrow(
      'input of headNorm should have shape [3, 16]',
    );
    expect(() => headNorm(runtime, qkv, layout, runtime.tensor([4]), EPSILON)).toThrow(
      'weight of headNorm should have shape [8]',
    );
  });
});
