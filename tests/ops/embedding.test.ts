import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { embedding, makeTokenIndex } from '../../src/ops/embedding.ts';
import { Tape } from '../../src/ops/core/tape.ts';
import { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime, runOp } from '../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, randomInt, seededRandom } from '../harness/numerics.ts';
import { rounded, weightTensor } from '../harness/weights.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** Σ of the gradient rows of each id's tokens, f64. */
function scatterAdd(ids: readonly number[], gradient: Float32Array, vocabulary: number, columns: number): Float64Array {
  const sum = new Float64Array(vocabulary * columns);
  ids.forEach((id, t) => {
    for (let c = 0; c < columns; c++) sum[id * columns + c]! += gradient[t * columns + c]!;
  });
  return sum;
}

test('embedding copies rows of a table in one or several shards, and sums gradients by token id', async () => {
  const random = seededRandom(11);
  const cases = [
    { tokens: 1, columns: 4, shards: [1] },
    { tokens: 2, columns: 8, shards: [3] },
    { tokens: 67, columns: 12, shards: [2, 1, 5] },
    { tokens: 301, columns: 36, shards: [7, 13] },
    { tokens: 129, columns: 516, shards: [40, 1, 40] },
    { tokens: 5, columns: 260, shards: [100, 100] },
    { tokens: 9, columns: 1, shards: [3, 2] },
    { tokens: 14, columns: 2, shards: [5] },
    { tokens: 300, columns: 3, shards: [7, 1] },
    { tokens: 23, columns: 5, shards: [3, 3] },
    { tokens: 41, columns: 37, shards: [9, 5] },
    { tokens: 30, columns: 54, shards: [11] },
    { tokens: 6, columns: 515, shards: [2, 3] },
  ];
  for (const { tokens, columns, shards } of cases) {
    const vocabulary = shards.reduce((sum, rows) => sum + rows, 0);
    const ids = Array.from({ length: tokens }, () => randomInt(random, 0, vocabulary - 1));
    const tables = shards.map((rows) => randomArray(random, rows * columns));
    const seed = randomArray(random, tokens * columns);
    const { outputs, gradients } = await runOp(
      runtime,
      tables.map((data, s) => ({ data, shape: [shards[s]!, columns] })),
      (c, weights) => [
        embedding(
          c,
          weights.map((weight) => ({ weight })),
          makeTokenIndex(c, ids, shards),
        ),
      ],
      [seed],
    );
    const whole = tables.flatMap((table) => [...table]);
    expect([...outputs[0]!]).toEqual(ids.flatMap((id) => whole.slice(id * columns, (id + 1) * columns)));
    // At most `tokens` addends below 1 in a sum.
    expectClose(
      `gradient ${tokens}×${columns}`,
      gradients.flatMap((gradient) => [...gradient]),
      scatterAdd(ids, seed, vocabulary, columns),
      { abs: 4 * tokens * EPS_F32 },
    );
  }
});

test('16-bit tables are widened exactly', async () => {
  const random = seededRandom(12);
  const rows = 9;
  const ids = Uint32Array.from([8, 0, 3, 3, 7, 1]);
  const asF16 = (bits: number) =>
    (bits & 0x8000 ? -1 : 1) * 2 ** (((bits >> 10) & 31) - 15) * (1 + (bits & 1023) / 1024);
  const word = new Uint32Array(1);
  const asBf16 = (bits: number) => {
    word[0] = bits * 65536;
    return new Float32Array(word.buffer)[0]!;
  };
  // Of odd width, every other row begins in the middle of a word; and so ends the whole table.
  for (const columns of [1, 2, 3, 5, 20, 37, 54]) {
    // Random bit patterns with moderate exponents, so normal numbers only.
    const bits16 = Uint16Array.from(
      { length: rows * columns },
      () => randomInt(random, 0x0400, 0x7bff) | (random() < 0.5 ? 0x8000 : 0),
    );
    for (const [dtype, decode] of [
      ['bf16', asBf16],
      ['f16', asF16],
    ] as const) {
      const { outputs } = await runOp(runtime, [], (c) => {
        const weight = c.tensor([rows, columns], dtype, 'weights');
        c.recorder.upload(weight.slice, bits16);
        return [embedding(c, [{ weight }], makeTokenIndex(c, ids, [rows]))];
      });
      const expected = [...ids].flatMap((id) => [...bits16.slice(id * columns, (id + 1) * columns)].map(decode));
      expect([...outputs[0]!]).toEqual(expected);
    }
  }
});

