import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GPU_TILES } from '../../src/ops/core/gemmTiles.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { TileChoice, type ProductShape } from '../../src/ops/core/tileChoice.ts';
import { CorpusFeed } from '../../src/run/feed.ts';
import { compileAhead, neededKernels } from '../../src/run/kernelsAhead.ts';
import { trainingLoop } from '../../src/run/loop.ts';
import { plannedRun } from '../../src/run/memory.ts';
import { openRun, plannedBasesOf, prepareRun } from '../../src/run/openRun.ts';
import type { PreparedRun } from '../../src/run/recipe.ts';
import { productsOf } from '../../src/run/tuning/products.ts';
import { RunLog } from '../../src/run/runLog.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
// Each test its own: what was compiled for one must not serve another.
beforeEach(async () => {
  runtime = await openTestRuntime();
});
afterEach(() => runtime.destroy());

const SMALL = { chunks: 6, layers: 1, width: 32, heads: 2, kvHeads: 1, mlpWidth: 48, heldOutBatches: 1 };
const NEVER = new AbortController().signal;

function prepared(configuration: Configuration): Promise<PreparedRun> {
  const recipe = { configuration, text: undefined, title: undefined };
  return prepareRun(recipe, { openBases: () => Promise.reject(new Error('No checkpoint is named.')), signal: NEVER });
}

const needed = async (configuration: Configuration) =>
  neededKernels(plannedRun(configuration, plannedBasesOf(await prepared(configuration))), runtime.gpu);

/** How many kernels a run compiles on its way to step 2, and what it launches in its first step, in order. */
async function trained(configuration: Configuration): Promise<{ compiled: number; launched: string[] }> {
  const run = await openRun(runtime, await prepared(configuration), {});
  let compiled = 0;
  runtime.recorder.onCompile = (done) => (compiled += done === 0 ? 0 : 1);
  let launched: string[] = [];
  const events = trainingLoop(run, {
    log: new RunLog({ mostSteps: Infinity, keepsPicture: () => true }),
    isWanted: (step) => step < 2,
    evaluateEvery: 1,
    probeEvery: 1,
    evaluatesAtEnd: false,
    showsStepFirst: true,
    isSaved: () => false,
    save: () => Promise.resolve(),
    around: async (step) => {
      const { recorder } = runtime;
      const dispatch = recorder.dispatch.bind(recorder);
      const names: string[] = [];
      recorder.dispatch = (one) => {
        names.push(one.kernel);
        dispatch(one);
      };
      const result = await step();
      recorder.dispatch = dispatch;
      if (launched.length === 0) launched = names;
      return result;
    },
  });
  for await (const event of events) expect(event).toBeDefined();
  run.experiment.destroy();
  return { compiled, launched };
}

describe.each<Record<string, unknown>>([
  {},
  { source: 'kitchen', vocabulary: 301 },
  { objective: 'infoNce', pooling: 'mean' },
  { objective: 'replug', accumulation: 2 },
  { trained: 'lora', rank: 4, checkpointing: true },
  { learnGate: true },
])('of a run with %o', (changes) => {
  test('all kernels are known ahead', async () => {
    const configuration = configure({ ...SMALL, ...changes });
    const all = await needed(configuration);
    await compileAhead(runtime.recorder.pipelines, all, NEVER);
    const { compiled, launched } = await trained(configuration);
    expect(compiled).toBe(0);
    // In the order in which the first step launches them: whoever waits for it gets those first.
    const order = [...new Set(launched)];
    // Full rows, by which they are found, may need one more.
    const known = [...new Set(all.map(({ kernel }) => kernel))];
    expect(known.filter((kernel) => order.includes(kernel))).toEqual(order);
  });
});

test('also where its products take tiles that were measured on its batches', async () => {
  runtime.tiles = new TileChoice(GPU_TILES);
  const configuration = configure(SMALL);
  const run = await prepared(configuration);
  const plan = plannedRun(configuration, plannedBasesOf(run));
  const feed = new CorpusFeed(run.corpus, configuration);
  const products = await productsOf(plan, runtime.gpu, feed);
  const other = ({ m, n, k }: ProductShape) =>
    runtime.tiles.byRule({ m, n, k }).tile.name === 'medium' ? 'small' : 'medium';
  runtime.tiles.take(products.map((product) => ({ ...product, tile: other(product), byRule: 'large', times: {} })));
  const all = await neededKernels(plan, runtime.gpu, { tiles: runtime.tiles, feed });
  await compileAhead(runtime.recorder.pipelines, all, NEVER);
  const { compiled } = await trained(configuration);
  expect(compiled).toBe(0);
  // Full rows alone would not have told all.
  expect(all.length).toBeGreaterThan((await neededKernels(plan, runtime.gpu, { tiles: runtime.tiles })).length);
});

test('without that a run compiles its kernels itself: the count above counts', async () => {
  const configuration = configure(SMALL);
  const { compiled } = await trained(configuration);
  expect(compiled).toBeGreaterThan(30);
  expect(compiled).toBeLessThanOrEqual((await needed(configuration)).length);
});

test('compiling ahead ends soon after it is stopped, keeps what it has, and goes on from there', async () => {
  const { pipelines } = runtime.recorder;
  const configuration = configure(SMALL);
  const all = await needed(configuration);
  const control = new AbortController();
  const compile = runtime.gpu.device.createComputePipelineAsync.bind(runtime.gpu.device);
  let asked = 0;
  runtime.gpu.device.createComputePipelineAsync = (descriptor) => {
    if (++asked === 6) control.abort();
    return compile(descriptor);
  };
  await expect(compileAhead(pipelines, all, control.signal)).rejects.toThrow(/abort/i);
  const atStop = asked;
  expect(atStop).toBeLessThan(10);
  expect(all.length).toBeGreaterThan(20);
  await compileAhead(pipelines, all, NEVER);
  expect(asked).toBe(all.length);
});
