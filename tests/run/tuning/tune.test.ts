import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GPU_TILES } from '../../../src/ops/core/gemmTiles.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { classOf, TileChoice, type MeasuredProduct, type ProductShape } from '../../../src/ops/core/tileChoice.ts';
import { CorpusFeed } from '../../../src/run/feed.ts';
import { plannedRun } from '../../../src/run/memory.ts';
import { openRun, plannedBasesOf, prepareRun } from '../../../src/run/openRun.ts';
import { partOf, productsOf } from '../../../src/run/tuning/products.ts';
import { compileTiles, tune, unmeasured } from '../../../src/run/tuning/tune.ts';
import { configure } from '../../../src/settings/configuration.ts';
import { openTestRuntime } from '../../harness/runtime.ts';

const NEVER = new AbortController().signal;
const SMALL = { chunks: 4, layers: 1, width: 32, heads: 2, kvHeads: 1, mlpWidth: 48, heldOutBatches: 1 };
const PRODUCTS: readonly ProductShape[] = [
  { layout: 'NT', m: 40, n: 64, k: 96, dtype: 'bf16' },
  { layout: 'NN', m: 40, n: 96, k: 64, dtype: 'f32' },
];

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());
beforeEach(() => {
  // As on a GPU: a software GPU has one tile.
  runtime.tiles = new TileChoice(GPU_TILES);
  runtime.tiles.workgroups = 8;
});

const prepared = (changes: Record<string, unknown> = {}) =>
  prepareRun(
    { configuration: configure({ ...SMALL, ...changes }), text: undefined, title: undefined },
    { openBases: () => Promise.reject(new Error('No checkpoint is named.')), signal: NEVER },
  );

describe('the products of a run', () => {
  test('come by their classes, those that do most first, and are the ones of its steps', async () => {
    const run = await prepared();
    const { configuration } = run.recipe;
    const feed = new CorpusFeed(run.corpus, configuration);
    const products = await productsOf(plannedRun(configuration, plannedBasesOf(run)), runtime.gpu, feed);
    expect(products.length).toBeGreaterThan(4);
    expect(new Set(products.map(classOf)).size).toBe(products.length);
    const shares = products.map(({ share }) => share);
    expect(shares).toEqual([...shares].sort((a, b) => b - a));
    const sum = shares.reduce((total, share) => total + share, 0);
    expect(sum).toBeGreaterThan(0.95);
    expect(sum).toBeLessThanOrEqual(1 + 1e-9);
    const open = await openRun(runtime, run, {});
    const asked = new Set<number>();
    runtime.tiles.onProduct = (product) => void asked.add(classOf(product));
    await open.experiment.trainer.step();
    open.experiment.destroy();
    const known = products.filter((product) => asked.has(classOf(product)));
    // Rows of the batches to come may be longer or shorter.
    expect(known.reduce((total, { share }) => total + share, 0)).toBeGreaterThan(0.8);
  });
});

