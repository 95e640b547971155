import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LabelledCollection } from '../../src/evaluation/collections/collection.ts';
import { OBJECTIVE_TABLES } from '../../src/objectives/tables.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { trainingLoop, type LoopOptions, type RunEvent } from '../../src/run/loop.ts';
import { openRun, prepareRun, type OpenRun } from '../../src/run/openRun.ts';
import { CollectionScorer } from '../../src/run/collectionScores.ts';
import { Prober } from '../../src/run/probe.ts';
import type { RunRecord } from '../../src/run/record.ts';
import { RunLog } from '../../src/run/runLog.ts';
import { readRun, restoreRun, saveRun } from '../../src/run/saving.ts';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { concatenated } from '../../src/files/formats/safetensors.ts';
import { configure } from '../../src/settings/configuration.ts';
import { saveTraining } from '../../src/training/state.ts';
import { SEA_QUERIES, SEA_TEXTS } from '../harness/smallCollection.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** As small as a run can be that still has everything: two facts, one layer. */
const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 };

async function open(changes: Record<string, unknown> = {}): Promise<OpenRun> {
  const recipe = { configuration: configure({ ...TINY, ...changes }), text: undefined, title: undefined };
  const prepared = await prepareRun(recipe, {
    openBases: () => Promise.reject(new Error('No checkpoint is named.')),
    signal: new AbortController().signal,
  });
  return openRun(runtime, prepared, {});
}

const SEA: LabelledCollection = {
  title: 'The sea',
  documents: SEA_TEXTS.map((text, i) => ({ id: `d${i}`, title: '', text })),
  queries: SEA_QUERIES.map((text, i) => ({ id: `q${i}`, text })),
  qrels: new Map(SEA_QUERIES.map((_, i) => [`q${i}`, new Map([[`d${i}`, 1]])])),
  notices: [],
};

const newLog = () => new RunLog({ mostSteps: Infinity, keepsPicture: () => true });

const recordOf = ({ prepared: { recipe, corpus } }: OpenRun, log: RunLog): RunRecord =>
  log.record({
    name: 'A run',
    configuration: recipe.configuration,
    corpus: corpus.summary,
    adapter: 'test',
  });

function stepOf(event: RunEvent): number {
  if (event.type === 'evaluation') return event.evaluation.step;
  return event.type === 'collection' ? event.scores.step : event.record.metrics.step;
}

/** Runs the loop up to a step and says what happened, saves included. */
async function happenings(run: OpenRun, until: number, changes: Partial<LoopOptions> = {}): Promise<string[]> {
  const seen: string[] = [];
  const events = trainingLoop(run, {
    log: newLog(),
    isWanted: (step) => step < until,
    evaluateEvery: 2,
    probeEvery: undefined,
    evaluatesAtEnd: false,
    isSaved: () => false,
    save: () => Promise.resolve(void seen.push('saved')),
    ...changes,
  });
  for await (const event of events) {
    seen.push(`${event.type} ${stepOf(event)}`);
  }
  return seen;
}

test('held-out batches are looked at before the first step and after every so many, and a pause changes nothing', async () => {
  const run = await open();
  expect(await happenings(run, 3)).toEqual(['evaluation 0', 'step 1', 'step 2', 'evaluation 2', 'step 3']);
  expect(await happenings(run, 4)).toEqual(['step 4', 'evaluation 4']);
  run.experiment.destroy();
});

test('a first step that somebody waits for comes before the scores of the untrained models, and after their view of the probe', async () => {
  const run = await open();
  const changes = { showsStepFirst: true, probeEvery: 1, evaluateEvery: 1 };
  expect(await happenings(run, 1, changes)).toEqual(['probe 0', 'step 1', 'evaluation 0', 'evaluation 1', 'probe 1']);
  expect(run.experiment.optimiser.step).toBe(1);
  expect(await happenings(run, 2, changes)).toEqual(['step 2', 'evaluation 2', 'probe 2']);
  run.experiment.destroy();
});

test('where scoring the untrained models fails, the run stands after its first step as if it had not', async () => {
  const after = async (isFailing: boolean) => {
    const run = await open();
    const { trainer, optimiser } = run.experiment;
    if (isFailing) trainer.evaluate = () => Promise.reject(new Error('No scores today.'));
    const steps = happenings(run, 1, { showsStepFirst: isFailing });
    if (isFailing) await expect(steps).rejects.toThrow('No scores today.');
    else await steps;
    const { tensors } = await saveTraining(runtime, optimiser);
    run.experiment.destroy();
    return { step: optimiser.step, tensors };
  };
  expect(await after(true)).toEqual(await after(false));
});

test('a run that ends is scored at its end, and saved after its scores', async () => {
  const run = await open();
  const isSaved = (step: number, isLast: boolean) => isLast || step === 2;
  expect(await happenings(run, 3, { evaluatesAtEnd: true, isSaved })).toEqual([
    'evaluation 0',
    'step 1',
    'step 2',
    'evaluation 2',
    'saved',
    'step 3',
    'evaluation 3',
    'saved',
  ]);
  run.experiment.destroy();
});

