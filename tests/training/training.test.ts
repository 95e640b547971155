import { afterAll, beforeAll, expect, test } from 'vitest';
import { pastedText } from '../../src/corpus/given.ts';
import { configure, type Configuration } from '../../src/settings/configuration.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { openExperiment } from '../../src/run/assemble.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { restoreTraining, saveTraining, TrainingStateError } from '../../src/training/state.ts';
import { learningRateAt } from '../../src/training/schedule.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** As small as a run can be that still has everything: two facts, one layer. */
const TINY = {
  chunks: 4,
  layers: 1,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  evaluateEvery: 2,
  heldOutBatches: 1,
};

async function experiment(changes: Record<string, unknown> = {}) {
  const configuration = configure({ ...TINY, ...changes });
  return openExperiment(runtime, configuration, await setUpCorpus(configuration));
}

test('the learning rate climbs, holds or falls as the schedule says', () => {
  const schedule = { learningRate: 2, warmup: 4, decaySteps: 14 };
  expect([1, 2, 4, 9, 14, 20].map((step) => learningRateAt(schedule, step))).toEqual([0.5, 1, 2, 1, 0, 0]);
  expect(learningRateAt({ ...schedule, decaySteps: 0 }, 1000)).toBe(2);
  expect(learningRateAt({ learningRate: 2, warmup: 0, decaySteps: 0 }, 1)).toBe(2);
});

test.each([
  {},
  { trained: 'lora' },
  { accumulation: 2 },
  { matmulPrecision: 'f16', reductions: 'subgroups' },
] as Partial<Configuration>[])('saved and restored, a run goes on bit for bit: %o', async (changes) => {
  const first = await experiment(changes);
  for (let i = 0; i < 3; i++) await first.trainer.step();
  const state = await saveTraining(runtime, first.optimiser);
  const expected = await first.trainer.step();
  const after = await saveTraining(runtime, first.optimiser);
  first.destroy();

  const second = await experiment(changes);
  // A step of its own leaves weights, moments and gradients that restoring must overwrite.
  await second.trainer.step();
  await restoreTraining(runtime, second.optimiser, state);
  const again = await second.trainer.step();
  expect(again.step).toBe(4);
  expect([again.metrics, again.gradientNorm]).toEqual([expected.metrics, expected.gradientNorm]);
  expect(again.matrices).toEqual(expected.matrices);
  expect((await saveTraining(runtime, second.optimiser)).tensors).toEqual(after.tensors);
  second.destroy();
});

test.each([{}, { accumulation: 2 }, { trained: 'lora' }])(
  'what teaches the retriever is kept of the batch that a step shows, as one sees it who looks before the step: %o',
  async (changes) => {
    const run = await experiment(changes);
    const { trainer, feed } = run;
    const shown = feed.batchAt(Number('accumulation' in changes));
    const looked = await trainer.look(shown);
    const { matrices } = await trainer.step();
    expect(Object.keys(matrices).sort()).toEqual([
      'attention',
      'attentionGradient',
      'similarity',
      'similarityGradient',
    ]);
    expect(matrices).toEqual(looked.matrices);
    expect(Math.max(...matrices['similarityGradient']!.map(Math.abs))).toBeGreaterThan(0);
    run.destroy();
  },
);

test('a look that fails leaves everything trainable as it was', async () => {
  const run = await experiment();
  const isWanted = () => run.optimiser.groups.map(({ parameters }) => parameters.wanted().length);
  const before = isWanted();
  expect(Math.min(...before)).toBeGreaterThan(0);
  // The first weights are on the GPU: what fails drops all that has not been sent.
  await runtime.recorder.flush();
  const [batch] = run.feed.scored();
  await expect(run.trainer.look({ ...batch!, source: undefined, tokens: undefined } as never)).rejects.toThrow();
  expect(isWanted()).toEqual(before);
  expect((await run.trainer.step()).gradientNorm).toBeGreaterThan(0);
  run.destroy();
});