describe('measuring tiles', () => {
  test('takes one of them for each product, leaves the runtime as it was, and nothing on the GPU', async () => {
    await compileTiles(runtime, PRODUCTS, NEVER);
    const { live, total } = runtime.pool.report();
    const { found, left } = await tune(runtime, PRODUCTS, { mostMs: Infinity, signal: NEVER });
    expect(left).toBe(0);
    expect(found.map(classOf)).toEqual(PRODUCTS.map(classOf));
    for (const { tile, byRule, times } of found) {
      expect(Object.keys(times)).toEqual(GPU_TILES.tiles.map(({ name }) => name));
      expect(Math.min(...Object.values(times))).toBeGreaterThan(0);
      if (tile !== byRule) expect(times[tile]).toBeLessThanOrEqual(0.9 * times[byRule]!);
    }
    expect(runtime.tiles.measured).toEqual([]);
    expect(runtime.pool.report()).toMatchObject({ live, total });
    // What is known need not be measured again; if it is, that counts.
    expect(unmeasured(runtime, PRODUCTS)).toEqual(PRODUCTS);
    runtime.tiles.learn(found);
    expect(runtime.tiles.measured).toEqual(found);
    expect(unmeasured(runtime, PRODUCTS)).toEqual([]);
    const [first, second] = found;
    const other = { ...first!, tile: 'small' } as const;
    runtime.tiles.learn([other]);
    expect(runtime.tiles.measured).toEqual([second, other]);
  });

  test('compiles nothing that was compiled for it ahead', async () => {
    await compileTiles(runtime, PRODUCTS, NEVER);
    const { device } = runtime.gpu;
    const compile = device.createComputePipelineAsync.bind(device);
    let compiled = 0;
    device.createComputePipelineAsync = (descriptor) => {
      compiled++;
      return compile(descriptor);
    };
    try {
      await tune(runtime, PRODUCTS, { mostMs: Infinity, signal: NEVER });
    } finally {
      device.createComputePipelineAsync = compile;
    }
    expect(compiled).toBe(0);
  });

  test('ends when its time is up, and says what is left', async () => {
    let time = 0;
    const { found, left } = await tune(runtime, PRODUCTS, { mostMs: 300, signal: NEVER, now: () => (time += 400) });
    expect(found).toEqual([]);
    expect(left).toBe(PRODUCTS.length);
  });

  test('stopped, it is over before the next measurement', async () => {
    const control = new AbortController();
    let asked = 0;
    // Time is asked for before each measurement.
    const now = (): number => {
      if (++asked === 4) control.abort();
      return 0;
    };
    const found = await tune(runtime, PRODUCTS, { mostMs: 300, signal: control.signal, now });
    expect(found).toEqual({ found: [], workgroups: 8, left: 2 });
    expect(asked).toBe(4);
  });

  test('finds out beforehand how many workgroups keep the device busy, once', async () => {
    runtime.tiles.workgroups = undefined;
    await compileTiles(runtime, [], NEVER);
    const { workgroups } = await tune(runtime, [], { mostMs: Infinity, signal: NEVER });
    expect(workgroups).toBeGreaterThanOrEqual(1);
    expect(runtime.tiles.workgroups).toBeUndefined();
    expect(await tune(runtime, [], { mostMs: 0, signal: NEVER })).toEqual({
      found: [],
      workgroups: undefined,
      left: 0,
    });
  });

  test('leaves what has no room to the rule, and measures the others', async () => {
    const { maxComputeWorkgroupsPerDimension } = runtime.gpu.limits;
    const limits = { maxBufferSize: 20_000, maxStorageBufferBindingSize: 20_000, maxComputeWorkgroupsPerDimension };
    const narrow = { ...runtime, gpu: { ...runtime.gpu, limits } } as Runtime;
    await compileTiles(runtime, PRODUCTS, NEVER);
    const { found, left } = await tune(narrow, PRODUCTS, { mostMs: Infinity, signal: NEVER });
    expect(found.map(classOf)).toEqual([classOf(PRODUCTS[0]!)]);
    expect(left).toBe(1);
  });

  test('takes a part of what is large, with the same splits, and counts it for the whole', () => {
    const large = { ...PRODUCTS[0]!, m: 2560, n: 151_936, k: 4864 };
    const part = partOf(large, GPU_TILES, 16);
    expect(part.m * part.n).toBeLessThanOrEqual(128 * 128 * 64);
    expect(part.m * part.n).toBeGreaterThan(32 * 128 * 64);
    expect(part).toMatchObject({ layout: large.layout, dtype: large.dtype, k: 1024 });
    const long = { ...large, m: 64, n: 256, k: 151_936 };
    const { splits } = runtime.tiles.byRule(long);
    expect(splits).toBeGreaterThan(1);
    expect(partOf(long, GPU_TILES, 16)).toMatchObject({ m: 64, n: 256, k: 1024 * splits });
    expect(partOf(PRODUCTS[0]!, GPU_TILES, 16)).toEqual(PRODUCTS[0]);
  });

  test('does nothing where there is one tile', async () => {
    runtime.tiles = TileChoice.of({ software: true });
    const { flushes } = runtime.recorder;
    expect(unmeasured(runtime, PRODUCTS)).toEqual([]);
    expect(await tune(runtime, PRODUCTS, { mostMs: 300, signal: NEVER })).toMatchObject({ found: [], left: 0 });
    expect(runtime.recorder.flushes).toBe(flushes);
  });
});

describe('a run', () => {
  const measuredAs = (products: readonly ProductShape[], tile: (i: number) => string): MeasuredProduct[] =>
    products.map(
      ({ layout, m, n, k, dtype }, i) =>
        ({ layout, m, n, k, dtype, tile: tile(i), byRule: 'large', times: {} }) as MeasuredProduct,
    );

  test('has the same losses to the bit under every table, changed between its steps too', async () => {
    const run = await prepared();
    const classes = new Map<number, ProductShape>();
    const steps = async (before: (step: number) => void): Promise<number[]> => {
      runtime.tiles = new TileChoice(GPU_TILES);
      runtime.tiles.onProduct = (product) => void classes.set(classOf(product), product);
      const { experiment } = await openRun(runtime, run, {});
      try {
        const losses: number[] = [];
        for (let step = 0; step < 3; step++) {
          before(step);
          losses.push((await experiment.trainer.step()).loss);
        }
        return losses;
      } finally {
        experiment.destroy();
      }
    };
    const byRule = await steps(() => undefined);
    const all = [...classes.values()];
    const names = GPU_TILES.tiles.map(({ name }) => name);
    for (const name of names) {
      const cuts = new Set<string>();
      const losses = await steps(() => {
        runtime.tiles.take(measuredAs(all, () => name));
        for (const product of all) cuts.add(runtime.tiles.cut(product).tile.name);
      });
      expect([...cuts]).toEqual([name]);
      expect(losses).toEqual(byRule);
    }
    const mixed = (step: number) => runtime.tiles.take(measuredAs(all, (i) => names[(i + step) % names.length]!));
    expect(await steps(mixed)).toEqual(byRule);
  });
});
