import { afterAll, beforeAll, expect, test } from 'vitest';
import { gemm, type GemmSpec } from '../../../src/ops/core/gemm.ts';
import {
  DIRECT_TILE,
  directRows,
  GEMM_TILES,
  RULE_TILES,
  splitsOf,
  GPU_TILES,
} from '../../../src/ops/core/gemmTiles.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { randomArray, seededRandom } from '../../harness/numerics.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { weightTensor } from '../../harness/weights.ts';

let runtime: Runtime;
beforeAll(async () => {
  // With 16 KiB of workgroup memory, which every device has.
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

interface Case {
  readonly what: string;
  readonly layout: GemmSpec['layout'];
  readonly dtype: 'f32' | 'bf16' | 'i8';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly more?: (c: Runtime, random: () => number) => Partial<GemmSpec>;
  /** Tiles that differ here. Default: all. */
  readonly tiles?: readonly string[];
}

const numbers = (c: Runtime, random: () => number, shape: readonly number[]) =>
  c.fromArray(
    randomArray(
      random,
      shape.reduce((a, b) => a * b),
    ),
    shape,
  );

/** Three blocks in so many rows, below each other. */
const blocks = (c: Runtime, random: () => number, rank: number, heights: readonly number[]) => {
  let at = 0;
  const stretches = heights.map((rows) => ({ rowOffset: (at += rows) - rows, rows }));
  return { stacked: numbers(c, random, [at, rank]), rank, stretches };
};

const CASES: readonly Case[] = [
  ...(['NN', 'NT', 'TN'] as const).flatMap((layout): Case[] => [
    {
      what: 'over whole tiles and their ends, in vectors',
      layout,
      dtype: 'bf16',
      m: 132,
      n: 200,
      k: 52,
    },
    {
      what: 'number by number, with a split K, bias, residual and what was there',
      layout,
      dtype: 'f32',
      m: 33,
      n: 71,
      k: 1601,
      more: (c, random) => ({
        accumulate: true,
        bias: numbers(c, random, [71]),
        residual: { tensor: numbers(c, random, [33, 71]) },
      }),
    },
  ]),
  { what: 'one row', layout: 'NT', dtype: 'i8', m: 1, n: 68, k: 100, tiles: ['direct'] },
  { what: 'three rows', layout: 'NN', dtype: 'i8', m: 3, n: 68, k: 100, tiles: ['direct'] },
  {
    what: 'with the updates of three projections',
    layout: 'NT',
    dtype: 'bf16',
    m: 37,
    n: 128,
    k: 100,
    more: (c, random) => ({
      more: { k: 36, a: { tensor: numbers(c, random, [37, 36]) }, b: blocks(c, random, 12, [68, 32, 28]) },
    }),
  },
  {
    what: 'back through the updates of three projections',
    layout: 'NN',
    dtype: 'f32',
    m: 37,
    n: 36,
    k: 128,
    more: (c, random) => ({ b: blocks(c, random, 12, [70, 30, 28]) }),
  },
  {
    what: 'with a second pair',
    layout: 'NN',
    dtype: 'i8',
    m: 37,
    n: 40,
    k: 64,
    more: (c, random) => ({
      more: {
        k: 21,
        a: { tensor: numbers(c, random, [37, 21]) },
        b: { tensor: numbers(c, random, [21, 40]) },
      },
    }),
  },
  {
    what: 'back through SwiGLU',
    layout: 'NN',
    dtype: 'f32',
    m: 37,
    n: 68,
    k: 130,
    tiles: ['quarter', 'cached', 'direct'],
    more: (c, random) => ({
      out: { tensor: numbers(c, random, [37, 136]) },
      swiglu: { tensor: numbers(c, random, [37, 136]) },
    }),
  },
];

/** One that other tests walk through, and those that they do not. */
const [KNOWN] = RULE_TILES.slice(-1);
const OTHERS = [...GEMM_TILES.filter(({ rate }) => rate === undefined), DIRECT_TILE];

test.each(CASES)('$layout, $dtype, $m × $n, K $k, $what: every tile gives the same bits', async (given) => {
  const { layout, dtype, m, n, k, more, tiles = OTHERS.map(({ name }) => name) } = given;
  const results = new Map<string, Float32Array>();
  for (const tile of [KNOWN!, ...OTHERS.filter(({ name }) => tiles.includes(name))]) {
    const random = seededRandom(43);
    const { outputs } = await runOp(runtime, [], (c) => {
      const a = numbers(c, random, layout === 'TN' ? [k, m] : [m, k]);
      const b = weightTensor(c, randomArray(random, n * k), layout === 'NT' ? [n, k] : [k, n], dtype);
      const out = { tensor: numbers(c, random, [m, n]) };
      const cut = { tile, splits: splitsOf(m, n, k, GPU_TILES) };
      const spec = { layout, m, n, k, a: { tensor: a }, b: { tensor: b }, out, scale: 1.75, ...more?.(c, random), cut };
      gemm(c, spec);
      return [spec.out.tensor];
    });
    results.set(tile.name, outputs[0]!);
  }
  const [first, ...others] = results;
  expect(others).toHaveLength(tiles.length);
  expect(first![1].every((value) => Number.isFinite(value) && value !== 0)).toBe(true);
  for (const [name, result] of others) expect(result, name).toEqual(first![1]);
});

test('a tile’s sizes are what its kernel makes of rows, columns and threads', () => {
  for (const { name, kernel, m, n, rows, columns, buffers = 1 } of GEMM_TILES) {
    const threads = (m / rows) * (n / columns);
    expect(threads, name).toBeLessThanOrEqual(256);
    // Each takes 1, 2 or 4 vectors of a step of each operand.
    if (kernel === 'tiled') for (const size of [m, n]) expect([1, 2, 4], name).toContain((4 * size) / threads);
    // Sixteen numbers of four bytes of each row and column, within what every device has.
    if (kernel === 'tiled') expect(64 * buffers * (m + n), name).toBeLessThanOrEqual(16384);
    if (kernel === 'cached') expect([m, n], name).toEqual([8 * rows, 8 * columns]);
  }
});

test('few rows are not multiplied eight at a time', () => {
  expect([1, 2, 4, 5, 8, 100].map(directRows)).toEqual([1, 4, 4, 8, 8, 8]);
});
