import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { poolRows, POOLINGS } from '../../src/ops/pooling.ts';
import { makeRows, type RowSpan } from '../../src/ops/core/rows.ts';
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

test('each pooling agrees with f64 loops, forward, and backward by differences', async () => {
  const random = seededRandom(51);
  for (const pooling of POOLINGS) {
    for (const columns of [1, 2, 3, 4, 5, 12, 37, 54, 64, 131]) {
      const longest = columns > 16 ? 4 : 35;
      const lengths = Array.from({ length: randomInt(random, 1, 3) }, () => randomInt(random, 1, longest));
      const tokens = lengths.reduce((sum, length) => sum + length, 0);
      const content = lengths.map((length): RowSpan => {
        const first = randomInt(random, 0, length - 1);
        return [first, randomInt(random, first + 1, length)];
      });
      const hidden = randomArray(random, tokens * columns);
      // Two uses of the same tensor, so that the second adds to the first's gradient.
      const seeds = [0, 1].map(() => randomArray(random, lengths.length * columns));
      const { outputs, gradients } = await runOp(
        runtime,
        [{ data: hidden, shape: [tokens, columns] }],
        (c, [x]) => {
          const rows = makeRows(c, lengths, content);
          return [poolRows(c, x!, rows, pooling), poolRows(c, x!, rows, pooling)];
        },
        seeds,
      );
      const expected = reference(hidden, lengths, columns, pooling, content);
      const what = `${pooling} ${lengths.join()} (${content.join(' ')}) × ${columns}`;
      for (const output of outputs) expectClose(what, output, expected, { abs: 4 * EPS_F32 });
      const both = seeds[0]!.map((value, i) => value + seeds[1]![i]!);
      // Linear, so a step of 1 loses nothing.
      const loss = ([x]: Float64Array[]) => weightedSum(reference(x!, lengths, columns, pooling, content), both);
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
    return (['eos', 'mean', 'first'] as const).map((pooling) => poolRows(c, x!, rows, pooling));
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

test('content is read from where it was said to stand, a single token exactly, and from nowhere else', async () => {
  const random = seededRandom(53);
  const [columns, lengths] = [19, [40, 3, 1]];
  const content: RowSpan[] = [
    [3, 39],
    [2, 3],
    [0, 1],
  ];
  const hidden = randomArray(random, 44 * columns);
  const { outputs } = await runOp(runtime, [{ data: hidden, shape: [44, columns] }], (c, [x]) => [
    poolRows(c, x!, makeRows(c, lengths, content), 'content'),
  ]);
  const [pooled] = outputs;
  expectClose('content', pooled!, reference(hidden, lengths, columns, 'content', content), { abs: 4 * EPS_F32 });
  expect([...pooled!.slice(columns)]).toEqual([...hidden.slice(42 * columns, 44 * columns)]);
  runtime.scope(() => {
    const x = runtime.tensor([44, columns]);
    expect(() => poolRows(runtime, x, makeRows(runtime, lengths), 'content')).toThrow('was not said');
    for (const span of [
      [0, 0],
      [2, 4],
      [-1, 2],
    ] as const)
      expect(() => makeRows(runtime, [3], [span])).toThrow('no part of a row of 3');
    expect(() => makeRows(runtime, [3, 4], [[0, 2]])).toThrow('1 spans do not fit 2 rows');
  });
  runtime.recorder.discard();
});
