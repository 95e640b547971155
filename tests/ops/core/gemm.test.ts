import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { gemm, type GemmSpec } from '../../../src/ops/core/gemm.ts';
import {
  CPU_WORKGROUPS,
  DIRECT_TILE,
  GPU_TILES,
  RULE_TILES,
  cutGemm,
  type GemmCut,
} from '../../../src/ops/core/gemmTiles.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, randomInt, seededRandom } from '../../harness/numerics.ts';
import { rounded, WEIGHT_TYPES, weightTensor, type WeightType } from '../../harness/weights.ts';
import { gemmReference, matmulReference } from '../../reference/gemm.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

type Random = () => number;

interface Case {
  layout: GemmSpec['layout'];
  m: number;
  n: number;
  k: number;
  dtype?: WeightType;
  cut?: GemmCut;
  bias?: boolean;
  scale?: number;
  accumulate?: boolean;
  /** Lay A, B and out as column slices into wider matrices; true: any offsets, 4: offsets and strides in fours. */
  slices?: boolean | 4;
}

/** Runs one product and compares the whole output tensor, so that stores outside the result are seen as well. */
async function check(random: Random, spec: Case): Promise<void> {
  const { layout, m, n, k, dtype = 'f32', cut, scale, accumulate = false, slices = false } = spec;
  const grid = slices === 4 ? 4 : 1;
  const matrix = (rows: number, columns: number) => {
    const offset = slices ? grid * randomInt(random, 0, 5) : 0;
    const stride = columns + (slices ? grid * randomInt(random, 0, 5) : 0);
    return { offset, stride, data: randomArray(random, offset + rows * stride) };
  };
  const a = layout === 'TN' ? matrix(k, m) : matrix(m, k);
  const b = layout === 'NT' ? matrix(n, k) : matrix(k, n);
  const stored = b.data;
  const shape = dtype === 'i8' ? [stored.length / b.stride, b.stride] : [stored.length];
  b.data = rounded(stored, dtype, b.stride);
  const out = matrix(m, n);
  const bias = spec.bias ? randomArray(random, n) : undefined;
  const { outputs } = await runOp(runtime, [], (c) => {
    const target = c.fromArray(out.data, [out.data.length]);
    const place = ({ offset, stride }: { offset: number; stride: number }) => ({ offset, stride });
    gemm(c, {
      layout,
      m,
      n,
      k,
      a: { tensor: c.fromArray(a.data, [a.data.length]), ...place(a) },
      b: { tensor: weightTensor(c, stored, shape, dtype), ...place(b) },
      out: { tensor: target, ...place(out) },
      bias: bias && c.fromArray(bias, [n]),
      accumulate,
      ...(scale === undefined ? {} : { scale }),
      cut,
    });
    return [target];
  });
  const expected = gemmReference({
    layout,
    m,
    n,
    k,
    a,
    b,
    out,
    bias,
    accumulate,
    ...(scale === undefined ? {} : { scale }),
  });
  const { cut: _cut, ...named } = spec;
  // k products below 1 in a row, each rounded to half a unit of a sum that stays below k/2 or so: far below k · eps.
  expectClose(JSON.stringify({ ...named, tile: cut?.tile.name }), outputs[0]!, expected, {
    abs: EPS_F32 * (4 + k) * Math.max(1, scale ?? 1),
  });
}

const LAYOUTS = ['NN', 'NT', 'TN'] as const;

// The other tiles of a GPU give the same bits as these (gemmTiles.test.ts).
const CUTS = LAYOUTS.flatMap((layout) =>
  [...RULE_TILES, DIRECT_TILE].map((tile) => ({ layout, name: tile.name, tile })),
);

