import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { BudgetEstimator } from '../../src/gpu/budget.ts';
import { sharedOut } from '../../src/gpu/timer.ts';
import { Lab } from '../../src/lab/lab.ts';
import type { LabEvent } from '../../src/lab/door/protocol.ts';
import { KERNELS } from '../harness/shaders.ts';
import { STOPPED } from '../../src/lab/door/labError.ts';
import type { KernelsView } from '../../src/lab/door/views.ts';
import { failureOf } from '../harness/labFailure.ts';
import { TINY_RUN } from '../harness/tinyRun.ts';

let events: LabEvent[] = [];
let lab: Lab;
beforeAll(() => {
  lab = new Lab(nodeGpu(), (event) => events.push(event));
});
afterAll(() => lab.close());

async function threeSteps(watched: readonly number[]) {
  events = [];
  const kernels: KernelsView[] = [];
  await lab.ask({ type: 'configure', configuration: TINY_RUN });
  for (let step = 1; step <= 3; step++) {
    const watching = watched.includes(step) ? lab.ask({ type: 'profileStep' }) : undefined;
    await lab.ask({ type: 'step' });
    if (watching) kernels.push(await watching);
  }
  const records = events.filter((event) => event.type === 'step').map(({ record }) => record);
  return { records, kernels };
}

test('watching a step changes no bit of it, nor of the steps after it', async () => {
  const plain = await threeSteps([]);
  const watched = await threeSteps([1, 2]);
  expect(plain.kernels).toEqual([]);
  expect(watched.kernels.map(({ step }) => step)).toEqual([1, 2]);
  expect(watched.records).toHaveLength(3);
  watched.records.forEach((record, i) => {
    const before = plain.records[i]!;
    for (const key of ['ntpLoss', 'isolatedLoss', 'gradientNorm'] as const)
      expect(record.metrics[key]).toBe(before.metrics[key]);
    expect(record.similarity).toEqual(before.similarity);
    expect(record.attention).toEqual(before.attention);
    expect(record.tokenLoss).toEqual(before.tokenLoss);
  });
});

test('every kernel of a step is listed once, longest first, with its work', async () => {
  const { kernels } = await threeSteps([2]);
  const [view] = kernels;
  const names = view!.rows.map(({ kernel }) => kernel);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining(['batchAttention/forward', 'adamw/step', 'linearCrossEntropy/crossEntropyRows']),
  );
  // Adapters that are processors get a variant of their own.
  expect(names.some((name) => /^inBatchAttention\/forward\.(tiled|direct)$/.test(name))).toBe(true);
  expect(names.every((name) => KERNELS.includes(name))).toBe(true);
  for (const { calls, ms, bytes, flops } of view!.rows) {
    expect(calls).toBeGreaterThan(0);
    expect(ms).toBeGreaterThanOrEqual(0);
    expect(bytes).toBeGreaterThan(0);
    expect(flops).toBeGreaterThanOrEqual(0);
  }
  expect(view!.rows.map(({ ms }) => ms)).toEqual([...view!.rows.map(({ ms }) => ms)].sort((a, b) => b - a));
  expect(view!.gpuMs).toBeGreaterThan(0);
});

test('without timestamps the time of the step is shared out by the work expected', () => {
  const dispatch = (kernel: string, flops: number) => ({ kernel, flops, bytes: 1, work: flops });
  const rows = sharedOut([dispatch('a', 1e6), dispatch('b', 3e8), dispatch('a', 1e6)], new BudgetEstimator(), 40);
  expect(rows.map(({ kernel, calls }) => [kernel, calls])).toEqual([
    ['b', 1],
    ['a', 2],
  ]);
  expect(rows.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(40, 9);
  expect(rows[1]?.flops).toBe(2e6);
});

test('the source of a kernel comes whole, with its helpers in place; an unknown name is refused', async () => {
  const { code } = await lab.ask({ type: 'kernelSource', name: 'inBatchAttention/forward.tiled' });
  expect(code).toMatch(/^\/\/ Similarity-weighted in-batch attention/);
  expect(code).not.toMatch(/^\/\/!include/m);
  expect((await failureOf(lab.ask({ type: 'kernelSource', name: 'nothing' })))?.message).toMatch(/nothing/);
  await lab.ask({ type: 'step' });
  expect(events.filter(({ type }) => type === 'lost')).toEqual([]);
});

test('who waits for a step to be watched may stop waiting, and the next step is like any other', async () => {
  await lab.ask({ type: 'configure', configuration: TINY_RUN });
  const control = new AbortController();
  const watching = lab.ask({ type: 'profileStep' }, { signal: control.signal });
  control.abort();
  expect(await failureOf(watching)).toEqual(STOPPED);
  await lab.ask({ type: 'step' });
});

test('who waits for a step to be watched hears what became of it', async () => {
  const without = new Lab(undefined, () => undefined);
  const watching = without.ask({ type: 'profileStep' });
  const closed = failureOf(watching);
  await without.close();
  expect(await closed).toEqual(STOPPED);
});
