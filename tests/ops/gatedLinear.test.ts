import { afterAll, beforeAll, expect, test } from 'vitest';
import { gemm, type GemmSpec } from '../../src/ops/core/gemm.ts';
import { DIRECT_TILE, GEMM_TILES } from '../../src/ops/core/gemmTiles.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { Tape } from '../../src/ops/core/tape.ts';
import { gatedLinear } from '../../src/ops/gatedLinear.ts';
import { swiglu } from '../../src/ops/swiglu.ts';
import { swigluLinear } from '../../src/ops/swigluLinear.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { expectClose, numericGradients, randomArray, seededRandom, weightedSum } from '../harness/numerics.ts';
import { weightTensor } from '../harness/weights.ts';
import { dropoutFactors } from '../reference/dropout.ts';
import { linearReference } from '../reference/linear.ts';
import { swiglu as swigluReference } from '../reference/swiglu.ts';

let runtime: Runtime;
beforeAll(async () => {
  // With 16 KiB of workgroup memory, which every device has.
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

test.each([0, 0.4])(
  'a whole gated unit, trained whole and by adapters with dropout %d, columns in fours and others, with a bias and without',
  async (rate) => {
    const [key, sites] = [[1, 2] as const, [70, 71]];
    const random = seededRandom(61);
    for (const [t, f, k, rank, hasBias] of [
      [1, 1, 1, 1, false],
      [5, 6, 7, 3, false],
      [3, 6, 4, 2, true],
      [7, 5, 6, 2, false],
      [9, 20, 8, 4, false],
    ] as const) {
      const [x, w, down] = [randomArray(random, t * k), randomArray(random, 2 * f * k), randomArray(random, k * f)];
      const [a, b] = [randomArray(random, 2 * rank * k), randomArray(random, 2 * f * rank)];
      const bias = new Float32Array(2 * f).map(() => (hasBias ? random() : 0));
      const seed = randomArray(random, t * k);
      const { outputs, gradients } = await runOp(
        runtime,
        [
          { data: x, shape: [t, k] },
          { data: w, shape: [2 * f, k] },
          { data: a, shape: [2 * rank, k] },
          { data: b, shape: [2 * f, rank] },
          { data: down, shape: [k, f] },
        ],
        (c, [xs, ws, as, bs, downs]) => {
          const gated = gatedLinear(c, xs!, ws!, {
            bias: hasBias ? c.fromArray(bias, [2 * f]) : undefined,
            lora: {
              scale: 0.5,
              rank,
              a: as!,
              b: bs!,
              parts: [
                { rowOffset: 0, rows: f },
                { rowOffset: f, rows: f },
              ],
              dropout: rate > 0 ? { rate, key: c.fromArray(Uint32Array.from(key), [2]), sites } : undefined,
            },
          });
          return [swigluLinear(c, gated, downs!)];
        },
        [seed],
      );
      const reference = ([xs, ws, as, bs, downs]: Float64Array[]) => {
        const gateUp = linearReference({ t, n: 2 * f, k }, xs!, ws!, Float64Array.from(bias), {
          scale: 0.5,
          rank,
          a: as!,
          parts: sites.map((site, p) => ({
            rowOffset: p * f,
            rows: f,
            b: bs!.slice(p * f * rank, (p + 1) * f * rank),
            factors: dropoutFactors({ rate, key, site }, t, k),
          })),
        });
        return linearReference({ t, n: k, k: f }, swigluReference(gateUp, f), downs!);
      };
      const point = [x, w, a, b, down].map((values) => Float64Array.from(values));
      const what = `${t}×${f}×${k}, bias ${hasBias}`;
      expectClose(what, outputs[0]!, reference(point), { abs: 2e-6 * (4 + f + k), rel: 2e-6 });
      const expected = numericGradients((values) => weightedSum(reference(values), seed), point);
      expected.forEach((gradient, i) =>
        expectClose(`gradient ${i}, ${what}`, gradients[i]!, gradient, { abs: 4e-6 * (4 + t + f + k), rel: 4e-6 }),
      );
    }
  },
);

/** Rows, half the columns, K, and the rank of two updates with a gap before and between them. */
const SIZES = [
  [1, 2, 1, 3],
  [37, 66, 45, 12],
  [130, 40, 36, 16],
] as const;
/** Those that others are like, in how they share out work: all sizes, and alone. */
const THOROUGH: readonly string[] = ['medium', 'small', 'cached', 'direct'];

test.each([...GEMM_TILES, DIRECT_TILE].map((tile) => ({ name: tile.name, tile })))(
  '$name tiles: gates, values and activation have the bits that they have one after the other',
  async ({ tile }) => {
    const isThorough = THOROUGH.includes(tile.name);
    for (const [at, [m, f, k, rank]] of SIZES.entries()) {
      if (!isThorough && at !== 1) continue;
      const dtype = (['f32', 'bf16', 'i8'] as const)[at % 3]!;
      const n = 2 * f;
      const numbers = seededRandom(62);
      const heights = [f - 1, f - 1];
      const [x, w] = [randomArray(numbers, m * k), randomArray(numbers, n * k, 2)];
      const [moreA, stacked] = [randomArray(numbers, m * 2 * rank), randomArray(numbers, (2 * f - 2) * rank)];
      const before = randomArray(numbers, m * (n + 8));
      const { outputs } = await runOp(runtime, [], (c) => {
        const stretches = [
          { rowOffset: 1, rows: heights[0]! },
          { rowOffset: f + 1, rows: heights[1]! },
        ];
        const spec = {
          layout: 'NT',
          m,
          n,
          k,
          a: { tensor: c.fromArray(x, [m, k]) },
          b: { tensor: weightTensor(c, w, [n, k], dtype) },
          more: {
            k: 2 * rank,
            a: { tensor: c.fromArray(moreA, [m, 2 * rank]) },
            b: { stacked: c.fromArray(stacked, [2 * f - 2, rank]), rank, stretches },
          },
          scale: 0.75,
        } as const satisfies Partial<GemmSpec>;
        const apart = c.tensor([m, n]);
        gemm(c, { ...spec, out: { tensor: apart }, cut: { tile: DIRECT_TILE, splits: 1 } });
        // In one go between columns that are somebody else's, split (which it must not be), and alone.
        const [out, activated] = [
          c.fromArray(before, [m, n + 8]),
          c.fromArray(before.subarray(0, m * (f + 6)), [m, f + 6]),
        ];
        const [alone, untouched] = [c.tensor([m, f]), c.fromArray(Float32Array.of(7), [1])];
        gemm(c, {
          ...spec,
          out: { tensor: out, offset: 4 },
          activated: { tensor: activated, offset: 4, keep: true },
          cut: { tile, splits: 2 },
        });
        const cut = { tile: isThorough ? tile : DIRECT_TILE, splits: 1 };
        gemm(c, { ...spec, out: { tensor: untouched }, activated: { tensor: alone, keep: false }, cut });
        return [apart, swiglu(c, apart), out, activated, alone, untouched];
      });
      const [apart, expected, out, activated, alone, untouched] = outputs;
      const between = (data: Float32Array, columns: number, width: number) =>
        Float32Array.from(
          { length: m * columns },
          (_, i) => data[Math.floor(i / columns) * width + (i % columns) + 4]!,
        );
      const what = `${m}×${n}×${k} ${dtype}`;
      expect(between(out!, n, n + 8), what).toEqual(apart);
      expect(between(activated!, f, f + 6), what).toEqual(expected);
      expect(alone, what).toEqual(expected);
      expect(untouched).toEqual(Float32Array.of(7));
      const outside = (data: Float32Array, columns: number, width: number) =>
        data.filter((_, i) => i % width < 4 || i % width >= columns + 4);
      expect(outside(out!, n, n + 8)).toEqual(outside(before, n, n + 8));
      expect(outside(activated!, f, f + 6)).toEqual(outside(before.subarray(0, m * (f + 6)), f, f + 6));
    }
  },
);

test('gates and values are kept where a gradient goes through them, and nowhere else; the activation is the same', async () => {
  const random = seededRandom(63);
  const [t, f, k] = [5, 8, 6];
  const [x, w] = [randomArray(random, t * k), randomArray(random, 2 * f * k)];
  const run = async (trained: boolean, tape?: Tape) => {
    const before = runtime.recorder.counts.bytes;
    const { outputs } = await runOp(runtime, [], (c) => {
      const weight = c.fromArray(w, [2 * f, k]);
      weight.requiresGrad = trained;
      const { activated } = c.withTape(tape, () => gatedLinear(c, c.fromArray(x, [t, k]), weight));
      tape?.dispose();
      return [activated];
    });
    return { activated: outputs[0], bytes: runtime.recorder.counts.bytes - before };
  };
  const kept = await run(true, new Tape(runtime));
  for (const other of [await run(false, new Tape(runtime)), await run(true)]) {
    expect(other.activated).toEqual(kept.activated);
    expect(kept.bytes - other.bytes).toBe(4 * t * 2 * f);
  }
});

test('what cannot be split into gates and values is refused in words', () => {
  runtime.scope(() => {
    const x = runtime.zeros([2, 3]);
    expect(() => gatedLinear(runtime, x, runtime.zeros([7, 3]))).toThrow('needs an even number of rows');
    const [b, out] = [runtime.zeros([6, 3]), runtime.zeros([2, 6])];
    const spec = { layout: 'NT', m: 2, n: 6, k: 3, a: { tensor: x }, b: { tensor: b }, out: { tensor: out } } as const;
    const activated = { tensor: runtime.zeros([2, 3]), keep: true };
    expect(() => gemm(runtime, { ...spec, activated })).toThrow('in columns by the four');
  });
  runtime.recorder.discard();
});
