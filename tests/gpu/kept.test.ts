import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeptRecording } from '../../src/gpu/kept.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** Adds numbers to a sum and reads it: the numbers are an input, the sum stays. */
async function keptSum(count: number): Promise<{ sum: Tensor; kept: KeptRecording; read: Promise<Float32Array> }> {
  const { recorder, pool } = runtime;
  const sum = runtime.zeros([count]);
  await recorder.flush();
  pool.resetPeak();
  const before = recorder.counts;
  let read: Promise<Float32Array> | undefined;
  runtime.scope(() => {
    const addend = runtime.input(numbers(count, 1), [count]);
    runtime.dispatch({
      kernel: 'sums/addInto',
      params: { count },
      bindings: { values: sum.slice, addend: addend.slice },
      groups: [Math.ceil(count / 1024)],
      flops: count,
      bytes: 12 * count,
    });
    read = runtime.read(sum);
  });
  const after = recorder.counts;
  const counts = {
    dispatches: after.dispatches - before.dispatches,
    flops: after.flops - before.flops,
    bytes: after.bytes - before.bytes,
  };
  return { sum, kept: new KeptRecording(recorder.take(), recorder, pool, { counts, use: pool.use }), read: read! };
}

function numbers(count: number, factor: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => factor * (1 + (i % 7)));
}

test('sent again with other numbers, commands compute with those; work and memory are counted each time', async () => {
  const { recorder, pool } = runtime;
  const { sum, kept, read } = await keptSum(300);
  expect(kept.isGood).toBe(true);
  await recorder.flush(kept.first);
  expect(await read).toEqual(numbers(300, 1));
  const { counts } = recorder;
  const { peakTotal } = pool.report();
  pool.resetPeak();
  const found: Float32Array[] = [];
  for (const factor of [10, 100]) {
    const { recording, reads } = kept.again([{ data: new Uint8Array(numbers(300, factor).buffer), isInput: true }]);
    await recorder.flush(recording);
    found.push(new Float32Array(await reads[0]!));
  }
  expect(found).toEqual([numbers(300, 11), numbers(300, 111)]);
  expect(recorder.counts).toEqual({
    dispatches: counts.dispatches + 2,
    flops: counts.flops + 600,
    bytes: counts.bytes + 7200,
  });
  expect(pool.report().peakTotal).toBe(peakTotal);
  sum.release();
});

test('what it reads is refused when it is dropped, and it can be sent again', async () => {
  const { recorder } = runtime;
  const { sum, kept, read } = await keptSum(5);
  recorder.discard(kept.first);
  await expect(read).rejects.toThrow('abandoned');
  const { recording, reads } = kept.again(kept.uploads);
  await recorder.flush(recording);
  expect(new Float32Array(await reads[0]!)).toEqual(numbers(5, 1));
  sum.release();
});

test('it is good while its buffers are as it found them', async () => {
  const { pool } = runtime;
  pool.trim();
  const { sum, kept } = await keptSum(300);
  const other = runtime.tensor([300]);
  expect(kept.isGood).toBe(false);
  other.release();
  expect(kept.isGood).toBe(true);
  pool.trim();
  expect(kept.isGood).toBe(false);

  const second = await keptSum(300);
  second.sum.release();
  expect(second.kept.isGood).toBe(false);
  // The buffer is somebody's, but of another.
  const again = runtime.tensor([300]);
  expect(again.slice.buffer).toBe(second.sum.slice.buffer);
  expect(second.kept.isGood).toBe(false);
  for (const tensor of [sum, again]) tensor.release();
});

test('it is good while its dispatches are cut as their time asks for', async () => {
  const { budget } = runtime.recorder;
  const count = 24 * 1024 - 5;
  const takes = (ms: number) => budget.observeKernel('sums/addInto', 12 * count, ms);
  takes(5);
  const whole = await keptSum(count);
  expect(whole.kept.isGood).toBe(true);
  takes(30);
  expect(whole.kept.isGood).toBe(true);
  takes(50);
  expect(whole.kept.isGood).toBe(false);
  const cut = await keptSum(count);
  expect(cut.kept.first.commands.filter(({ type }) => type === 'dispatch')).toHaveLength(3);
  for (const [ms, isGood] of [
    [50, true],
    [15, true],
    [8, false],
    [110, true],
    [130, false],
  ] as const) {
    takes(ms);
    expect(cut.kept.isGood, `${ms} ms`).toBe(isGood);
  }
  for (const { sum } of [whole, cut]) sum.release();
});
