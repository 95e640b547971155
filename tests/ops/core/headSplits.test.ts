import { afterAll, beforeAll, expect, test } from 'vitest';
import { headSplits, keyValueGradients } from '../../../src/ops/core/headSplits.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import type { Tensor } from '../../../src/ops/core/tensor.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../../harness/numerics.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const SHAPE = [37, 10];
const COUNT = 370;

interface Found {
  readonly key: Float32Array | undefined;
  readonly value: Float32Array | undefined;
}

/** What arrives at keys and values, twice over, when a kernel writes these numbers; the second time it finds gradients there. */
async function gradients(
  splits: number,
  written: readonly [Float32Array, Float32Array],
  { wanted = [true, true], same = false }: { wanted?: readonly [boolean, boolean]; same?: boolean } = {},
): Promise<Found> {
  const tape = new Tape(runtime);
  const pending: (Promise<Float32Array> | undefined)[] = [];
  const parts: Tensor[] = [];
  runtime.scope(() => {
    const k = runtime.zeros(SHAPE);
    const v = same ? k : runtime.zeros(SHAPE);
    [k.requiresGrad, v.requiresGrad] = wanted;
    for (let time = 0; time < 2; time++)
      keyValueGradients(runtime, tape, { k, v, splits }, (key, value) => {
        // A kernel cannot write to one buffer by two names.
        expect(key.tensor.slice.buffer === value.tensor.slice.buffer).toBe(false);
        [key, value].forEach(({ tensor, accumulate }, i) => {
          // A kernel adds where it is told to; doubling stands for that here.
          const numbers = accumulate ? written[i]!.map((number) => 2 * number) : written[i]!;
          expect(tensor.size).toBe(numbers.length);
          runtime.recorder.upload(tensor.slice, numbers);
          parts.push(tensor);
        });
      });
    for (const tensor of [k, v]) {
      const gradient = tape.gradientOf(tensor);
      pending.push(gradient && runtime.read(gradient));
    }
  });
  await runtime.recorder.flush();
  tape.dispose();
  return { key: await pending[0], value: await pending[1] };
}

/** Σ over the splits, twice. */
function twice(written: Float32Array, splits: number): number[] {
  return Array.from(
    { length: COUNT },
    (_, i) => 2 * Array.from({ length: splits }, (_, split) => written[split * COUNT + i]!).reduce((a, b) => a + b),
  );
}

test.each([1, 3])(
  'gradients of keys and of values are the sums of %i splits, over or onto what is there',
  async (splits) => {
    const random = seededRandom(61);
    const written = [randomArray(random, splits * COUNT), randomArray(random, splits * COUNT)] as const;
    const abs = 8 * EPS_F32 * splits;
    const both = await gradients(splits, written);
    expectClose('keys', both.key!, twice(written[0], splits), { abs });
    expectClose('values', both.value!, twice(written[1], splits), { abs });
    const keys = await gradients(splits, written, { wanted: [true, false] });
    expectClose('keys alone', keys.key!, twice(written[0], splits), { abs });
    expect(keys.value).toBeUndefined();
    const values = await gradients(splits, written, { wanted: [false, true] });
    expect(values.key).toBeUndefined();
    expectClose('values alone', values.value!, twice(written[1], splits), { abs });
    const [ofKeys, ofValues] = written.map((numbers) => twice(numbers, splits));
    const one = await gradients(splits, written, { same: true });
    expectClose(
      'one tensor',
      one.key!,
      ofKeys!.map((number, i) => number + ofValues![i]!),
      { abs: 2 * abs },
    );
  },
);

test('query heads are shared out among as many workgroups as keep the device busy, no more than there are, and not for a launch’s time', () => {
  const enough = 8;
  expect(runtime.gpu.info.software).toBe(true);
  const splits = (on: Runtime, groupHeads: number, workgroups: number, multiplyAdds = 0) =>
    headSplits(on, { groupHeads, workgroups, multiplyAdds });
  expect(splits(runtime, 7, 1)).toBe(7);
  expect(splits(runtime, 7, 3)).toBe(Math.ceil(enough / 3));
  expect(splits(runtime, 7, 100)).toBe(1);
  const gpu = { gpu: { info: { software: false } } } as Runtime;
  // In-batch attention of Qwen2.5-0.5B on 16 chunks of 160 tokens: 5 tiles, 2 KV heads, 4 products.
  expect(splits(gpu, 7, 5 * 2 * 16, 4 * 16 * 15 * 160 * 160 * 14 * 64)).toBe(4);
  // Causal attention of a small model: 4 heads of 32, eight rows of 60 tokens.
  expect(splits(gpu, 2, 4 * 2 * 8, 4 * 8 * 60 * 30 * 4 * 32)).toBe(1);
});
