import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openExperiment } from '../../src/run/assemble.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { dropoutOf } from '../../src/run/dropout.ts';
import { plannedRun } from '../../src/run/memory.ts';
import { countedRun, dryRuntime } from '../../src/run/memoryPlan.ts';
import { smallBases } from '../../src/run/openRun.ts';
import { configure } from '../../src/settings/configuration.ts';
import { restoreTraining, saveTraining } from '../../src/training/state.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** As small as a run with adapters can be; after two steps at this rate both their matrices are felt. */
const TINY = {
  trained: 'lora',
  loraDropout: 0.3,
  rank: 3,
  chunks: 4,
  layers: 2,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 20,
  heldOutBatches: 1,
  learningRate: 0.01,
  warmup: 0,
} as const;

async function experiment(changes: Record<string, unknown> = {}) {
  const configuration = configure({ ...TINY, ...changes });
  return openExperiment(runtime, configuration, await setUpCorpus(configuration));
}

/** Losses and gradient norms of three steps, and all that is trained behind them. */
async function threeSteps(changes: Record<string, unknown> = {}) {
  const run = await experiment(changes);
  const steps: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    const { metrics, matrices, gradientNorm } = await run.trainer.step();
    steps.push(metrics, matrices, gradientNorm);
  }
  const { tensors } = await saveTraining(runtime, run.optimiser);
  run.destroy();
  return { steps, tensors };
}

describe('keys', () => {
  const keys = (changes: Record<string, unknown>, positions: readonly number[]) =>
    positions.map((position) => Array.from(dropoutOf(configure({ ...TINY, ...changes }))!.keyAt(position)));

  test('are of the seed and the batch, and of nothing else', () => {
    const some = keys({}, [0, 1, 2, 1000]);
    expect(keys({ layers: 4, loraDropout: 0.1, objective: 'infoNce' }, [0, 1, 2, 1000])).toEqual(some);
    expect(keys({}, [1000, 0])).toEqual([some[3], some[0]]);
    expect(new Set([...some, ...keys({ seed: 1 }, [0, 1, 2, 1000])].flat()).size).toBe(16);
    expect(
      new Set(
        keys(
          {},
          Array.from({ length: 5000 }, (_, at) => at),
        ).flat(),
      ).size,
    ).toBe(10_000);
  });

  test('are not made where nothing is dropped', () => {
    expect(dropoutOf(configure({ ...TINY, loraDropout: 0 }))).toBeUndefined();
    expect(dropoutOf(configure({ ...TINY, trained: 'full' }))).toBeUndefined();
  });
});

test('recomputing layers changes no bit: their masks are the same again', async () => {
  expect(await threeSteps({ checkpointing: true })).toEqual(await threeSteps());
});

test.each([{}, { accumulation: 2 }, { objective: 'infoNce' }, { objective: 'replug', replugLanguageModel: 'learns' }])(
  'saved and restored, a run goes on bit for bit, and the rate makes another run: %o',
  async (changes) => {
    const first = await experiment(changes);
    for (let i = 0; i < 2; i++) await first.trainer.step();
    const state = await saveTraining(runtime, first.optimiser);
    const expected = await first.trainer.step();
    const after = await saveTraining(runtime, first.optimiser);
    first.destroy();
    const goOn = async (more: Record<string, unknown>) => {
      const run = await experiment({ ...changes, ...more });
      await restoreTraining(runtime, run.optimiser, state);
      const { metrics, matrices, gradientNorm } = await run.trainer.step();
      const { tensors } = await saveTraining(runtime, run.optimiser);
      run.destroy();
      return { metrics, matrices, gradientNorm, tensors };
    };
    const again = await goOn({});
    expect(again.tensors).toEqual(after.tensors);
    expect([again.metrics, again.matrices, again.gradientNorm]).toEqual([
      expected.metrics,
      expected.matrices,
      expected.gradientNorm,
    ]);
    const without = await goOn({ loraDropout: 0 });
    expect(without.metrics).not.toEqual(again.metrics);
    expect(without.gradientNorm).not.toBe(again.gradientNorm);
  },
);

