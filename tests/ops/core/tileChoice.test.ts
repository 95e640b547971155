import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gemm, type GemmSpec } from '../../../src/ops/core/gemm.ts';
import { cutGemm, GPU_TILES, RULE_TILES, SOFTWARE_TILES, type GemmCut } from '../../../src/ops/core/gemmTiles.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import type { DType } from '../../../src/ops/core/tensor.ts';
import { classOf, TileChoice, type MeasuredProduct, type ProductShape } from '../../../src/ops/core/tileChoice.ts';
import { randomArray, seededRandom } from '../../harness/numerics.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { weightTensor } from '../../harness/weights.ts';

const SHAPE: ProductShape = { layout: 'NT', m: 100, n: 128, k: 896, dtype: 'f32' };

function measured(shape: ProductShape, tile: string): MeasuredProduct {
  return { ...shape, tile: tile as MeasuredProduct['tile'], byRule: 'large', times: {} };
}

describe('what is measured', () => {
  test('holds for products up to the next power of two in each size, and for no others', () => {
    const of = (changes: Partial<ProductShape>): number => classOf({ ...SHAPE, ...changes });
    expect(of({ m: 65 })).toBe(of({ m: 128 }));
    expect(of({ n: 65, k: 513 })).toBe(of({ n: 128, k: 1024 }));
    const others = [
      SHAPE,
      { ...SHAPE, m: 64 },
      { ...SHAPE, m: 129 },
      { ...SHAPE, n: 129 },
      { ...SHAPE, k: 512 },
      ...(['NN', 'TN'] as const).map((layout) => ({ ...SHAPE, layout })),
      ...(['bf16', 'f16', 'i8'] as const).map((dtype) => ({ ...SHAPE, dtype })),
      { ...SHAPE, m: 128, n: 100, k: 1 },
      { ...SHAPE, m: 2 ** 24, n: 2 ** 24, k: 2 ** 24 },
    ];
    expect(new Set(others.map(classOf)).size).toBe(others.length);
  });

  test('decides instead of the rule, and the split stays the rule’s', () => {
    const choice = new TileChoice(GPU_TILES);
    const long = { ...SHAPE, m: 27, n: 896, k: 37984 };
    for (const { name } of GPU_TILES.tiles) {
      choice.take([measured(SHAPE, name), measured(long, name)]);
      expect(choice.cut({ ...SHAPE, m: 70 })).toMatchObject({ tile: { name }, splits: 1 });
      expect(choice.cut(long)).toMatchObject({ tile: { name }, splits: cutGemm(27, 896, 37984).splits });
      expect(choice.cut({ ...SHAPE, m: 5 })).toEqual(cutGemm(5, 128, 896));
    }
    expect(cutGemm(27, 896, 37984).splits).toBeGreaterThan(1);
  });

  test('is told apart from what was known before, and a tile that is not there is passed over', () => {
    const choice = new TileChoice(SOFTWARE_TILES);
    const before = choice.version;
    choice.take([measured(SHAPE, 'large')]);
    expect(choice.version).not.toBe(before);
    expect(choice.measured).toEqual([]);
    expect(choice.cut(SHAPE).tile.name).toBe('direct');
  });

  test('every tile of a set steps through K alike, which equal bits rest on', () => {
    for (const { tiles, splitBy } of [GPU_TILES, SOFTWARE_TILES])
      expect(tiles.map(({ k }) => k)).toEqual(tiles.map(() => splitBy.k));
  });
});