test('a state of another model is refused and changes nothing', async () => {
  const small = await experiment();
  const state = await saveTraining(runtime, small.optimiser);
  const large = await experiment({ mlpWidth: 32 });
  const before = await saveTraining(runtime, large.optimiser);
  await expect(restoreTraining(runtime, large.optimiser, state)).rejects.toThrow(TrainingStateError);
  expect(await saveTraining(runtime, large.optimiser)).toEqual(before);
  small.destroy();
  large.destroy();
});

test('the same seed gives the same run, another seed another', async () => {
  const losses = async (seed: number) => {
    const run = await experiment({ seed });
    const found = [(await run.trainer.step()).loss, (await run.trainer.step()).loss];
    run.destroy();
    return found;
  };
  const [a, b, c] = [await losses(1), await losses(1), await losses(2)];
  expect(a).toEqual(b);
  expect(a).not.toEqual(c);
});

test('evaluation changes nothing: with and without it the run is the same', async () => {
  const run = async (evaluate: boolean) => {
    const made = await experiment();
    await made.trainer.step();
    if (evaluate) await made.trainer.evaluate();
    await made.trainer.step();
    const { tensors } = await saveTraining(runtime, made.optimiser);
    made.destroy();
    return tensors;
  };
  expect(await run(true)).toEqual(await run(false));
});

test('a frozen model keeps every bit, and what is not frozen moves', async () => {
  for (const [freeze, group] of [
    ['freezeRetriever', 'languageModel'],
    ['freezeLanguageModel', 'retriever'],
  ] as const) {
    const made = await experiment({ [freeze]: true });
    expect(made.optimiser.groups.map(({ name }) => name)).toEqual([group]);
    const frozen = (freeze === 'freezeRetriever' ? made.models.retriever : made.models.languageModel!).weights
      .parameters!;
    const values = async () => {
      const pending = runtime.read(frozen.blocks[0]!.parameters);
      await runtime.recorder.flush();
      return pending;
    };
    const before = await values();
    const state = await saveTraining(runtime, made.optimiser);
    await made.trainer.step();
    expect(await values()).toEqual(before);
    expect(await saveTraining(runtime, made.optimiser)).not.toEqual(state);
    made.destroy();
  }
});

test('a learning rate that makes numbers overflow ends the run with an error, and the weights stay finite', async () => {
  const made = await experiment({ learningRate: 1, clipNorm: 0, warmup: 0 });
  // Blow one weight up by hand: the next step's loss is then no finite number.
  const { parameters } = made.models.languageModel!.weights.parameters!.blocks[0]!;
  runtime.recorder.upload(parameters.slice, new Float32Array(64).fill(3e38));
  const before = await saveTraining(runtime, made.optimiser);
  await expect(made.trainer.step()).rejects.toThrow(/diverged at step 1/);
  expect(await saveTraining(runtime, made.optimiser)).toEqual(before);
  made.destroy();
});

test('what the pool keeps for reuse stays in proportion, however ragged the batches', async () => {
  const text = Array.from(
    { length: 24 },
    (_, i) => `Story ${i}. ${'It goes on and on. '.repeat(1 + ((7 * i) % 11))}`,
  ).join('\n\n---\n\n');
  const configuration = configure({ ...TINY, source: 'text', chunkTokens: 40, batching: 'random', vocabulary: 300 });
  const made = await openExperiment(
    runtime,
    configuration,
    await setUpCorpus(configuration, { text: pastedText('The text', text) }),
  );
  runtime.pool.trim();
  for (let i = 0; i < 12; i++) {
    const { memory } = await made.trainer.step();
    expect(memory.total).toBeLessThanOrEqual(1.5 * memory.peakTotal);
  }
  made.destroy();
});

test('memory is flat over steps of the fact stream', async () => {
  const made = await experiment();
  for (let i = 0; i < 3; i++) await made.trainer.step();
  const { liveBuffers, live } = runtime.pool.report();
  for (let i = 0; i < 5; i++) await made.trainer.step();
  const report = runtime.pool.report();
  expect(report.liveBuffers).toBe(liveBuffers);
  expect(report.live).toEqual(live);
  made.destroy();
});
