import { afterAll, beforeAll, expect, test } from 'vitest';
import { gemm } from '../../../src/ops/core/gemm.ts';
import { gemmPair } from '../../../src/ops/core/gemmPair.ts';
import { DIRECT_TILE, GEMM_TILES, GPU_TILES, RULE_TILES, type GemmTile } from '../../../src/ops/core/gemmTiles.ts';
import { TileChoice } from '../../../src/ops/core/tileChoice.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import type { Tensor } from '../../../src/ops/core/tensor.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../../harness/numerics.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { weightTensor } from '../../harness/weights.ts';
import { gemmReference } from '../../reference/gemm.ts';

let runtime: Runtime;
beforeAll(async () => {
  // With 16 KiB of workgroup memory, which every device has.
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly swiglu?: boolean;
  /** Whether the two results are added to what is there. */
  readonly onTop?: readonly [first: boolean, second: boolean];
}

/** What both products make, in one go or, by themselves, one after the other. */
async function run(
  { m, n, k, swiglu = false, onTop: [first, second] = [false, false] }: Case,
  how: { tile?: GemmTile; apart?: boolean; dtype?: 'f32' | 'bf16' },
): Promise<{
  results: Float32Array[];
  dispatches: number;
  data: Record<'a' | 'b' | 'c' | 'before' | 'beforeSecond', Float32Array>;
}> {
  const random = seededRandom(71);
  const width = swiglu ? 2 * n : n;
  const data = {
    a: randomArray(random, m * k),
    b: randomArray(random, k * n),
    c: randomArray(random, m * n),
    before: randomArray(random, m * width),
    beforeSecond: randomArray(random, k * n),
  };
  const gateUp = randomArray(random, m * 2 * n, 3);
  const counted = runtime.recorder.counts.dispatches;
  const { outputs } = await runOp(runtime, [], (r) => {
    const [a, c] = [r.fromArray(data.a, [m, k]), r.fromArray(data.c, [m, n])];
    const b = weightTensor(r, data.b, [k, n], how.dtype ?? 'f32');
    const [out, outSecond] = [r.fromArray(data.before, [m, width]), r.fromArray(data.beforeSecond, [k, n])];
    const through = swiglu ? r.fromArray(gateUp, [m, 2 * n]) : undefined;
    const matrix = (tensor: Tensor) => ({ tensor });
    if (how.apart) {
      const cut = how.tile && { tile: how.tile, splits: 1 };
      const shared = { layout: 'NN', m, n, k, a: matrix(a), b: matrix(b), cut } as const;
      gemm(r, { ...shared, out: matrix(out), accumulate: first, swiglu: through && matrix(through) });
      const sizes = { layout: 'TN', m: k, n, k: m, cut } as const;
      gemm(r, { ...sizes, a: matrix(a), b: matrix(c), out: matrix(outSecond), accumulate: second });
    } else
      gemmPair(r, {
        a,
        b,
        c,
        first: { tensor: out, accumulate: first },
        second: { tensor: outSecond, accumulate: second },
        swiglu: through,
        tile: how.tile,
      });
    return [out, outSecond];
  });
  return { results: outputs, dispatches: runtime.recorder.counts.dispatches - counted, data };
}

const CASES: readonly Case[] = [
  { m: 1, n: 4, k: 4 },
  { m: 37, n: 68, k: 52, onTop: [true, false] },
  { m: 21, n: 36, k: 132, onTop: [false, true] },
  { m: 70, n: 20, k: 24, swiglu: true, onTop: [true, true] },
  { m: 5, n: 132, k: 36, swiglu: true },
];
const TILES = GEMM_TILES.filter(({ kernel }) => kernel === 'tiled');
const [MEDIUM] = RULE_TILES.filter(({ name }) => name === 'medium');

test.each(TILES.map((tile) => ({ name: tile.name, tile })))(
  '$name tiles: two products in one dispatch have the bits that they have one after the other',
  async ({ tile }) => {
    for (const one of CASES) {
      const together = await run(one, { tile });
      expect(together.dispatches).toBe(1);
      expect(together.results, JSON.stringify(one)).toEqual(
        (await run(one, { tile: DIRECT_TILE, apart: true })).results,
      );
    }
  },
);

test('both equal loops in f64, over what is there and on top of it', async () => {
  for (const one of CASES.filter(({ swiglu }) => !swiglu)) {
    const { m, n, k, onTop: [first, second] = [false, false] } = one;
    const { results, dispatches, data } = await run(one, { tile: MEDIUM! });
    expect(dispatches).toBe(1);
    const dense = (numbers: Float32Array, stride: number) => ({ data: numbers, offset: 0, stride });
    const a = dense(data.a, k);
    const [out, outSecond] = [dense(data.before, n), dense(data.beforeSecond, n)];
    const expected = [
      gemmReference({ layout: 'NN', m, n, k, a, b: dense(data.b, n), out, accumulate: first }),
      gemmReference({ layout: 'TN', m: k, n, k: m, a, b: dense(data.c, n), out: outSecond, accumulate: second }),
    ];
    expected.forEach((values, i) =>
      expectClose(`${i} of ${JSON.stringify(one)}`, results[i]!, values, { abs: EPS_F32 * (4 + k + m) }),
    );
  }
});

test('on a GPU both take one tile: that of their class, or where these differ the one by rule for both', async () => {
  const software = runtime.tiles;
  runtime.tiles = new TileChoice(GPU_TILES);
  const asked: string[] = [];
  runtime.tiles.onProduct = ({ layout, m, n, k }) => asked.push(`${layout} ${m} ${n} ${k}`);
  try {
    const one = { m: 37, n: 68, k: 52, onTop: [false, true] } as const;
    const byRule = await run(one, {});
    expect(byRule.dispatches).toBe(1);
    expect(asked).toEqual(['NN 37 68 52', 'TN 52 68 37']);
    const known = (layout: 'NN' | 'TN', tile: GemmTile['name']) => {
      const [m, k] = layout === 'NN' ? [37, 52] : [52, 37];
      return { layout, m, n: 68, k, dtype: 'f32', precision: 'f32', tile, byRule: 'small', times: {} } as const;
    };
    runtime.tiles.take([known('NN', 'half'), known('TN', 'large')]);
    expect((await run(one, {})).results).toEqual(byRule.results);
    // Their own kernel is not one for two.
    runtime.tiles.take([known('NN', 'cached'), known('TN', 'cached')]);
    asked.length = 0;
    const apart = await run(one, {});
    expect(apart.dispatches).toBe(2);
    // Once each: what hears of products weighs them.
    expect(asked).toHaveLength(2);
    expect(apart.results).toEqual(byRule.results);
    // A long sum is split, each by itself.
    expect((await run({ m: 1100, n: 4, k: 4 }, {})).dispatches).toBe(3);
  } finally {
    runtime.tiles = software;
  }
});

test('what is not in fours or packed, or runs on a software GPU, goes in two dispatches, with the same results', async () => {
  const ragged: readonly Case[] = [
    { m: 3, n: 6, k: 8, onTop: [true, true] },
    { m: 3, n: 8, k: 6 },
    { m: 5, n: 8, k: 12, swiglu: true },
  ];
  for (const one of ragged) {
    const together = await run(one, {});
    expect(together.dispatches).toBe(2);
    expect(together.results).toEqual((await run(one, { apart: true })).results);
  }
  const packed = await run({ m: 3, n: 8, k: 8 }, { dtype: 'bf16' });
  expect(packed.dispatches).toBe(2);
  expect(packed.results).toEqual((await run({ m: 3, n: 8, k: 8 }, { dtype: 'bf16', apart: true })).results);
});

test('shapes that do not fit together are refused', () => {
  runtime.scope(() => {
    const zeros = (...shape: number[]) => runtime.zeros(shape);
    const target = (...shape: number[]) => ({ tensor: zeros(...shape), accumulate: false });
    const pair = { a: zeros(2, 4), b: zeros(4, 8), c: zeros(2, 8), first: target(2, 8), second: target(4, 8) };
    expect(() => gemmPair(runtime, { ...pair, c: zeros(3, 8) })).toThrow('A [2, 4] does not go with');
    expect(() => gemmPair(runtime, { ...pair, second: target(8, 4) })).toThrow('second result of gemmPair');
    expect(() => gemmPair(runtime, { ...pair, first: target(2, 4) })).toThrow('2 rows for 8 columns');
  });
  runtime.recorder.discard();
});
