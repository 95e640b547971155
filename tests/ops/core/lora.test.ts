import { afterAll, beforeAll, expect, test } from 'vitest';
import { loraGradients } from '../../../src/ops/core/lora.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../../harness/numerics.ts';
import { dropoutFactors } from '../../reference/dropout.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

/** Σ_t left[t, i] · right[t, j]. */
function sumOverRows(t: number, left: Float32Array, right: Float32Array, i: number, j: number): number {
  const [wide, narrow] = [left.length / t, right.length / t];
  let sum = 0;
  for (let row = 0; row < t; row++) sum += left[row * wide + i]! * right[row * narrow + j]!;
  return sum;
}

/** T, K, rank and the stretches of N rows that are updated. */
const CASES: readonly (readonly [
  t: number,
  k: number,
  n: number,
  rank: number,
  stretches: readonly [number, number][],
])[] = [
  [1, 1, 1, 1, [[0, 1]]],
  [
    37,
    68,
    132,
    8,
    [
      [0, 64],
      [64, 36],
      [100, 32],
    ],
  ],
  [
    19,
    5,
    83,
    3,
    [
      [1, 70],
      [75, 6],
    ],
  ],
  [50, 12, 9, 20, [[4, 5]]],
];

/** A site for each of three parts. */
const SITES = [9, 2 ** 17, 4] as const;
const KEY = [77, 4_000_000_000] as const;

test.each([
  [1, 0],
  [8, 0],
  [1, 0.3],
  [8, 0.3],
])('gradients of A and B in %i slices, on top of what is there, with dropout %d', async (slices, rate) => {
  const random = seededRandom(41);
  for (const [t, k, n, rank, stretches] of CASES) {
    const parts = stretches.map(([rowOffset, rows]) => ({ rowOffset, rows }));
    const narrow = parts.length * rank;
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const [x, dy] = [randomArray(random, t * k), randomArray(random, t * n)];
    const [reduced, dReduced] = [randomArray(random, t * narrow), randomArray(random, t * narrow)];
    const before = { a: randomArray(random, narrow * k), b: randomArray(random, rows * rank) };
    let pending: Promise<Float32Array>[] = [];
    runtime.scope(() => {
      const [a, b] = [runtime.zeros([narrow, k]), runtime.zeros([rows, rank])];
      a.requiresGrad = b.requiresGrad = true;
      a.gradient = runtime.fromArray(before.a, a.shape);
      b.gradient = runtime.fromArray(before.b, b.shape);
      const pass = {
        x: runtime.fromArray(x, [t, k]),
        dy: runtime.fromArray(dy, [t, n]),
        reduced: runtime.fromArray(reduced, [t, narrow]),
        dReduced: runtime.fromArray(dReduced, [t, narrow]),
      };
      const key = runtime.fromArray(Uint32Array.from(KEY), [2]);
      const dropout = rate > 0 ? { rate, key, sites: SITES.slice(0, parts.length) } : undefined;
      loraGradients(runtime, new Tape(runtime), { scale: 1, rank, a, b, parts, dropout }, pass, slices);
      pending = [runtime.read(a.gradient), runtime.read(b.gradient)];
    });
    await runtime.recorder.flush();
    const [dA, dB] = await Promise.all(pending);
    const what = JSON.stringify([t, k, n, rank, stretches]);
    // What stays is up to 1 / (1 − rate) as large.
    const tolerance = { abs: (EPS_F32 * (4 + t)) / (1 - rate) };
    const read = SITES.map((site) => {
      const factors = dropoutFactors({ rate, key: KEY, site }, t, k);
      return x.map((value, at) => value * factors[at]!);
    });
    const expectedA = before.a.map((value, at) => {
      const row = Math.floor(at / k);
      return value + sumOverRows(t, dReduced, read[Math.floor(row / rank)]!, row, at % k);
    });
    expectClose(`dA ${what}`, dA!, expectedA, tolerance);
    const rowsOfB = parts.flatMap(({ rowOffset, rows: own }, p) =>
      Array.from({ length: own }, (_, row) => ({ row: rowOffset + row, p })),
    );
    const expectedB = before.b.map((value, at) => {
      const { row, p } = rowsOfB[Math.floor(at / rank)]!;
      return value + sumOverRows(t, dy, reduced, row, p * rank + (at % rank));
    });
    expectClose(`dB ${what}`, dB!, expectedB, tolerance);
  }
  expect(runtime.pool.report().liveBuffers).toBe(0);
});