describe('results are the same to the bit whatever tile is taken', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTestRuntime({ defaultLimits: true });
    // The others: gemmTiles.test.ts.
    runtime.tiles = new TileChoice({ ...GPU_TILES, tiles: RULE_TILES });
  });
  afterAll(() => runtime.destroy());

  /** The result of a product with each tile of the set. */
  async function results(
    shape: ProductShape,
    spec: (c: Runtime, random: () => number, cut: GemmCut) => Partial<GemmSpec>,
  ): Promise<Float32Array[]> {
    const { layout, m, n, k, dtype } = shape;
    const all: Float32Array[] = [];
    for (const { name } of runtime.tiles.set.tiles) {
      runtime.tiles.take([measured(shape, name)]);
      expect(runtime.tiles.cut(shape).tile.name).toBe(name);
      const random = seededRandom(41);
      const { outputs } = await runOp(runtime, [], (c) => {
        const a = c.fromArray(randomArray(random, m * k), layout === 'TN' ? [k, m] : [m, k]);
        const rowsB = layout === 'NT' ? [n, k] : [k, n];
        const b = weightTensor(c, randomArray(random, n * k), rowsB, dtype as 'f32');
        const out = c.fromArray(randomArray(random, 2 * m * n), [2 * m * n]);
        gemm(c, {
          layout,
          m,
          n,
          k,
          a: { tensor: a },
          b: { tensor: b },
          out: { tensor: out, stride: n },
          scale: 1.75,
          ...spec(c, random, runtime.tiles.cut(shape)),
        });
        return [out];
      });
      all.push(outputs[0]!);
    }
    return all;
  }

  function expectEqual([first, ...others]: Float32Array[]): void {
    expect(others.length).toBeGreaterThan(1);
    expect(first!.some((value) => value !== 0)).toBe(true);
    for (const other of others) expect(other).toEqual(first);
  }

  const dtypes: readonly DType[] = ['f32', 'bf16', 'f16', 'i8'];
  const shapes = (['NN', 'NT', 'TN'] as const).flatMap((layout) => [
    ...dtypes.map((dtype) => ({ layout, dtype, m: 37, n: 68, k: 100 })),
    { layout, dtype: 'f32' as const, m: 33, n: 35, k: 131 },
    { layout, dtype: 'f32' as const, m: 9, n: 21, k: 1601 },
    { layout, dtype: 'bf16' as const, m: 70, n: 12, k: 2056 },
  ]);

  test.each(shapes)('$layout, $dtype, $m × $n, K $k', async (shape) => {
    expectEqual(await results(shape, () => ({})));
    expectEqual(
      await results(shape, (c, random) => ({
        accumulate: true,
        bias: c.fromArray(randomArray(random, shape.n), [shape.n]),
        residual: { tensor: c.fromArray(randomArray(random, shape.m * shape.n), [shape.m, shape.n]) },
      })),
    );
  });

  const ranks = [4, 8, 12, 16, 24, 3, 7];
  test.each(ranks)('x · Wᵀ with the updates of three projections, rank %i', async (rank) => {
    const rows = [68, 32, 28];
    const shape = { layout: 'NT', dtype: 'bf16', m: 37, n: 128, k: 100 } as const;
    let at = 0;
    const stretches = rows.map((count) => ({ rowOffset: (at += count) - count, rows: count }));
    expectEqual(
      await results(shape, (c, random) => ({
        more: {
          k: 3 * rank,
          a: { tensor: c.fromArray(randomArray(random, shape.m * 3 * rank), [shape.m, 3 * rank]) },
          b: { stacked: c.fromArray(randomArray(random, 128 * rank), [128, rank]), rank, stretches },
        },
      })),
    );
  });

  test.each(ranks)('back through the updates of three projections, rank %i', async (rank) => {
    const shape = { layout: 'NN', dtype: 'f32', m: 37, n: 3 * rank, k: 128 } as const;
    const stretches = [
      { rowOffset: 0, rows: 70 },
      { rowOffset: 70, rows: 30 },
      { rowOffset: 100, rows: 28 },
    ];
    expectEqual(
      // Such a product is always cut by rule: it is told how here.
      await results(shape, (c, random, cut) => ({
        cut,
        b: { stacked: c.fromArray(randomArray(random, 128 * rank), [128, rank]), rank, stretches },
      })),
    );
  });

  test('back through SwiGLU', async () => {
    const shape = { layout: 'NN', dtype: 'f32', m: 37, n: 68, k: 1300 } as const;
    expectEqual(
      await results(shape, (c, random) => ({
        out: { tensor: c.fromArray(randomArray(random, 37 * 136), [37, 136]) },
        swiglu: { tensor: c.fromArray(randomArray(random, 37 * 136), [37, 136]) },
      })),
    );
  });
});
