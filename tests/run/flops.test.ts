import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dryDevice, DryRecorder } from '../../src/gpu/dryDevice.ts';
import type { Dispatch } from '../../src/gpu/commands.ts';
import { OBJECTIVE_TABLES } from '../../src/objectives/tables.ts';
import { Runtime } from '../../src/ops/core/runtime.ts';
import { CorpusFeed } from '../../src/run/feed.ts';
import { flopsOf, flopsText } from '../../src/run/flops.ts';
import { plannedRun } from '../../src/run/memory.ts';
import { countedRun } from '../../src/run/memoryPlan.ts';
import { openRun, plannedBasesOf, prepareRun } from '../../src/run/openRun.ts';
import type { PreparedRun } from '../../src/run/recipe.ts';
import { configure } from '../../src/settings/configuration.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const SHAPE = { chunks: 4, layers: 2, width: 16, heads: 2, kvHeads: 1, mlpWidth: 24, heldOutBatches: 1 };

function prepare(changes: Record<string, unknown> = {}): Promise<PreparedRun> {
  const recipe = { configuration: configure({ ...SHAPE, ...changes }), text: undefined, title: undefined };
  return prepareRun(recipe, {
    openBases: () => Promise.reject(new Error('No checkpoint is named.')),
    signal: new AbortController().signal,
  });
}

describe.each(Object.keys(OBJECTIVE_TABLES))('a step that trains for %s', (objective) => {
  test('is counted without a GPU as it is on one', async () => {
    const prepared = await prepare({ objective, accumulation: 2 });
    const run = await openRun(runtime, prepared, {});
    const steps = [await run.experiment.trainer.step(), await run.experiment.trainer.step()];
    run.experiment.destroy();
    const counted = await flopsOf(prepared, { steps: 2, gpu: runtime.gpu });
    expect(counted).toBeGreaterThan(0);
    expect(counted).toBe(steps.reduce((sum, { flops }) => sum + flops, 0) / 2);
  });
});

/** Dispatches of one step, recorded without a GPU. */
async function dispatchesOf(prepared: PreparedRun): Promise<{ readonly all: Dispatch[]; readonly flops: number }> {
  const dry = new Runtime(dryDevice());
  const bases = plannedBasesOf(prepared);
  const { configuration } = prepared.recipe;
  const feed = new CorpusFeed(prepared.corpus, configuration);
  const { trainer } = await countedRun(dry, plannedRun(configuration, bases, prepared.corpus.longestRow), feed);
  const all: Dispatch[] = [];
  const { recorder } = dry;
  if (!(recorder instanceof DryRecorder)) throw new Error('Not dry.');
  const dispatch = recorder.dispatch.bind(recorder);
  recorder.dispatch = (one) => {
    all.push(one);
    dispatch(one);
  };
  const { flops } = await trainer.step();
  return { all, flops };
}

test('matrix products of an InfoNCE step are those that a hand counts', async () => {
  const prepared = await prepare({ objective: 'infoNce' });
  const { all, flops } = await dispatchesOf(prepared);
  expect(flops).toBe(all.reduce((sum, one) => sum + one.flops, 0));
  // Tokens of all crops, queries and passages, go through the retriever together.
  const batch = new CorpusFeed(prepared.corpus, prepared.recipe.configuration).batchAt(0) as unknown as {
    readonly pairs: { readonly queryIds: number[][]; readonly passageIds: number[][] };
  };
  const rows = [...batch.pairs.queryIds, ...batch.pairs.passageIds];
  const tokens = rows.reduce((sum, row) => sum + row.length, 0);
  const { width: d, mlpWidth: f, heads, kvHeads, layers } = SHAPE;
  const kv = (d / heads) * kvHeads;
  // q, k and v; the output; gate and up; down. Once forward, and twice backward: for the inputs and for the weights.
  const weights = layers * (d * (d + 2 * kv) + d * d + d * 2 * f + f * d);
  const projections = 3 * 2 * tokens * weights;
  // SwiGLU joins the product before it, at 6 operations a number, and its gradient the product behind it, at 13.
  const activations = layers * tokens * f * (6 + 13);
  // S of B queries and B passages, and its gradient for both.
  const similarity = 3 * 2 * SHAPE.chunks * SHAPE.chunks * d;
  const products = all.filter(({ kernel }) => /^(gemm|matmul|linear\/)/i.test(kernel) && !/sum|reduce/i.test(kernel));
  expect(products.reduce((sum, one) => sum + one.flops, 0)).toBe(projections + activations + similarity);
});

test('REPLUG grows with the square of B where it is there, InfoNCE in proportion', async () => {
  const ratio = async (objective: string): Promise<number> => {
    const of = async (chunks: number) => flopsOf(await prepare({ objective, chunks, layers: 1 }), { steps: 2 });
    return (await of(16)) / (await of(8));
  };
  expect(await ratio('infoNce')).toBeLessThan(2.2);
  if ('replug' in OBJECTIVE_TABLES) expect(await ratio('replug')).toBeGreaterThan(3);
});

test('operations in words', () => {
  expect([0, 950, 1234567, 4.2e9, 3e21].map(flopsText)).toEqual([
    '0 FLOP',
    '950 FLOP',
    '1.23 MFLOP',
    '4.2 GFLOP',
    '3000 EFLOP',
  ]);
});