test.each(CUTS)(
  '$layout with $name tiles: ragged sizes from one element to several tiles',
  async ({ layout, tile }) => {
    const random = seededRandom(11);
    const sizes = [1, 2, 3, 4, 7, 16, 17, 31, 64, 67];
    const size = () => sizes[randomInt(random, 0, sizes.length - 1)]!;
    const cut = { tile, splits: 1 };
    await check(random, { layout, m: 1, n: 1, k: 1, cut });
    for (let round = 0; round < 6; round++) await check(random, { layout, m: size(), n: size(), k: size(), cut });
    await check(random, { layout, m: 128, n: 68, k: 36, cut });
    await check(random, { layout, m: 65, n: 131, k: 37, cut });
  },
);

test.each(LAYOUTS)('%s: packed weights of both 16-bit formats', async (layout) => {
  const random = seededRandom(12);
  for (const dtype of WEIGHT_TYPES)
    for (const [m, n, k] of [
      [5, 8, 4],
      [3, 7, 5],
      [33, 36, 40],
      [18, 35, 33],
    ] as const) {
      await check(random, { layout, m, n, k, dtype });
      await check(random, { layout, m, n, k, dtype, slices: true });
    }
});

test.each(LAYOUTS.flatMap((layout) => [...RULE_TILES, DIRECT_TILE].map((tile) => ({ layout, name: tile.name, tile }))))(
  '$layout with $name tiles: i8 weights, whole and ragged groups',
  async ({ layout, tile }) => {
    const random = seededRandom(18);
    const cut = { tile, splits: 1 };
    for (const [m, n, k] of [
      [1, 1, 1],
      [5, 8, 4],
      [3, 7, 5],
      [9, 64, 64],
      [17, 36, 68],
      [4, 33, 31],
      [6, 97, 65],
      [5, 31, 130],
    ] as const)
      await check(random, { layout, m, n, k, dtype: 'i8', cut });
    await check(random, { layout, m: 5, n: 40, k: 72, dtype: 'i8', cut, bias: true, accumulate: true, scale: 1.75 });
    await check(random, { layout, m: 5, n: 12, k: 1600, dtype: 'i8', cut: { tile, splits: 3 } });
  },
);

test.each([
  ['large', 0.5],
  ['direct', 0.5],
] as const)('%s tiles: a long sum keeps more digits than one running total would', async (name, share) => {
  const random = seededRandom(19);
  const [m, n, k] = [8, 16, 3000];
  const [a, b] = [randomArray(random, m * k), randomArray(random, n * k)];
  const tile = [...RULE_TILES, DIRECT_TILE].find((candidate) => candidate.name === name)!;
  const { outputs } = await runOp(runtime, [], (c) => {
    const out = c.tensor([m, n]);
    const [x, y] = [c.fromArray(a, [m, k]), c.fromArray(b, [n, k])];
    const cut = { tile, splits: 1 };
    gemm(c, { layout: 'NT', m, n, k, a: { tensor: x }, b: { tensor: y }, out: { tensor: out }, cut });
    return [out];
  });
  let [found, running] = [0, 0];
  matmulReference(a, b, m, n, k).forEach((exact, at) => {
    const [row, column] = [Math.floor(at / n), at % n];
    let total = 0;
    for (let i = 0; i < k; i++) total = Math.fround(total + Math.fround(a[row * k + i]! * b[column * k + i]!));
    found += (outputs[0]![at]! - exact) ** 2;
    running += (total - exact) ** 2;
  });
  expect(Math.sqrt(found / running)).toBeLessThan(share);
});

test('a piece of an i8 tensor is refused: its scales would be another one’s', () => {
  runtime.scope(() => {
    const a = runtime.zeros([4, 8]);
    const b = runtime.tensor([6, 64], 'i8', 'weights');
    const spec = { layout: 'NT', m: 4, n: 4, k: 8, a: { tensor: a }, out: { tensor: runtime.zeros([4, 4]) } } as const;
    expect(() => gemm(runtime, { ...spec, b: { tensor: b, offset: 64 } })).toThrow(
      'an i8 matrix B must be the whole rows',
    );
    expect(() => gemm(runtime, { ...spec, b: { tensor: b, stride: 32 } })).toThrow(
      'an i8 matrix B must be the whole rows',
    );
  });
  runtime.recorder.discard();
});

