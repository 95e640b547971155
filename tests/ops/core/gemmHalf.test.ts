import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseShader } from '../../../src/gpu/shaderSource.ts';
import { shaderSource } from '../../../src/gpu/shaderLibrary.ts';
import { GRADIENT_SCALE } from '../../../src/ops/core/arithmetic.ts';
import { gemm, type GemmSpec } from '../../../src/ops/core/gemm.ts';
import { gemmPair } from '../../../src/ops/core/gemmPair.ts';
import { DIRECT_TILE, GEMM_TILES, type GemmTile } from '../../../src/ops/core/gemmTiles.ts';
import { fromF16, toF16 } from '../../../src/ops/core/halfPrecision.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { EPS_F32, expectClose, randomArray, randomInt, seededRandom } from '../../harness/numerics.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { gemmReference } from '../../reference/gemm.ts';

let runtime: Runtime;
/** Without the feature, on whatever device: numbers of 16 bits as f32. */
let rounding: Runtime;
beforeAll(async () => {
  [runtime, rounding] = await Promise.all([openTestRuntime(), openTestRuntime({ defaultLimits: true })]);
});
afterAll(() => {
  runtime.destroy();
  rounding.destroy();
});

const LAYOUTS = ['NN', 'NT', 'TN'] as const;
const ALL_TILES = [...GEMM_TILES, DIRECT_TILE];
/** One of each kernel. */
const KERNEL_TILES = ALL_TILES.filter(({ name }) => ['medium', 'cached', 'direct'].includes(name));

interface Case extends Pick<GemmSpec, 'layout' | 'm' | 'n' | 'k'> {
  readonly ofGradient?: boolean;
  readonly scale?: number;
  readonly splits?: number;
  readonly bias?: boolean;
  readonly accumulate?: boolean;
}

/** As the kernels round A: a gradient is scaled first, which is exact both ways, and what full precision does not reach is zero. */
const halves = (values: Float32Array, scale = 1): Float32Array =>
  fromF16(toF16(values.map((value) => (Math.abs(value * scale) < 2 ** -14 ? 0 : value * scale)))).map(
    (value) => value / scale,
  );

async function product(
  c: Runtime,
  tile: GemmTile,
  given: Case,
  a: Float32Array,
  b: Float32Array,
): Promise<Float32Array> {
  const { layout, m, n, k, splits = 1, ...more } = given;
  const { outputs } = await runOp(c, [], (on) => {
    const out = on.fromArray(new Float32Array(m * n).fill(0.5), [m, n]);
    gemm(on, {
      ...more,
      layout,
      m,
      n,
      k,
      a: { tensor: on.fromArray(a, layout === 'TN' ? [k, m] : [m, k]) },
      b: { tensor: on.fromArray(b, layout === 'NT' ? [n, k] : [k, n]) },
      out: { tensor: out },
      bias: more.bias ? on.fromArray(new Float32Array(n).fill(0.25), [n]) : undefined,
      precision: 'f16',
      cut: { tile, splits },
    });
    return [out];
  });
  return outputs[0]!;
}

function expected(given: Case, a: Float32Array, b: Float32Array): Float64Array {
  const { layout, m, n, k, ofGradient, scale = 1, bias, accumulate = false } = given;
  return gemmReference({
    layout,
    m,
    n,
    k,
    scale,
    accumulate,
    a: { data: halves(a, ofGradient ? GRADIENT_SCALE : 1), offset: 0, stride: layout === 'TN' ? m : k },
    b: { data: halves(b), offset: 0, stride: layout === 'NT' ? k : n },
    out: { data: new Float32Array(m * n).fill(0.5), offset: 0, stride: n },
    bias: bias ? new Float32Array(n).fill(0.25) : undefined,
  });
}

test.each(LAYOUTS.flatMap((layout) => KERNEL_TILES.map((tile) => ({ layout, name: tile.name, tile }))))(
  '$layout with $name tiles: the product of the rounded operands, on ragged shapes',
  async ({ layout, tile }) => {
    const random = seededRandom(71);
    const size = () => [1, 3, 4, 16, 17, 31, 67][randomInt(random, 0, 6)]!;
    const cases: Case[] = [
      ...Array.from({ length: 4 }, () => ({ layout, m: size(), n: 4 * size() - 1, k: size() })),
      { layout, m: 65, n: 132, k: 36, scale: 1.75, bias: true, accumulate: true },
      { layout, m: 5, n: 12, k: 1040, splits: 2 },
    ];
    for (const given of cases) {
      const [a, b] = [randomArray(random, given.m * given.k), randomArray(random, given.n * given.k)];
      // As of f32 operands (gemm.test.ts): rounding them is not among the errors.
      expectClose(JSON.stringify(given), await product(runtime, tile, given, a, b), expected(given, a, b), {
        abs: EPS_F32 * (4 + given.k) * (given.scale ?? 1),
      });
    }
  },
);

