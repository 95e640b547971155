import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { gemm, type Blocks, type GemmSpec } from '../../../src/ops/core/gemm.ts';
import { DIRECT_TILE, RULE_TILES, type GemmCut } from '../../../src/ops/core/gemmTiles.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, randomInt, seededRandom } from '../../harness/numerics.ts';
import { rounded, weightTensor } from '../../harness/weights.ts';
import { gemmReference } from '../../reference/gemm.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

type Random = () => number;
const TILES = [...RULE_TILES, DIRECT_TILE].map((tile) => ({ name: tile.name, cut: { tile, splits: 1 } }));
const dense = (data: Float32Array, columns: number) => ({ data, offset: 0, stride: columns });

/** Stretches of `heights` rows with gaps between them, and the matrix that they stand for. */
function blocksOf(random: Random, heights: readonly number[], rank: number, gaps: readonly number[]) {
  const stretches: { rowOffset: number; rows: number }[] = [];
  let [rows, stackedRows] = [0, 0];
  heights.forEach((height, i) => {
    rows += gaps[i] ?? 0;
    stretches.push({ rowOffset: rows, rows: height });
    rows += height;
    stackedRows += height;
  });
  rows += gaps[heights.length] ?? 0;
  const columns = heights.length * rank;
  const stacked = randomArray(random, stackedRows * rank);
  const full = new Float32Array(rows * columns);
  let at = 0;
  stretches.forEach(({ rowOffset, rows: height }, p) => {
    for (let row = rowOffset; row < rowOffset + height; row++, at += rank)
      full.set(stacked.subarray(at, at + rank), row * columns + p * rank);
  });
  return { stretches, rows, columns, rank, stacked, full, stackedRows };
}

type Made = ReturnType<typeof blocksOf>;
const upload = (c: Runtime, { stacked, stackedRows, rank, stretches }: Made): Blocks => ({
  stacked: c.fromArray(stacked, [stackedRows, rank]),
  rank,
  stretches,
});

/** Heights, rank, gaps: one block and three, aligned and ragged, narrower and wider than a tile. */
const SHAPES: readonly (readonly [heights: readonly number[], rank: number, gaps: readonly number[]])[] = [
  [[1], 1, []],
  [[64, 32, 32], 8, []],
  [[70, 9, 9], 3, [1, 0, 5, 2]],
  [[68, 4, 4], 36, [4, 0, 8]],
];

test.each(TILES.flatMap((tile) => SHAPES.map((shape, at) => ({ ...tile, shape, at }))))(
  '$name tiles: a second pair joins the sums of x · Wᵀ, as blocks $shape, and a residual joins them',
  async ({ cut, shape: [heights, rank, gaps], at }) => {
    const random = seededRandom(31);
    const dtype = (['f32', 'bf16', 'i8'] as const)[at % 3]!;
    const made = blocksOf(random, heights, rank, gaps);
    const [m, n, k] = [randomInt(random, 1, 40), made.rows, randomInt(random, 1, 40)];
    const [a, moreA] = [randomArray(random, m * k), randomArray(random, m * made.columns)];
    const stored = randomArray(random, n * k);
    const b = rounded(stored, dtype, k);
    const residual = randomArray(random, m * n);
    const { outputs } = await runOp(runtime, [], (c) => {
      const y = c.tensor([m, n]);
      const more = { k: made.columns, a: { tensor: c.fromArray(moreA, [m, made.columns]) }, b: upload(c, made) };
      const operands = {
        a: { tensor: c.fromArray(a, [m, k]) },
        b: { tensor: weightTensor(c, stored, [n, k], dtype) },
      };
      gemm(c, {
        layout: 'NT',
        m,
        n,
        k,
        ...operands,
        more,
        out: { tensor: y },
        cut,
        residual: { tensor: c.fromArray(residual, [m, n]) },
      });
      return [y];
    });
    const out = dense(residual, n);
    const first = gemmReference({ layout: 'NT', m, n, k, a: dense(a, k), b: dense(b, k), out, accumulate: true });
    const sizes = {
      layout: 'NT',
      m,
      n,
      k: made.columns,
      a: dense(moreA, made.columns),
      b: dense(made.full, made.columns),
    } as const;
    const expected = gemmReference({ ...sizes, out: { ...out, data: first }, accumulate: true });
    const what = `${JSON.stringify([heights, rank, gaps])} ${dtype}`;
    expectClose(`NT ${what}`, outputs[0]!, expected, { abs: EPS_F32 * (6 + k + rank) });
  },
);

/** out += scale · (dy · W + dReduced · A): the second pair is plain, here [M, P · rank] · [P · rank, N]. */
async function checkDense(
  random: Random,
  cut: GemmCut,
  made: Pick<Made, 'rows' | 'columns'>,
  dtype: 'f32' | 'bf16' | 'i8',
): Promise<void> {
  const [m, n, k, more] = [randomInt(random, 1, 40), randomInt(random, 1, 70), made.rows, made.columns];
  const [a, moreA, moreB] = [randomArray(random, m * k), randomArray(random, m * more), randomArray(random, more * n)];
  const stored = randomArray(random, k * n);
  const b = rounded(stored, dtype, n);
  const before = randomArray(random, m * n);
  const { outputs } = await runOp(runtime, [], (c) => {
    const out = c.fromArray(before, [m, n]);
    const operands = { a: { tensor: c.fromArray(a, [m, k]) }, b: { tensor: weightTensor(c, stored, [k, n], dtype) } };
    const pair = {
      k: more,
      a: { tensor: c.fromArray(moreA, [m, more]) },
      b: { tensor: c.fromArray(moreB, [more, n]) },
    };
    gemm(c, {
      layout: 'NN',
      m,
      n,
      k,
      ...operands,
      more: pair,
      out: { tensor: out },
      scale: 0.5,
      accumulate: true,
      cut,
    });
    return [out];
  });
  const shared = { layout: 'NN', m, n, scale: 0.5, accumulate: true } as const;
  const first = gemmReference({ ...shared, k, a: dense(a, k), b: dense(b, n), out: dense(before, n) });
  const out = { data: first, offset: 0, stride: n };
  const expected = gemmReference({ ...shared, k: more, a: dense(moreA, more), b: dense(moreB, n), out });
  expectClose(`NN ${m}×${n}×${k}+${more} ${dtype}`, outputs[0]!, expected, { abs: EPS_F32 * (6 + k + more) });
}