test('scores and looks drop nothing, and change nothing', async () => {
  const run = await experiment();
  for (let i = 0; i < 2; i++) await run.trainer.step();
  const state = await saveTraining(runtime, run.optimiser);
  const seen = async ({ trainer, feed }: typeof run) => [
    (await trainer.evaluate()).batches.map(({ loss, matrices }) => [loss, matrices]),
    (await trainer.look(feed.batchAt(2))).matrices,
  ];
  const dropping = await seen(run);
  const next = await run.trainer.step();
  run.destroy();
  const plain = await experiment({ loraDropout: 0 });
  await restoreTraining(runtime, plain.optimiser, state);
  expect(dropping).toEqual(await seen(plain));
  plain.destroy();
  const unseen = await experiment();
  await restoreTraining(runtime, unseen.optimiser, state);
  expect((await unseen.trainer.step()).loss).toBe(next.loss);
  unseen.destroy();
});

/** Sites of all masks that a step applies, with how often, found without a GPU. */
async function sitesOf(changes: Record<string, unknown>): Promise<Map<number, number>> {
  const configuration = configure({ ...TINY, ...changes });
  const { runtime: dry, recorder } = dryRuntime();
  const { trainer } = await countedRun(dry, plannedRun(configuration, smallBases(configuration, 300)));
  const found = new Map<number, number>();
  recorder.onDispatch = ({ kernel, params }) => {
    if (kernel === 'dropout/apply') found.set(params['site']!, (found.get(params['site']!) ?? 0) + 1);
  };
  await trainer.evaluate();
  expect(found.size).toBe(0);
  await trainer.step();
  return found;
}

/** pass · 2¹⁶ + layer · 2³ + projection, for two layers. */
const sites = (passes: readonly number[], projections: readonly number[]): number[] =>
  passes.flatMap((pass) => [0, 1].flatMap((layer) => projections.map((one) => pass * 2 ** 16 + layer * 8 + one)));

describe('masks of a step', () => {
  const ALL = [0, 1, 2, 3, 4, 5, 6];
  test.each<[string, Record<string, unknown>, readonly number[], readonly number[]]>([
    ['every projection in every pass', {}, [0, 2, 3], ALL],
    ['only those that are adapted', { loraTargets: 'q,v,down' }, [0, 2, 3], [0, 2, 6]],
    ['only in models that learn', { freezeLanguageModel: true }, [0], ALL],
    ['only in models that learn: a control leaves the retriever out', { attention: 'uniform' }, [2, 3], ALL],
    ['no language model', { objective: 'mannWhitney' }, [0], ALL],
    ['none where pairs are only judged', { objective: 'replug' }, [0], ALL],
    ['pairs that are learnt from', { objective: 'replug', replugLanguageModel: 'learns' }, [0, 4], ALL],
    [
      'a retriever that takes its sides one after the other',
      { chunks: 16, chunkTokens: 100, freezeLanguageModel: true },
      [0, 1],
      ALL,
    ],
  ])('%s', async (_what, changes, passes, projections) => {
    const found = await sitesOf(changes);
    expect([...found.keys()].sort((a, b) => a - b)).toEqual(sites(passes, projections));
    // Once on the way there; back again unless the first layer's input wants no gradient.
    for (const [site, times] of found) expect(times, `site ${site}`).toBeLessThanOrEqual(2);
  });

  test('layers that are computed again apply them once more', async () => {
    const [kept, again] = [await sitesOf({}), await sitesOf({ checkpointing: true })];
    expect([...again.keys()].sort()).toEqual([...kept.keys()].sort());
    for (const [site, times] of again) expect(times).toBe(kept.get(site)! + 1);
  });

  test('without dropout there is none', async () => {
    expect(await sitesOf({ loraDropout: 0 })).toEqual(new Map());
  });
});
