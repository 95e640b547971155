import { afterAll, beforeAll, expect, test } from 'vitest';
import { loraGradients } from '../../../src/ops/core/lora.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../../harness/numerics.ts';

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

test.each([1, 8])('gradients of A and B in %i slices, on top of what is there', async (slices) => {
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
      loraGradients(runtime, new Tape(runtime), { scale: 1, rank, a, b, parts }, pass, slices);
      pending = [runtime.read(a.gradient), runtime.read(b.gradient)];
    });
    await runtime.recorder.flush();
    const [dA, dB] = await Promise.all(pending);
    const what = JSON.stringify([t, k, n, rank, stretches]);
    const tolerance = { abs: EPS_F32 * (4 + t) };
    const expectedA = before.a.map((value, at) => value + sumOverRows(t, dReduced, x, Math.floor(at / k), at % k));
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