test('the probe is looked at after evaluations, every so many steps and at the end, once a step, and before anything is saved', async () => {
  const seen = async (probeEvery: number) => {
    const run = await open();
    const isSaved = (step: number) => step === 3;
    const found = await happenings(run, 5, { probeEvery, evaluateEvery: 4, isSaved });
    run.experiment.destroy();
    return found.filter((one) => !one.startsWith('step'));
  };
  expect(await seen(2)).toEqual(['evaluation 0', 'probe 0', 'probe 2', 'saved', 'evaluation 4', 'probe 4', 'probe 5']);
  expect(await seen(3)).toEqual(['evaluation 0', 'probe 0', 'probe 3', 'saved', 'evaluation 4', 'probe 4', 'probe 5']);
  expect(await seen(0)).toEqual(['evaluation 0', 'probe 0', 'saved', 'evaluation 4', 'probe 4', 'probe 5']);
});

describe.each([
  {},
  { objective: 'infoNce' },
  { objective: 'replug', replugLanguageModel: 'learns' },
  { attention: 'oracle' },
  { trained: 'lora', accumulation: 2 },
])('training with %o', (changes) => {
  const trained = async (options: Partial<LoopOptions>) => {
    const run = await open(changes);
    const log = newLog();
    await happenings(run, 4, { ...options, log });
    const { tensors } = await saveTraining(runtime, run.experiment.optimiser);
    const { snapshots, evaluations, probe, collection } = recordOf(run, log);
    run.experiment.destroy();
    const untimed = snapshots.map(({ metrics, ...views }) => ({
      ...views,
      metrics: { ...metrics, stepMs: 0, tokensPerSecond: 0, memory: undefined },
    }));
    return { seen: { untimed, evaluations, collection, tensors }, probe };
  };

  test('is to the bit what it is without a probe', async () => {
    const [without, withProbe] = [await trained({ probeEvery: undefined }), await trained({ probeEvery: 1 })];
    expect(without.probe).toBeUndefined();
    expect(withProbe.probe?.records.map(({ metrics }) => metrics.step)).toEqual([0, 1, 2, 3, 4]);
    expect(withProbe.seen).toEqual(without.seen);
  });

  test('is to the bit what it is where the first step comes before the scores of the untrained models', async () => {
    const collection = { scorer: new CollectionScorer(SEA), every: 3 };
    const [before, after] = [
      await trained({ probeEvery: 2, collection }),
      await trained({ probeEvery: 2, collection, showsStepFirst: true }),
    ];
    expect(before.seen.evaluations.map(({ step }) => step)).toEqual([0, 2, 4]);
    expect(before.seen.collection?.scores.map(({ step }) => step)).toEqual([0, 3]);
    expect(after).toEqual(before);
  });
});

describe.each(Object.keys(OBJECTIVE_TABLES))('a saved run that trains for %s', (objective) => {
  test('goes on with its curves, bit for bit', async () => {
    const first = await open({ objective });
    const log = newLog();
    await happenings(first, 2, { log, probeEvery: 1 });
    const record = recordOf(first, log);
    const file = await saveRun(first, record);
    const expected = await first.experiment.trainer.step();
    first.experiment.destroy();

    const saved = await readRun(memorySource('run', concatenated(file)));
    expect(saved.record).toEqual(JSON.parse(JSON.stringify(record)));
    const second = await open(saved.settings);
    await restoreRun(saved, second);
    // Before the next step the probe looks as it did after the last one, and goes on where it was.
    const { batch, record: seen } = await new Prober(second).look();
    expect({ batch, last: seen }).toEqual({ batch: record.probe?.batch, last: record.probe?.records.at(-1) });
    const again = await second.experiment.trainer.step();
    expect([again.step, again.metrics, again.matrices]).toEqual([3, expected.metrics, expected.matrices]);
    second.experiment.destroy();
  });
});

test('InfoNCE needs no language model: none is built, and only the retriever learns', async () => {
  const run = await open({ objective: 'infoNce' });
  const { models, optimiser } = run.experiment;
  expect(models.languageModel).toBeUndefined();
  expect(optimiser.groups.map(({ name }) => name)).toEqual(['retriever']);
  const revela = await open();
  const bytes = (one: OpenRun) => one.experiment.models.retriever.weights.specs.length;
  expect(bytes(run)).toBe(bytes(revela));
  // The same seed draws the same retriever, whatever it is trained for.
  const weights = [run, revela].map(({ experiment }) =>
    runtime.read(experiment.models.retriever.weights.parameters!.blocks[0]!.parameters),
  );
  await runtime.recorder.flush();
  const [a, b] = await Promise.all(weights);
  expect(a).toEqual(b);
  for (const one of [run, revela]) one.experiment.destroy();
});