test.each(TILES)('$name tiles: a second pair joins dy · W', async ({ cut }) => {
  const random = seededRandom(34);
  await checkDense(random, cut, { rows: 36, columns: 24 }, 'i8');
  await checkDense(random, cut, { rows: 7, columns: 9 }, 'f32');
});

test.each(TILES)('$name tiles: a product with blocks', async ({ cut }) => {
  const random = seededRandom(32);
  for (const [heights, rank, gaps] of SHAPES) {
    const made = blocksOf(random, heights, rank, gaps);
    const { rows, columns } = made;
    const t = randomInt(random, 1, 40);
    const dy = randomArray(random, t * rows);
    const sizes = { layout: 'NN', m: t, n: columns, k: rows, scale: 1.5 } as const;
    const { outputs } = await runOp(runtime, [], (c) => {
      const out = c.tensor([t, columns]);
      const a = { tensor: c.fromArray(dy, [t, rows]) };
      gemm(c, { ...sizes, a, b: upload(c, made), out: { tensor: out }, cut });
      return [out];
    });
    const out = dense(new Float32Array(t * columns), columns);
    const expected = gemmReference({ ...sizes, a: dense(dy, rows), b: dense(made.full, columns), out });
    const what = JSON.stringify([heights, rank, gaps]);
    expectClose(`dy · B ${what}`, outputs[0]!, expected, { abs: 1.5 * EPS_F32 * (4 + rows) });
  }
});

test.each(TILES)('$name tiles: a split K takes the second pair and the residual once', async ({ cut: { tile } }) => {
  const random = seededRandom(33);
  const [m, n, k, more] = [5, 12, 1600, 9];
  const [a, b] = [randomArray(random, m * k), randomArray(random, n * k)];
  const [moreA, moreB] = [randomArray(random, m * more), randomArray(random, n * more)];
  const residual = randomArray(random, m * n);
  const { outputs } = await runOp(runtime, [], (c) => {
    const out = c.tensor([m, n]);
    const pair = {
      k: more,
      a: { tensor: c.fromArray(moreA, [m, more]) },
      b: { tensor: c.fromArray(moreB, [n, more]) },
    };
    const operands = { a: { tensor: c.fromArray(a, [m, k]) }, b: { tensor: c.fromArray(b, [n, k]) }, more: pair };
    const cut = { tile, splits: 3 };
    gemm(c, {
      layout: 'NT',
      m,
      n,
      k,
      ...operands,
      out: { tensor: out },
      residual: { tensor: c.fromArray(residual, [m, n]) },
      cut,
    });
    return [out];
  });
  const shared = { layout: 'NT', m, n, accumulate: true } as const;
  const first = gemmReference({ ...shared, k, a: dense(a, k), b: dense(b, k), out: dense(residual, n) });
  const out = { data: first, offset: 0, stride: n };
  const expected = gemmReference({ ...shared, k: more, a: dense(moreA, more), b: dense(moreB, more), out });
  expectClose('split', outputs[0]!, expected, { abs: EPS_F32 * (6 + k) });
});

test('blocks that do not fit, and layouts without them, are refused in words', () => {
  runtime.scope(() => {
    const [x, w] = [runtime.zeros([4, 6]), runtime.zeros([8, 6])];
    const stacked = runtime.zeros([8, 2]);
    const pair = (stretches: Blocks['stretches']) => ({
      k: 2 * stretches.length,
      a: { tensor: runtime.zeros([4, 2 * stretches.length]) },
      b: { stacked, rank: 2, stretches },
    });
    const spec: GemmSpec = {
      layout: 'NT',
      m: 4,
      n: 8,
      k: 6,
      a: { tensor: x },
      b: { tensor: w },
      out: { tensor: runtime.zeros([4, 8]) },
    };
    const four = [0, 2, 4, 6].map((rowOffset) => ({ rowOffset, rows: 2 }));
    expect(() => gemm(runtime, { ...spec, more: pair(four) })).toThrow('3 at most, not 4');
    expect(() => gemm(runtime, { ...spec, more: pair([{ rowOffset: 0, rows: 7 }]) })).toThrow(
      'do not fit a tensor of shape [8, 2]',
    );
    expect(() => gemm(runtime, { ...spec, more: pair([{ rowOffset: 1, rows: 8 }]) })).toThrow(
      'rows 1 to 9 does not fit a matrix of 8 rows',
    );
    expect(() => gemm(runtime, { ...spec, b: { stacked, rank: 2, stretches: [{ rowOffset: 0, rows: 8 }] } })).toThrow(
      'no product of layout NT with these blocks',
    );
  });
  runtime.recorder.discard();
});
