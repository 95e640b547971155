import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { RotaryTables, ropeSplit } from '../../src/ops/ropeSplit.ts';
import { makeRows } from '../../src/ops/core/rows.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import {
  EPS_F32,
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../harness/numerics.ts';
import { ropeSplit as reference } from '../reference/ropeSplit.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const frequenciesFor = (headDim: number, theta = 10_000) =>
  Float64Array.from({ length: headDim / 2 }, (_, d) => theta ** ((-2 * d) / headDim));
const positionsOf = (lengths: readonly number[]) => lengths.flatMap((length) => Array.from({ length }, (_, t) => t));
/** Two products of numbers below 1, each with a rounded table entry. */
const TOLERANCE = { abs: 4 * EPS_F32 };

test('ropeSplit agrees with the half-split rotation in f64, on ragged rows and any even head size', async () => {
  const random = seededRandom(31);
  const layouts = [
    { heads: 1, kvHeads: 1, headDim: 2 },
    { heads: 3, kvHeads: 1, headDim: 6 },
    { heads: 4, kvHeads: 2, headDim: 16 },
    { heads: 6, kvHeads: 3, headDim: 10 },
    { heads: 7, kvHeads: 1, headDim: 64 },
    { heads: 2, kvHeads: 2, headDim: 128 },
  ];
  for (const layout of layouts) {
    const lengths = Array.from({ length: randomInt(random, 1, 4) }, () => randomInt(random, 1, 19));
    const positions = positionsOf(lengths);
    const width = (layout.heads + 2 * layout.kvHeads) * layout.headDim;
    const frequencies = frequenciesFor(layout.headDim);
    const qkv = randomArray(random, positions.length * width);
    const expected = reference(qkv, positions, layout, frequencies);
    const seeds = expected.map(({ length }) => randomArray(random, length));
    const { outputs, gradients } = await runOp(
      runtime,
      [{ data: qkv, shape: [positions.length, width] }],
      (c, [x]) => ropeSplit(c, x!, makeRows(c, lengths), layout, new RotaryTables(frequencies).upTo(c, 20)),
      seeds,
    );
    const what = JSON.stringify(layout);
    outputs.forEach((output, i) => expectClose(`${'qkv'[i]} ${what}`, output, expected[i]!, TOLERANCE));
    // The op is linear: its gradient is exact by differences of any step, and Σ seed·op(x) = Σ gradient·x holds besides.
    if (qkv.length <= 1000) {
      const loss = (x: Float64Array) =>
        reference(x, positions, layout, frequencies).reduce((sum, out, i) => sum + weightedSum(out, seeds[i]!), 0);
      expectClose(`dqkv ${what}`, gradients[0]!, numericGradients(([x]) => loss(x!), [qkv], 1)[0]!, TOLERANCE);
    }
    const inner = expected.reduce((sum, out, i) => sum + weightedSum(out, seeds[i]!), 0);
    expectClose(`Σ ${what}`, [weightedSum(gradients[0]!, qkv)], [inner], { abs: 1e-6 * Math.sqrt(qkv.length) });
  }
});

test('late positions are as exact as early ones', async () => {
  const random = seededRandom(32);
  const layout = { heads: 1, kvHeads: 1, headDim: 4 };
  const length = 4096;
  const frequencies = frequenciesFor(4, 500_000);
  const qkv = randomArray(random, length * 12);
  const { outputs } = await runOp(runtime, [{ data: qkv, shape: [length, 12] }], (c, [x]) =>
    ropeSplit(c, x!, makeRows(c, [length]), layout, new RotaryTables(frequencies).upTo(c, length)),
  );
  const expected = reference(qkv, positionsOf([length]), layout, frequencies);
  outputs.forEach((output, i) => expectClose('qkv'[i]!, output, expected[i]!, TOLERANCE));
});

test('gradients that did not arrive count as zero, and two uses add up', async () => {
  const random = seededRandom(33);
  const layout = { heads: 2, kvHeads: 1, headDim: 6 };
  const lengths = [3, 1, 4];
  const positions = positionsOf(lengths);
  const frequencies = frequenciesFor(6, 50);
  const qkv = randomArray(random, 8 * 24);
  const [outQ, outK, outV] = reference(qkv, positions, layout, frequencies);
  const seeds = [outQ, outK, outV, outQ, outK, outV].map(({ length }) => randomArray(random, length));
  const gradientFor = (used: readonly number[]) =>
    numericGradients(
      ([x]) => {
        const out = reference(x!, positions, layout, frequencies);
        return used.reduce((sum, i) => sum + weightedSum(out[i % 3]!, seeds[i]!), 0);
      },
      [qkv],
      1,
    )[0]!;
  for (const used of [[0], [1], [2], [0, 2], [0, 1, 2, 3, 4, 5], [1, 5]]) {
    const { gradients } = await runOp(
      runtime,
      [{ data: qkv, shape: [8, 24] }],
      (c, [x]) => {
        const rows = makeRows(c, lengths);
        const rope = new RotaryTables(frequencies).upTo(c, 4);
        return [...ropeSplit(c, x!, rows, layout, rope), ...ropeSplit(c, x!, rows, layout, rope)];
      },
      // A hole in the list is an output without a gradient.
      Object.assign(new Array<Float32Array>(6), Object.fromEntries(used.map((i) => [i, seeds[i]!]))),
    );
    expectClose(`dqkv of ${used.join()}`, gradients[0]!, gradientFor(used), { abs: 8 * EPS_F32 });
  }
});

test('rows beyond the table and odd heads are refused in words', () => {
  runtime.scope(() => {
    const layout = { heads: 1, kvHeads: 1, headDim: 4 };
    const rope = new RotaryTables([1, 0.1]).upTo(runtime, 8);
    const rows = makeRows(runtime, [9]);
    expect(() => ropeSplit(runtime, runtime.tensor([9, 12]), rows, layout, rope)).toThrow('9 tokens');
    expect(() => ropeSplit(runtime, runtime.tensor([9, 9]), rows, { ...layout, headDim: 3 }, rope)).toThrow('even');
    expect(() => ropeSplit(runtime, runtime.tensor([9, 16]), rows, layout, rope)).toThrow('shape [9, 12]');
  });
  runtime.recorder.discard();
});
