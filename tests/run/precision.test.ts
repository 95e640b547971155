import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { asItCanRun, whyNoSubgroups } from '../../src/run/arithmetic.ts';
import { deviationOf, measurePrecision, type PrecisionOptions } from '../../src/run/precision/measure.ts';
import {
  bestChoice,
  CHOICES,
  verdictOf,
  type MeasuredChoice,
  type PrecisionReport,
} from '../../src/run/precision/report.ts';
import { plannedRun } from '../../src/run/memory.ts';
import { planMemory } from '../../src/run/memoryPlan.ts';
import { plannedBasesOf, prepareRun } from '../../src/run/openRun.ts';
import { neededKernels } from '../../src/run/kernelsAhead.ts';
import { productsOf } from '../../src/run/tuning/products.ts';
import { classOf, type ProductShape } from '../../src/ops/core/tileChoice.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { SettingError } from '../../src/settings/setting.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const TINY = configure({ chunks: 4, chunkTokens: 32, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16 });

const measure = (changes: Partial<PrecisionOptions> = {}): Promise<PrecisionReport> =>
  measurePrecision({
    gpu: runtime.gpu,
    recipe: { configuration: TINY, text: undefined, title: undefined },
    openBases: () => Promise.reject(new Error('None is needed.')),
    warmUp: 1,
    steps: 2,
    signal: new AbortController().signal,
    ...changes,
  });

describe('measuring', () => {
  test('compares every choice with the usual one, on the same batch', async () => {
    const seen: string[] = [];
    const report = await measure({ onProgress: ({ now }) => seen.push(now) });
    expect(report.leftOut).toEqual([]);
    expect(report.measured.map(({ label }) => label)).toEqual(CHOICES.slice(1).map(({ label }) => label));
    expect(seen).toEqual([...CHOICES.slice(1).map(({ label }) => label), '']);
    for (const { ms, usualMs, steps } of report.measured) {
      expect(Math.min(ms, usualMs)).toBeGreaterThan(0);
      expect(steps).toBe(2);
    }
    const [half, subgroups, both] = report.measured.map(({ deviation }) => deviation);
    expect(subgroups).toEqual({ loss: 0, gradientNorm: 0, gradient: 0, worst: '' });
    // 11 significant bits: a few 1e-4 where nothing cancels.
    expect(half!.loss).toBeGreaterThan(0);
    expect(half!.loss).toBeLessThan(1e-2);
    expect(half!.gradient).toBeGreaterThan(1e-4);
    expect(half!.gradient).toBeLessThan(5e-2);
    expect(half!.worst).toMatch(/^(retriever|languageModel): /);
    expect(both).toEqual(half);
  });

  test('leaves out what the device cannot, and what was stopped', async () => {
    const without = await measure({ gpu: { ...runtime.gpu, subgroupSize: undefined } });
    expect(without.measured.map(({ label }) => label)).toEqual(['16-bit matrix products']);
    expect(without.leftOut).toEqual([
      'Sums within subgroups: This GPU, or the browser, has no subgroups.',
      'Both: This GPU, or the browser, has no subgroups.',
    ]);
    const stop = new AbortController();
    const stopped = await measure({ signal: stop.signal, onProgress: () => stop.abort() });
    expect(stopped.measured).toEqual([]);
    expect(stopped.leftOut.every((why) => why.endsWith('stopped.'))).toBe(true);
    expect(verdictOf(stopped)).toBe('Nothing was measured to its end.');
  });
});

