import { afterAll, beforeAll, expect, test } from 'vitest';
import { GPU_TILES } from '../../src/ops/core/gemmTiles.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { classOf, TileChoice, type MeasuredProduct } from '../../src/ops/core/tileChoice.ts';
import { measureDevice, WORST_DEVIATION } from '../../src/run/deviceBench/measure.ts';
import { deviationFrom } from '../../src/run/deviceBench/numbers.ts';
import type { DeviceProgress } from '../../src/run/deviceBench/report.ts';
import type { ModelShape } from '../../src/run/deviceBench/shapes.ts';
import { worksOf } from '../../src/run/deviceBench/works.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** Ragged in everything that may be. */
const TINY: ModelShape = {
  name: 'tiny',
  lengths: [5, 1, 9],
  hidden: 18,
  heads: 4,
  kvHeads: 2,
  headDim: 6,
  mlp: 21,
  vocabulary: 35,
  dtype: 'bf16',
  trained: 1,
};
const NEVER = new AbortController().signal;
const SETUP = { host: 'a test', date: new Date('2026-03-04T05:06:07Z'), signal: NEVER, shapes: [TINY] };

test(
  'every work gives what f64 gives, and numbers that are another would be noticed',
  { timeout: 400_000 },
  async () => {
    const works = worksOf(TINY);
    expect(works.filter(({ kind }) => kind === 'product').length).toBeGreaterThanOrEqual(9);
    expect(works.filter(({ kind }) => kind === 'attention')).toHaveLength(4);
    for (const { make, what } of works) {
      runtime.beginScope();
      const { result, samples, record } = make(runtime);
      const found = await runtime.compute(result);
      expect(deviationFrom(samples(), found), what).toBeLessThan(1e-6);
      // One number that is off at a place that is looked at.
      const [{ at = 0 } = {}] = samples().toSorted((a, b) => Math.abs(b.expected) - Math.abs(a.expected));
      found[at] = 1.01 * (found[at] ?? 0);
      expect(deviationFrom(samples(), found), what).toBeGreaterThan(WORST_DEVIATION);
      const before = runtime.pool.report().liveBuffers;
      record();
      await runtime.recorder.flush();
      expect(runtime.pool.report().liveBuffers, what).toBe(before);
      runtime.endScope();
    }
  },
);

test('a result that is no number is noticed', () => {
  const samples = [
    { at: 0, expected: 1 },
    { at: 1, expected: 2 },
  ];
  expect(deviationFrom(samples, [1, 2])).toBe(0);
  expect(deviationFrom(samples, [1, 2.5])).toBe(0.25);
  expect(deviationFrom(samples, [1, NaN]) <= WORST_DEVIATION).toBe(false);
  expect(deviationFrom(samples, [1]) <= WORST_DEVIATION).toBe(false);
});

test('a report holds what was measured, in numbers that belong together', async () => {
  const told: DeviceProgress[] = [];
  const report = await measureDevice({ ...SETUP, gpu: runtime.gpu, onProgress: (progress) => told.push(progress) });
  expect(report).toMatchObject({ version: 1, date: '2026-03-04', host: 'a test', leftOut: [] });
  expect(report.adapter).toEqual(runtime.gpu.info);
  expect(report.works.map(({ what }) => what)).toEqual(worksOf(TINY).map(({ what }) => what));
  for (const { ms, gflops, gbytes, share } of report.works) {
    expect(ms).toBeGreaterThan(0);
    expect(share).toBeCloseTo(Math.max(gflops / report.peak.gflops, gbytes / report.peak.gbytes), 9);
  }
  // 2 · M · N · K operations of the first product.
  const [first] = report.works;
  expect((first?.gflops ?? NaN) * (first?.ms ?? NaN) * 1e6).toBeCloseTo(2 * 15 * 48 * 18, 3);
  const [{ ms, range, steps, tokens } = { ms: NaN, range: [NaN, NaN], steps: 0, tokens: 0 }] = report.steps;
  expect(ms).toBeGreaterThanOrEqual(range[0]);
  expect(ms).toBeLessThanOrEqual(range[1]);
  expect([steps > 0, tokens > 0]).toEqual([true, true]);
  expect(told.map(({ done }) => done)).toEqual(told.map((_, i) => i));
  expect(told.at(-1)).toEqual({ done: report.works.length + 2, total: report.works.length + 2, now: '' });
});

test('stopped, and out of time, it hands back what there is and says what is missing', async () => {
  const control = new AbortController();
  const works = worksOf(TINY);
  const stopped = await measureDevice({
    ...SETUP,
    gpu: runtime.gpu,
    signal: control.signal,
    onProgress: ({ done }) => void (done === 3 && control.abort()),
  });
  expect(stopped.works.map(({ what }) => what)).toEqual(works.slice(0, 2).map(({ what }) => what));
  expect(stopped.steps).toEqual([]);
  expect(stopped.leftOut).toHaveLength(works.length - 2 + 1);
  expect(stopped.leftOut[0]).toBe(`tiny: ${works[2]?.what}: stopped.`);

  const late = await measureDevice({ ...SETUP, gpu: runtime.gpu, mostMs: 0 });
  expect(late.works).toEqual([]);
  expect(late.leftOut).toEqual(works.map(({ what }) => `tiny: ${what}: no time was left.`));
  expect(late.steps).toHaveLength(1);
});

test('tiles are measured first where there are some to choose from, each class of products once', async () => {
  const of = TileChoice.of.bind(TileChoice);
  // As on a GPU.
  TileChoice.of = () => new TileChoice(GPU_TILES);
  try {
    const control = new AbortController();
    const told: string[] = [];
    const { tiles, works, leftOut } = await measureDevice({
      ...SETUP,
      gpu: runtime.gpu,
      signal: control.signal,
      onProgress: ({ done, now }) => (told.push(now), done === 2 && control.abort()),
    });
    expect(told.slice(0, 2)).toEqual(['what this device does at most', 'which tiles are fastest']);
    expect(tiles?.kernels).toMatch(/^[0-9a-f]{16}$/);
    const classes = tiles?.measured.map((product) => classOf(product as MeasuredProduct)) ?? [];
    expect(classes.length).toBeGreaterThan(2);
    expect(new Set(classes).size).toBe(classes.length);
    expect(works.length + leftOut.length).toBe(worksOf(TINY).length + 1);
  } finally {
    TileChoice.of = of;
  }
});