test('i8 tables are scaled group by group, exactly, in one or several shards', async () => {
  const random = seededRandom(14);
  for (const columns of [1, 3, 31, 32, 33, 64, 100]) {
    const shards = [4, 5, 1];
    const tables = shards.map((rows) => randomArray(random, rows * columns, 3));
    const ids = Uint32Array.from([9, 0, 3, 3, 7, 4, 8]);
    const { outputs } = await runOp(runtime, [], (c) => {
      const table = tables.map((values, s) => ({ weight: weightTensor(c, values, [shards[s]!, columns], 'i8') }));
      return [embedding(c, table, makeTokenIndex(c, ids, shards))];
    });
    const whole = tables.flatMap((table) => [...rounded(table, 'i8', columns)]);
    // Zeros of both signs are one number, but not to toEqual.
    const numbers = (values: Iterable<number>) => Array.from(values, (value) => value + 0);
    expect(numbers(outputs[0]!)).toEqual(
      numbers([...ids].flatMap((id) => whole.slice(id * columns, (id + 1) * columns))),
    );
  }
});

test('a gradient slot in an arena keeps what earlier batches added, rows of absent ids and neighbours included', async () => {
  const random = seededRandom(13);
  const [rows, columns] = [7, 7];
  const before = randomArray(random, 64 + rows * columns + 30);
  const batches = [
    [1, 4, 1],
    [5, 1],
  ];
  const seeds = batches.map((ids) => randomArray(random, ids.length * columns));
  let pending: Promise<Float32Array> | undefined;
  runtime.scope(() => {
    const weight = runtime.fromArray(randomArray(random, rows * columns), [rows, columns]);
    weight.requiresGrad = true;
    const arena = runtime.fromArray(before, [before.length]);
    weight.gradient = Tensor.over({ buffer: arena.slice.buffer, offset: 256, size: 4 * rows * columns }, [
      rows,
      columns,
    ]);
    batches.forEach((ids, b) => {
      const tape = new Tape(runtime);
      runtime.tape = tape;
      const out = embedding(runtime, [{ weight }], makeTokenIndex(runtime, ids, [rows]));
      runtime.tape = undefined;
      tape.backward([{ tensor: out, gradient: runtime.fromArray(seeds[b]!, out.shape) }]);
      tape.dispose();
    });
    pending = runtime.read(arena);
  });
  await runtime.recorder.flush();
  const expected = Float64Array.from(before);
  batches.forEach((ids, b) =>
    scatterAdd(ids, seeds[b]!, rows, columns).forEach((value, i) => (expected[64 + i]! += value)),
  );
  const after = await pending!;
  expectClose('arena', after, expected, { abs: 8 * EPS_F32 });
  const around = (values: Float32Array) => [...values.slice(0, 64), ...values.slice(64 + rows * columns)];
  expect(around(after)).toEqual(around(before));
  expect(runtime.pool.report().liveBuffers).toBe(0);
});

test('ids beyond the vocabulary, empty batches and foreign shards are refused in words', () => {
  expect(() => makeTokenIndex(runtime, [1, 7, 2], [4, 3])).toThrow(
    'Token 1 has id 7, but the embedding table has rows 0 to 6.',
  );
  expect(() => makeTokenIndex(runtime, [-1], [4])).toThrow('Token 0 has id -1');
  expect(() => makeTokenIndex(runtime, [], [4])).toThrow('without tokens');
  runtime.scope(() => {
    const index = makeTokenIndex(runtime, [1], [4]);
    expect(() => embedding(runtime, [{ weight: runtime.tensor([5, 8]) }], index)).toThrow('should have shape [4, 8]');
    expect(() => embedding(runtime, [], index)).toThrow();
  });
  runtime.recorder.discard();
});
