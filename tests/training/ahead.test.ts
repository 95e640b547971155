import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { configure } from '../../src/settings/configuration.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { openExperiment } from '../../src/run/assemble.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { saveTraining } from '../../src/training/state.ts';
import { TrainingDivergedError } from '../../src/training/trainer.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 };
const AHEAD = { recordsNext: true };

/** A run, and the positions of the batches that it asked for so far. */
async function experiment(changes: Record<string, unknown> = {}) {
  const configuration = configure({ ...TINY, ...changes });
  const run = await openExperiment(runtime, configuration, await setUpCorpus(configuration));
  const batchAt = vi.spyOn(run.feed, 'batchAt');
  return { run, asked: () => batchAt.mock.calls.map(([position]) => position), batchAt };
}

test.each([{}, { trained: 'lora' }, { accumulation: 2 }, { trained: 'lora', loraDropout: 0.3, accumulation: 2 }])(
  'recorded ahead, steps are the same to the bit, and a state saved between them is that of the steps made: %o',
  async (changes) => {
    const run = async (recordsNext: boolean) => {
      const { run: opened } = await experiment(changes);
      const { trainer, optimiser } = opened;
      const seen: unknown[] = [];
      for (let i = 1; i <= 5; i++) {
        const { step, batch, memory, stepMs, ...numbers } = await trainer.step({}, { recordsNext });
        expect([step, optimiser.step]).toEqual([i, i]);
        expect([stepMs > 0, memory.peakTotal > 0]).toEqual([true, true]);
        seen.push(numbers, batch.labels);
        if (i === 2) seen.push((await trainer.evaluate()).batches.map(({ loss }) => loss));
        if (i >= 3) seen.push(await saveTraining(runtime, optimiser));
      }
      opened.destroy();
      return seen;
    };
    expect(await run(true)).toEqual(await run(false));
  },
);

test('a step that was recorded ahead is sent as it is, unless anything took a buffer since or it is watched', async () => {
  const { run, asked } = await experiment();
  const { trainer } = run;
  await trainer.step({}, AHEAD);
  expect(asked()).toEqual([0, 1]);
  await trainer.step({}, AHEAD);
  expect(asked()).toEqual([0, 1, 2]);
  // What would hold numbers of somebody else by now is not written to.
  const taken = Array.from({ length: 200 }, (_, i) => runtime.fromArray(Float32Array.of(i, -i), [2]));
  await trainer.step({}, AHEAD);
  expect(asked()).toEqual([0, 1, 2, 2, 3]);
  const numbers = Promise.all(taken.map((tensor) => runtime.read(tensor)));
  await runtime.recorder.flush();
  expect((await numbers).map((pair) => [...pair])).toEqual(taken.map((_, i) => [i, -i]));
  for (const tensor of taken) tensor.release();
  const heard = vi.fn();
  await trainer.step({ onGradients: heard });
  expect(heard).toHaveBeenCalledTimes(1);
  expect(asked()).toEqual([0, 1, 2, 2, 3, 3]);
  run.destroy();
});

test('where recording waits for the GPU, nothing is recorded ahead', async () => {
  const { run, asked } = await experiment({ temperature: 1e-4 });
  const { trainer } = run;
  await trainer.step({}, AHEAD);
  await trainer.step({}, AHEAD);
  expect(asked()).toEqual([0, 1]);
  run.destroy();
});

test('a step that cannot be recorded fails in its own turn', async () => {
  const { run, batchAt } = await experiment();
  const { trainer, optimiser } = run;
  await trainer.step({}, AHEAD);
  batchAt.mockImplementation(() => {
    throw new Error('No more text.');
  });
  expect((await trainer.step({}, AHEAD)).step).toBe(2);
  await expect(trainer.step({}, AHEAD)).rejects.toThrow('No more text.');
  expect(optimiser.step).toBe(2);
  batchAt.mockRestore();
  expect((await trainer.step({}, AHEAD)).step).toBe(3);
  run.destroy();
});

test('a run that diverges ends at the same step, with the weights of the one before', async () => {
  const run = async (recordsNext: boolean) => {
    const { run: opened } = await experiment({ learningRate: 1, weightDecay: 0.1, warmup: 0 });
    const { trainer, optimiser } = opened;
    for (const { parameters } of optimiser.groups)
      for (const block of parameters.blocks)
        runtime.recorder.upload(block.parameters.slice, new Float32Array(block.parameters.size).fill(3e18));
    const error: unknown = await trainer.step({}, { recordsNext }).catch((cause: unknown) => cause);
    const { tensors } = await saveTraining(runtime, optimiser);
    const { step } = optimiser;
    opened.destroy();
    return { error, step, tensors };
  };
  const [ahead, plain] = [await run(true), await run(false)];
  expect(ahead.error).toBeInstanceOf(TrainingDivergedError);
  expect(ahead.step).toBe(0);
  expect(ahead.tensors).toEqual(plain.tensors);
});