describe('a run of other arithmetic', () => {
  const other = configure({ matmulPrecision: 'f16', reductions: 'subgroups' }, TINY);
  const isProduct = (kernel: string) => /^gemm\/(tiled|cached|direct)/.test(kernel);
  const planned = async (configuration: Configuration) => {
    const prepared = await prepareRun(
      { configuration, text: undefined, title: undefined },
      { openBases: () => Promise.reject(new Error('None is needed.')), signal: new AbortController().signal },
    );
    return plannedRun(configuration, plannedBasesOf(prepared));
  };

  test('has kernels of its own, which are known before it begins; those of similarities stay as they are', async () => {
    const [usual, found] = [
      await neededKernels(await planned(TINY), runtime.gpu),
      await neededKernels(await planned(other), runtime.gpu),
    ];
    expect(usual.some(({ kernel, constants }) => kernel.includes('+') || constants['HALF'] === true)).toBe(false);
    const names = found.map(({ kernel }) => kernel);
    expect(names).toContain('rmsNorm/forward+subgroups');
    expect(names).toContain('rmsNorm/gradient+subgroups');
    expect(names).toContain('linearCrossEntropy/crossEntropyRows+subgroups');
    expect(names).toContain('l2Normalize/forward');
    const products = found.filter(({ kernel }) => isProduct(kernel));
    expect(products.some(({ constants }) => constants['HALF'] === true)).toBe(true);
    expect(products.some(({ constants }) => constants['HALF'] !== true)).toBe(true);
  });

  test('takes as much memory, and has products that are classes of their own', async () => {
    const [usual, found] = [await planMemory(await planned(TINY)), await planMemory(await planned(other))];
    expect(found.atPeak).toEqual(usual.atPeak);
    const gpu = { ...runtime.gpu, hasHalf: true, info: { ...runtime.gpu.info, software: false } };
    const classes = (products: readonly ProductShape[]) => new Set(products.map(classOf));
    const [ofUsual, ofOther] = [
      await productsOf(await planned(TINY), gpu),
      await productsOf(await planned(other), gpu),
    ];
    expect(ofOther.some(({ precision }) => precision === 'f16')).toBe(true);
    const common = [...classes(ofOther.filter(({ precision }) => precision === 'f16'))].filter((one) =>
      classes(ofUsual).has(one),
    );
    expect(common).toEqual([]);
    const kernels = (await neededKernels(await planned(other), gpu)).map(({ kernel }) => kernel);
    // A GPU that can holds the operands in 16 bits.
    expect(kernels.some((kernel) => /^gemm\/tiled\w*\+f16$/.test(kernel))).toBe(true);
  });
});

test('a deviation is of the tensor that is furthest off, those without a direction aside', () => {
  const step = (loss: number, ...gradients: number[][]) => ({
    loss,
    gradientNorm: 5,
    gradients: new Map(gradients.map((values, i) => [`g: ${i}`, Float32Array.from(values)])),
  });
  const usual = step(2, [3, 4], [1e-9, 0], [1, 0]);
  expect(deviationOf(usual, step(2.5, [3, 4], [9, 9], [1, 0.5]))).toEqual({
    loss: 0.25,
    gradientNorm: 0,
    gradient: 0.5,
    worst: 'g: 2',
  });
  expect(deviationOf(usual, step(2, [NaN, 4])).gradient).toBeNaN();
});

test('says whether it pays', () => {
  const choice = (matmulPrecision: 'f32' | 'f16', ms: number): MeasuredChoice => ({
    matmulPrecision,
    reductions: 'subgroups',
    label: matmulPrecision,
    ms,
    usualMs: 10,
    steps: 5,
    deviation: { loss: 0.0002, gradientNorm: 0.001, gradient: 0.0123, worst: 'a' },
  });
  const report = (...measured: MeasuredChoice[]): PrecisionReport => ({
    device: 'GPU',
    software: false,
    holdsHalf: true,
    measured,
    leftOut: [],
  });
  expect(bestChoice(report(choice('f16', 9.8)))).toBeUndefined();
  expect(verdictOf(report(choice('f16', 9.8)))).toContain('None of it pays here');
  expect(verdictOf(report(choice('f32', 8)))).toBe(
    'It pays here: “f32” takes 20 % less time a step. Results stay the same to the bit.',
  );
  expect(verdictOf(report(choice('f32', 8), choice('f16', 7)))).toBe(
    'It pays here: “f16” takes 30 % less time a step. On one step the loss moves by 0.02 % of itself, and the gradient that is furthest off by 1 %.',
  );
});

describe('a device without subgroups', () => {
  const asked = configure({ reductions: 'subgroups' });

  test('refuses a new run that asks for them, and says what to change', async () => {
    expect(await asItCanRun(runtime, asked)).toBe(asked);
    expect(await whyNoSubgroups(runtime)).toBeUndefined();
    const without = { ...runtime.gpu, subgroupSize: undefined };
    const refused = asItCanRun(Object.create(runtime, { gpu: { value: without } }) as Runtime, asked);
    await expect(refused).rejects.toThrow(SettingError);
    await expect(refused).rejects.toMatchObject({
      setting: 'reductions',
      message:
        'This GPU, or the browser, has no subgroups. Set “Sum rows through” (reductions) to workgroup memory: results are the same to the bit.',
    });
  });

  test('goes on with a run that was saved where there were some', async () => {
    const without = Object.create(runtime, { gpu: { value: { ...runtime.gpu, subgroupSize: undefined } } }) as Runtime;
    const heard: string[] = [];
    const onWithout = (why: string) => void heard.push(why);
    expect(await asItCanRun(without, asked, { goesOn: true, onWithout })).toEqual({ ...asked, reductions: 'memory' });
    expect(heard).toEqual([
      'This GPU, or the browser, has no subgroups. The run goes on through workgroup memory: its numbers are the same to the bit.',
    ]);
    const usual = configure({});
    expect(await asItCanRun(without, usual)).toBe(usual);
  });
});