test.each(['direct', 'cached', 'medium'])(
  '%s tiles: rounding shows, and f32 operands are left as they are',
  async (name) => {
    const tile = ALL_TILES.find((one) => one.name === name)!;
    const given = { layout: 'NT', m: 8, n: 8, k: 64 } as const;
    const random = seededRandom(72);
    const [a, b] = [randomArray(random, 512), randomArray(random, 512)];
    const found = await product(runtime, tile, given, a, b);
    const exact = gemmReference({
      ...given,
      a: { data: a, offset: 0, stride: 64 },
      b: { data: b, offset: 0, stride: 64 },
      out: { data: new Float32Array(64), offset: 0, stride: 8 },
    });
    const worst = Math.max(...found.map((value, i) => Math.abs(value - exact[i]!)));
    expect(worst).toBeGreaterThan(20 * EPS_F32 * 68);
    expect(worst).toBeLessThan(64 * 2 ** -11);
  },
);

test.each(LAYOUTS)('%s: gradients far below what 16 bits hold keep their digits', async (layout) => {
  const random = seededRandom(73);
  const given = { layout, m: 21, n: 20, k: 40, ofGradient: true } as const;
  // 2e-8 is less than half of the smallest number of 16 bits; scaled it has all of their precision.
  const [a, b] = [randomArray(random, given.m * given.k, 2e-7), randomArray(random, given.n * given.k)];
  for (const tile of KERNEL_TILES) {
    const found = await product(runtime, tile, given, a, b);
    expectClose(tile.name, found, expected(given, a, b), { abs: 2e-7 * EPS_F32 * 44 });
  }
});

test.each(LAYOUTS)('%s: every tile gives the same bits', async (layout) => {
  for (const { names, ...given } of [
    { names: ['medium', 'double', 'quarter', 'cached', 'direct'], layout, m: 132, n: 200, k: 52, scale: 1.75 },
    { names: ['medium', 'cached', 'direct'], layout, m: 33, n: 71, k: 1601, splits: 3, bias: true, ofGradient: true },
  ]) {
    const random = seededRandom(74);
    const [a, b] = [randomArray(random, given.m * given.k), randomArray(random, given.n * given.k)];
    const results = new Map<string, Float32Array>();
    for (const tile of ALL_TILES.filter(({ name }) => names.includes(name)))
      results.set(tile.name, await product(runtime, tile, given, a, b));
    const [first, ...others] = results;
    for (const [name, result] of others) expect(result, name).toEqual(first![1]);
  }
});

test('held in 16 bits or rounded to them: the same bits, whatever the device has', async () => {
  const random = seededRandom(75);
  for (const layout of LAYOUTS)
    for (const tile of runtime.gpu.hasHalf ? ALL_TILES : KERNEL_TILES) {
      const given: Case = { layout, m: 67, n: 68, k: 36 };
      const [a, b] = [randomArray(random, 67 * 36, 3), randomArray(random, 68 * 36, 1e-4)];
      expect(await product(runtime, tile, given, a, b), tile.name).toEqual(await product(rounding, tile, given, a, b));
    }
});

test.each(['tiled', 'tiledGated', 'tiledRagged'])(
  '%s: the form that holds 16 bits differs in how operands are held, and compiles',
  async (name) => {
    const { code } = shaderSource(`gemm/${name}+f16`);
    expect(code).toMatch(/^\/\/ .*\n(\/\/ .*\n)*enable f16;\n/);
    expect(code.match(/\bf16\b/g)!.length).toBeGreaterThanOrEqual(2);
    // Where a device lacks the feature, with its numbers written as f32: all but their width is checked everywhere.
    const widened = runtime.gpu.hasHalf ? code : code.replace('enable f16;', '').replaceAll('vec4<f16>', 'vec4f');
    const source = parseShader(`gemm/${name}+f16`, widened);
    const pipeline = await runtime.recorder.pipelines.find(source, { TRANSPOSE_B: true }).get();
    expect(pipeline.source).toBe(source);
  },
);

test('both gradients of a linear map are made of rounded operands, one after the other', async () => {
  const random = seededRandom(76);
  const [m, n, k] = [12, 20, 8];
  const [a, b, x] = [randomArray(random, m * k, 1e-6), randomArray(random, k * n), randomArray(random, m * n)];
  const { outputs } = await runtime.computing({ products: 'f16', reductions: 'memory' }, () =>
    runOp(runtime, [], (on) => {
      const [first, second] = [on.tensor([m, n]), on.tensor([k, n])];
      const given = { a: on.fromArray(a, [m, k]), b: on.fromArray(b, [k, n]), c: on.fromArray(x, [m, n]) };
      gemmPair(on, {
        ...given,
        first: { tensor: first, accumulate: false },
        second: { tensor: second, accumulate: false },
      });
      return [first, second];
    }),
  );
  const tolerance = { abs: 1e-6 * EPS_F32 * (4 + Math.max(m, k)) };
  const first = expected({ layout: 'NN', m, n, k, ofGradient: true }, a, b);
  const second = expected({ layout: 'TN', m: k, n, k: m, ofGradient: true }, a, x);
  expectClose('first', outputs[0]!, first, tolerance);
  expectClose('second', outputs[1]!, second, tolerance);
});

test('a number beyond what 16 bits hold is not passed over in silence', async () => {
  const a = new Float32Array(64).fill(1);
  a[3] = 1e6;
  for (const tile of KERNEL_TILES) {
    const found = await product(runtime, tile, { layout: 'NT', m: 1, n: 4, k: 64 }, a, new Float32Array(256).fill(1));
    expect(
      found.every((value) => !Number.isFinite(value)),
      tile.name,
    ).toBe(true);
  }
});
