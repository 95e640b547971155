import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capacityFor } from '../../src/gpu/pool.ts';
import type { AttentionVariant } from '../../src/ops/core/attentionVariant.ts';
import { headSplits } from '../../src/ops/core/headSplits.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { inBatchAttention } from '../../src/ops/inBatchAttention.ts';
import { makePairs, pairStateBytes, type PairList } from '../../src/ops/core/pairs.ts';
import { makeRows } from '../../src/ops/core/rows.ts';
import { openTestRuntime, runOp, type OpRun } from '../harness/runtime.ts';
import {
  EPS_F32,
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';
import { inBatchAttentionReference, type InBatchAttentionShape } from '../reference/inBatchAttention.ts';

const NAMES = ['self', 'q', 'k', 'v', 'attention'] as const;
type Arrays = [self: Float32Array, q: Float32Array, k: Float32Array, v: Float32Array, attention: Float32Array];

let runtime: Runtime;
beforeAll(async () => {
  // Nothing beyond the limits that every WebGPU device has.
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

function sum(lengths: readonly number[]): number {
  return lengths.reduce((total, length) => total + length, 0);
}

/** Attention with rows that sum to 1, as a batch softmax gives it; `keep` says which pairs are not exactly 0. */
function randomAttention(random: () => number, chunks: number, keep = (_i: number, _j: number) => true): Float32Array {
  const attention = new Float32Array(chunks * chunks);
  for (let i = 0; i < chunks; i++) {
    const row = Array.from({ length: chunks }, (_, j) => (i !== j && keep(i, j) ? 0.1 + random() : 0));
    const total = sum(row);
    if (total > 0)
      attention.set(
        row.map((value) => value / total),
        i * chunks,
      );
  }
  return attention;
}

/** Queries three times as large as the rest, so that the softmax is neither flat nor one-hot. */
function randomInputs(
  random: () => number,
  { lengths, heads, kvHeads, headDim }: InBatchAttentionShape,
  attention: Float32Array,
): Arrays {
  const tokens = sum(lengths);
  const [queries, keys] = [tokens * heads * headDim, tokens * kvHeads * headDim];
  return [
    randomArray(random, queries),
    randomArray(random, queries, 3),
    randomArray(random, keys),
    randomArray(random, keys),
    attention,
  ];
}

interface RunOptions {
  seed?: Float32Array;
  /** Values the pairs are made from; all pairs without. */
  pairsFrom?: Float32Array;
  requiresGrad?: readonly boolean[];
  /** Takes γ from number 1 of these (number 0 of one) in place of shape.gate; their gradient comes last. */
  factors?: Float32Array;
  onPairs?: (pairs: PairList) => void;
}

/** Both are tested on every adapter, though each device uses one of them only. */
const VARIANTS: readonly AttentionVariant[] = ['tiled', 'direct'];

function runVariant(
  variant: AttentionVariant,
  arrays: Arrays,
  shape: InBatchAttentionShape,
  options: RunOptions = {},
): Promise<OpRun> {
  const { lengths, heads, kvHeads, headDim, vNorm, gate } = shape;
  const tokens = sum(lengths);
  const shapes = [
    [tokens, heads * headDim],
    [tokens, heads * headDim],
    [tokens, kvHeads * headDim],
    [tokens, kvHeads * headDim],
    [lengths.length, lengths.length],
  ];
  return runOp(
    runtime,
    [
      ...arrays.map((data, i) => ({ data, shape: shapes[i]!, requiresGrad: options.requiresGrad?.[i] ?? true })),
      ...(options.factors ? [{ data: options.factors, shape: [options.factors.length] }] : []),
    ],
    (c, [self, q, k, v, attention, factors]) => {
      const rows = makeRows(c, lengths);
      const pairs = makePairs(c, rows, options.pairsFrom);
      options.onPairs?.(pairs);
      return [
        inBatchAttention(c, {
          self: self!,
          q: q!,
          k: k!,
          v: v!,
          attention: attention!,
          pairs,
          rows,
          heads,
          kvHeads,
          headDim,
          vNorm,
          gate: factors ? { factors, index: Math.min(1, factors.size - 1) } : gate,
          variant,
        }),
      ];
    },
    options.seed ? [options.seed] : undefined,
  );
}

/** Gradients of ⟨seed, out⟩ at `count` random places of each input, by central differences of the reference. */
function sampledGradients(
  random: () => number,
  arrays: Arrays,
  shape: InBatchAttentionShape,
  seed: Float32Array,
  count: number,
): { places: number[]; gradient: Float64Array }[] {
  return arrays.map((array, which) => {
    const chunks = shape.lengths.length;
    const candidates = [...array.keys()].filter((at) => which < 4 || Math.floor(at / chunks) !== at % chunks);
    const places = Array.from({ length: Math.min(count, candidates.length) }, () => {
      const [place] = candidates.splice(randomInt(random, 0, candidates.length - 1), 1);
      return place ?? NaN;
    });
    const point = arrays.map((values) => Float64Array.from(values));
    const [gradient] = numericGradients(
      ([values]) => {
        places.forEach((place, n) => (point[which]![place] = values![n]!));
        const [self, q, k, v, attention] = point;
        return weightedSum(inBatchAttentionReference(self!, q!, k!, v!, attention!, shape), seed);
      },
      [places.map((place) => array[place] ?? NaN)],
    );
    return { places, gradient: gradient! };
  });
}

const LENGTHS: readonly (readonly number[])[] = [
  [5],
  [1, 1],
  [3, 17],
  [40, 33, 7],
  [16, 32, 31],
  [13, 12, 11, 13, 9],
  [1, 2, 40, 3, 18],
  [13, 13, 13, 13, 13, 13, 13, 13],
];
const GROUPS = [
  [1, 1],
  [2, 1],
  [4, 2],
  [7, 1],
] as const;
const HEAD_DIMS = [4, 6, 8, 16, 64];

/** Every B, head size and head grouping of the tables, with random partners. */
function cases(): InBatchAttentionShape[] {
  const random = seededRandom(7);
  const small = Array.from({ length: 16 }, (_, n) => {
    const [heads, kvHeads] = GROUPS[randomInt(random, 0, GROUPS.length - 1)]!;
    return {
      lengths: LENGTHS[n % LENGTHS.length]!,
      heads,
      kvHeads,
      headDim: HEAD_DIMS[n % HEAD_DIMS.length]!,
      vNorm: Math.floor(n / LENGTHS.length) === 0,
      gate: n % 3 === 0 ? 0.25 : 1,
    };
  });
  // Four slabs of the head, the last one not full.
  return [
    ...small,
    { lengths: [3, 18], heads: 2, kvHeads: 1, headDim: 102, vNorm: true, gate: 1 },
    { lengths: [34, 9], heads: 9, kvHeads: 3, headDim: 64, vNorm: true, gate: 1 },
  ];
}

describe.each(VARIANTS)('%s', (variant) => {
  const run = (arrays: Arrays, shape: InBatchAttentionShape, options?: RunOptions) =>
    runVariant(variant, arrays, shape, options);

  test.each(cases())(
    'forward equals the f64 reference: rows $lengths, $heads:$kvHeads heads of $headDim, V-norm $vNorm, gate $gate',
    async (shape) => {
      const random = seededRandom(shape.headDim + shape.heads);
      const arrays = randomInputs(random, shape, randomAttention(random, shape.lengths.length));
      const { outputs } = await run(arrays, shape);
      // Outputs are of size 1: weighted means, and the scores of size √headDim shift each weight by that many ulps.
      expectClose('out', outputs[0]!, inBatchAttentionReference(...arrays, shape), {
        abs: 4 * (4 + Math.sqrt(shape.headDim)) * EPS_F32,
      });
    },
  );

  test.each(cases())(
    'all five gradients equal finite differences: rows $lengths, $heads:$kvHeads heads of $headDim, V-norm $vNorm, gate $gate',
    async (shape) => {
      const random = seededRandom(100 + shape.headDim + shape.heads);
      const arrays = randomInputs(random, shape, randomAttention(random, shape.lengths.length));
      const seed = randomArray(random, arrays[0].length);
      const { gradients } = await run(arrays, shape, { seed });
      expect(gradients[0]).toEqual(seed);
      const work = sum(shape.lengths) ** 2 * shape.heads * shape.headDim;
      const samples = sampledGradients(random, arrays, shape, seed, work > 3e5 ? 6 : 24);
      samples.forEach(({ places, gradient }, i) => {
        const actual = places.map((place) => gradients[i]![place] ?? NaN);
        // ∂A sums over all tokens and heads of a chunk; the other gradients are of size 1 at most.
        const terms =
          NAMES[i] === 'attention' ? Math.sqrt(shape.heads * shape.headDim * Math.max(...shape.lengths)) : 1;
        expectClose(`gradient of ${NAMES[i]}`, actual, gradient, { abs: 1e-6 * (2 + terms), rel: 1e-5 });
      });
    },
  );

  test('a single chunk has no neighbours: out is self, and no gradient reaches q, k, v or A', async () => {
    const shape = { lengths: [9], heads: 2, kvHeads: 1, headDim: 8, vNorm: true, gate: 1 };
    const random = seededRandom(3);
    const arrays = randomInputs(random, shape, new Float32Array(1));
    const seed = randomArray(random, arrays[0].length);
    const { outputs, gradients } = await run(arrays, shape, { seed });
    expect(outputs[0]).toEqual(arrays[0]);
    expect(gradients[0]).toEqual(seed);
    for (const gradient of gradients.slice(1)) expect(gradient).toEqual(new Float32Array(gradient.length));
  });

  test('leaving out the pairs with A = 0 changes no bit, and their share of the gradient of A is 0', async () => {
    const random = seededRandom(4);
    const shape = { lengths: [13, 40, 1, 17, 8], heads: 4, kvHeads: 2, headDim: 16, vNorm: true, gate: 1 };
    const attention = randomAttention(random, 5, (i, j) => (i + 2 * j) % 3 !== 0 && i !== 2);
    const arrays = randomInputs(random, shape, attention);
    const seed = randomArray(random, arrays[0].length);
    const dense = await run(arrays, shape, { seed });
    let pairs = 0;
    const sparse = await run(arrays, shape, { seed, pairsFrom: attention, onPairs: ({ count }) => (pairs = count) });
    expect(pairs).toBe(attention.filter((value) => value > 0).length);
    expect(pairs).toBeLessThan(20);
    expect(sparse.outputs).toEqual(dense.outputs);
    expect(sparse.gradients.slice(0, 4)).toEqual(dense.gradients.slice(0, 4));
    expect(sparse.gradients[4]).toEqual(dense.gradients[4]!.map((value, at) => (attention[at]! > 0 ? value : 0)));
  });

  test.each([true, false])('one-hot A reads one neighbour for each chunk (V-norm %s)', async (vNorm) => {
    const random = seededRandom(5);
    const shape = { lengths: [7, 20, 33, 2], heads: 2, kvHeads: 2, headDim: 8, vNorm, gate: 1 };
    const partner = [2, 0, 3, 2];
    const attention = Float32Array.from({ length: 16 }, (_, at) => Number(partner[at >> 2] === at % 4));
    const arrays = randomInputs(random, shape, attention);
    const seed = randomArray(random, arrays[0].length);
    let pairs: PairList | undefined;
    const { outputs, gradients } = await run(arrays, shape, {
      seed,
      pairsFrom: attention,
      onPairs: (made) => (pairs = made),
    });
    expect(pairs).toMatchObject({ count: 4, queryTokens: 62, scores: 7 * 33 + 20 * 7 + 33 * 2 + 2 * 33 });
    expectClose('out', outputs[0]!, inBatchAttentionReference(...arrays, shape), { abs: 20 * EPS_F32 });
    // Chunk 1 is read by nobody: nothing flows into its keys and values.
    const unread = [7 * 16, 27 * 16] as const;
    for (const gradient of [gradients[2]!, gradients[3]!])
      expect(gradient.slice(...unread)).toEqual(new Float32Array(20 * 16));
  });

  test('a value of length 0 gets a finite gradient: that of ‖V‖ is 0 there', async () => {
    const random = seededRandom(6);
    const shape = { lengths: [4, 6], heads: 2, kvHeads: 1, headDim: 4, vNorm: true, gate: 1 };
    const arrays = randomInputs(random, shape, randomAttention(random, 2));
    arrays[3].fill(0, 8, 12);
    arrays[3].fill(0, 24, 28);
    const seed = randomArray(random, arrays[0].length);
    const { gradients } = await run(arrays, shape, { seed });
    // Central differences of the norm are 0 at its kink too.
    const samples = sampledGradients(random, arrays, shape, seed, arrays[3].length);
    expectClose(
      'gradient of v',
      samples[3]!.places.map((place) => gradients[3]![place]!),
      samples[3]!.gradient,
      {
        abs: 5e-6,
        rel: 1e-5,
      },
    );
  });

  test('scores far from 0 neither overflow nor vanish', async () => {
    const random = seededRandom(8);
    const shape = { lengths: [20, 35], heads: 1, kvHeads: 1, headDim: 8, vNorm: true, gate: 1 };
    const arrays = randomInputs(random, shape, randomAttention(random, 2));
    for (let i = 0; i < arrays[1].length; i++) arrays[1][i]! *= 100;
    const { outputs, gradients } = await run(arrays, shape, { seed: randomArray(random, arrays[0].length) });
    // Scores of a few hundred carry errors of a few 1e-5, and those go into the weights as they are.
    expectClose('out', outputs[0]!, inBatchAttentionReference(...arrays, shape), { abs: 2e-4 });
    for (const gradient of gradients) expect(gradient.every(Number.isFinite)).toBe(true);
  });

  test('gradients are computed only where they are wanted, and add to what is there', async () => {
    const random = seededRandom(9);
    const shape = { lengths: [6, 3, 18], heads: 2, kvHeads: 1, headDim: 6, vNorm: true, gate: 0.5 };
    const arrays = randomInputs(random, shape, randomAttention(random, 3));
    const seed = randomArray(random, arrays[0].length);
    const all = await run(arrays, shape, { seed });
    for (let which = 0; which < 5; which++) {
      const { gradients } = await run(arrays, shape, { seed, requiresGrad: arrays.map((_, i) => i === which) });
      expect(gradients).toEqual([all.gradients[which]]);
    }
    // Two layers that use the same tensors: each adds its part.
    const { lengths, heads, kvHeads, headDim, vNorm, gate } = shape;
    const shapes = [
      [27, 12],
      [27, 12],
      [27, 6],
      [27, 6],
      [3, 3],
    ];
    const twice = await runOp(
      runtime,
      arrays.map((data, i) => ({ data, shape: shapes[i]! })),
      (c, [self, q, k, v, attention]) => {
        const rows = makeRows(c, lengths);
        const shared = { q: q!, k: k!, v: v!, attention: attention!, pairs: makePairs(c, rows), rows };
        const once = inBatchAttention(c, { self: self!, ...shared, heads, kvHeads, headDim, vNorm, gate, variant });
        return [inBatchAttention(c, { self: once, ...shared, heads, kvHeads, headDim, vNorm, gate, variant })];
      },
      [seed],
    );
    all.gradients.slice(1).forEach((gradient, i) => {
      expect(twice.gradients[i + 1]).toEqual(gradient.map((value) => 2 * value));
    });
  });

  test.each(cases().filter((_, n) => n % 2 === 1))(
    'a learnt γ: the bits of a fixed one, and the gradient of finite differences: rows $lengths, V-norm $vNorm, gate $gate',
    async (shape) => {
      const random = seededRandom(200 + shape.headDim);
      const arrays = randomInputs(random, shape, randomAttention(random, shape.lengths.length));
      const seed = randomArray(random, arrays[0].length);
      const factors = Float32Array.of(7, shape.gate, -2);
      const fixed = await run(arrays, shape, { seed });
      const learnt = await run(arrays, shape, { seed, factors });
      expect(learnt.outputs).toEqual(fixed.outputs);
      expect(learnt.gradients.slice(0, 4)).toEqual(fixed.gradients.slice(0, 4));
      const terms = Math.sqrt(shape.heads * shape.headDim * Math.max(...shape.lengths));
      const tolerance = { abs: 1e-6 * (2 + terms), rel: 1e-5 };
      expectClose('gradient of attention', learnt.gradients[4]!, fixed.gradients[4]!, tolerance);
      const [slope] = numericGradients(
        ([gate]) => weightedSum(inBatchAttentionReference(...arrays, { ...shape, gate: gate![0]! }), seed),
        [[shape.gate]],
      );
      const all = Math.sqrt(arrays[0].length);
      const expected = [0, slope![0]!, 0];
      expectClose('gradient of γ', learnt.gradients[5]!, expected, { abs: 1e-6 * (2 + all), rel: 1e-5 });
      expect(Math.abs(slope![0]!)).toBeGreaterThan(1e-3);
    },
  );

  test('a γ that is learnt from 0 on has a gradient there, though the layer reads nothing yet', async () => {
    const random = seededRandom(12);
    const shape = { lengths: [6, 3, 18], heads: 2, kvHeads: 1, headDim: 6, vNorm: false, gate: 0 };
    const arrays = randomInputs(random, shape, randomAttention(random, 3));
    const seed = randomArray(random, arrays[0].length);
    const { outputs, gradients } = await run(arrays, shape, { seed, factors: new Float32Array(1) });
    expect(outputs[0]).toEqual(arrays[0]);
    const at = (gate: number) => weightedSum(inBatchAttentionReference(...arrays, { ...shape, gate }), seed);
    expectClose('gradient of γ', gradients[5]!, [at(1) - at(0)], { abs: 2e-5 });
    expect(gradients[4]).toEqual(new Float32Array(9));
  });

  test('the backward pass holds two numbers per pair read, head and query token, and the splits of few query heads; the forward pass none', async () => {
    const random = seededRandom(10);
    const [heads, kvHeads, headDim, length] = [2, 1, 4, 5];
    for (const chunks of [4, 8, 16]) {
      for (const sharp of [true, false]) {
        const shape = { lengths: Array<number>(chunks).fill(length), heads, kvHeads, headDim, vNorm: true, gate: 1 };
        const attention = randomAttention(random, chunks, (i, j) => !sharp || j === (i + 1) % chunks);
        const arrays = randomInputs(random, shape, attention);
        const read = sharp ? chunks : chunks * (chunks - 1);

        runtime.pool.trim();
        runtime.pool.resetPeak();
        await run(arrays, shape, { pairsFrom: attention });
        expect(runtime.pool.report().peak.scratch).toBe(0);

        runtime.pool.trim();
        runtime.pool.resetPeak();
        let bytes = 0;
        const onPairs = (pairs: PairList) => (bytes = pairStateBytes(pairs, heads));
        await run(arrays, shape, { pairsFrom: attention, seed: randomArray(random, arrays[0].length), onPairs });
        expect(bytes).toBe(8 * read * (1 + heads * length));
        // Gradients of keys and of values, where their query heads are shared out.
        const splits =
          variant === 'direct'
            ? 1
            : headSplits(runtime, { groupHeads: heads / kvHeads, workgroups: kvHeads * chunks, multiplyAdds: 0 });
        const parts = splits === 1 ? 0 : 2 * capacityFor(4 * splits * chunks * length * kvHeads * headDim);
        expect(runtime.pool.report().peak.scratch).toBe(capacityFor(bytes) + parts);
      }
    }
  });

  test('shapes that do not fit together are refused with a reason', async () => {
    const random = seededRandom(11);
    const shape = { lengths: [2, 2], heads: 2, kvHeads: 1, headDim: 4, vNorm: true, gate: 1 };
    const arrays = randomInputs(random, shape, randomAttention(random, 2));
    const odd = { ...shape, headDim: 5 };
    const oddArrays = randomInputs(random, odd, arrays[4]);
    await expect(async () => run(oddArrays, odd)).rejects.toThrow(/even size/);
    const uneven = { ...shape, heads: 3, kvHeads: 2 };
    await expect(async () => run(randomInputs(random, uneven, arrays[4]), uneven)).rejects.toThrow(/share 2 key/);
    await expect(async () => run(arrays, shape, { pairsFrom: new Float32Array(3) })).rejects.toThrow(/4 values, but 3/);
    runtime.recorder.discard();
  });
});