test.each(LAYOUTS)('%s: bias, scale, accumulation and column slices together', async (layout) => {
  const random = seededRandom(13);
  for (let round = 0; round < 16; round++) {
    const fours = round % 2 === 0;
    const size = () => (fours ? 4 * randomInt(random, 1, 12) : randomInt(random, 1, 50));
    await check(random, {
      layout,
      m: size(),
      n: size(),
      k: size(),
      dtype: WEIGHT_TYPES[round % 3]!,
      bias: round % 4 < 2,
      accumulate: round % 8 < 4,
      scale: 1.75,
      slices: fours ? 4 : true,
    });
  }
});

test.each(LAYOUTS)('%s: a long K is split, with and without bias and accumulation', async (layout) => {
  const random = seededRandom(14);
  // As on a GPU: a software GPU would leave some of them in one piece.
  const split = (spec: Case) => check(random, { ...spec, cut: cutGemm(spec.m, spec.n, spec.k) });
  expect(cutGemm(8, 12, 2060).splits).toBe(4);
  await split({ layout, m: 8, n: 12, k: 2060 });
  await split({ layout, m: 5, n: 3, k: 1500, bias: true, scale: 0.5, slices: true });
  await split({ layout, m: 5, n: 4, k: 1601, accumulate: true, slices: 4, dtype: 'bf16' });
});

test('an empty K leaves the bias alone, and an empty result is no work', async () => {
  const random = seededRandom(15);
  await check(random, { layout: 'NT', m: 3, n: 5, k: 0, bias: true });
  await check(random, { layout: 'NT', m: 3, n: 5, k: 0, accumulate: true });
  const untouched = await runOp(runtime, [], (c) => {
    const out = c.fromArray(Float32Array.of(1, 2, 3), [3]);
    gemm(c, { layout: 'NN', m: 0, n: 3, k: 1, a: { tensor: out }, b: { tensor: out }, out: { tensor: out } });
    return [out];
  });
  expect(untouched.outputs[0]).toEqual(Float32Array.of(1, 2, 3));
});

test('a matrix that does not fit into its tensor is refused with its sizes', () => {
  runtime.scope(() => {
    const a = runtime.zeros([4, 6]);
    const out = runtime.zeros([4, 4]);
    const spec = { layout: 'NT', m: 4, n: 4, k: 6, b: { tensor: a }, out: { tensor: out } } as const;
    expect(() => gemm(runtime, { ...spec, a: { tensor: a, offset: 1 } })).toThrow(
      'A, 4 × 6 from element 1 with rows 6 apart, does not fit into a tensor of shape [4, 6]',
    );
    expect(() => gemm(runtime, { ...spec, a: { tensor: a, stride: 5 } })).toThrow('does not fit');
    expect(() => gemm(runtime, { ...spec, a: { tensor: runtime.tensor([4, 6], 'bf16') } })).toThrow('A must be f32');
  });
});

test('small products get small tiles, long thin ones a split, large ones large tiles', () => {
  expect(cutGemm(100, 128, 128)).toMatchObject({ tile: { name: 'small' }, splits: 1 });
  expect(cutGemm(2500, 896, 896)).toMatchObject({ tile: { name: 'large' }, splits: 1 });
  expect(cutGemm(27, 37984, 896)).toMatchObject({ tile: { name: 'medium' }, splits: 1 });
  expect(cutGemm(27, 896, 37984).splits).toBeGreaterThan(1);
  const few = { ...GPU_TILES, workgroups: CPU_WORKGROUPS };
  expect(cutGemm(100, 128, 128, few)).toMatchObject({ tile: { name: 'large' } });
  expect(cutGemm(5, 7, 9, few)).toMatchObject({ tile: { name: 'small' } });
});
