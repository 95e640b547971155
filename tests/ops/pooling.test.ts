import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { poolRows } from '../../src/ops/pooling.ts';
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
import { poolRows as reference } from '../reference/pooling.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const POOLINGS = ['eos', 'mean', 'first'] as const;

test('each pooling agrees with f64 loops, forward, and backward by differences', async () => {
  const random = seededRandom(51);
  for (const pooling of POOLINGS) {
    for (const columns of [1, 2, 3, 4, 5, 12, 37, 54, 64, 131]) {
      const longest = columns > 16 ? 4 : 35;
      const lengths = Array.from({ length: randomInt(random, 1, 3) }, () => randomInt(random, 1, longest));
      const tokens = lengths.reduce((sum, length) => sum + length, 0);
      const hidden = randomArray(random, tokens * columns);
      // Two uses of the same tensor, so that the second adds to the first's gradient.
      const seeds = [0, 1].map(() => randomArray(random, lengths.length * columns));
      const { outputs, gradients } = await runOp(
        runtime,
        [{ data: hidden, shape: [tokens, columns] }],
        (c, [x]) => {
          const rows = makeRows(c, lengths);
          return [poolRows(c, x!, rows, pooling), poolRows(c, x!, rows, pooling)];
        },
        seeds,
      );
      const expected = reference(hidden, lengths, columns, pooling);
      const what = `${pooling} ${lengths.join()} × ${columns}`;
      for (const output of outputs) expectClose(what, output, expected, { abs: 4 * EPS_F32 });
      const both = seeds[0]!.map((value, i) => value + seeds[1]![i]!);
      // Linear, so a step of 1 loses nothing.
      const loss = ([x]: Float64Array[]) => weightedSum(reference(x!, lengths, columns, pooling), both);
      expectClose(`gradient ${what}`, gradients[0]!, numericGradients(loss, [hidden], 1)[0]!, { abs: 4 * EPS_F32 });
    }
  }
});

test('eos and first copy exactly, also from a long row', async () => {
  const random = seededRandom(52);
  const [columns, lengths] = [37, [500, 1, 37]];
  const hidden = randomArray(random, 538 * columns);
  const { outputs } = await runOp(runtime, [{ data: hidden, shape: [538, columns] }], (c, [x]) => {
    const rows = makeRows(c, lengths);
    return POOLINGS.map((pooling) => poolRows(c, x!, rows, pooling));
  });
  expect([...outputs[0]!]).toEqual([...reference(hidden, lengths, columns, 'eos')]);
  expectClose('mean', outputs[1]!, reference(hidden, lengths, columns, 'mean'), { abs: 4 * EPS_F32 });
  expect([...outputs[2]!]).toEqual([...reference(hidden, lengths, columns, 'first')]);
});

test('hidden states of other rows are refused in words', () => {
  runtime.scope(() => {
    const rows = makeRows(runtime, [2, 3]);
    expect(() => poolRows(runtime, runtime.tensor([6, 8]), rows, 'eos')).toThrow('should have shape [5, 8]');
  });
  runtime.recorder.discard();
});
