import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Recording } from '../../src/gpu/commands.ts';
import { KeptRecording } from '../../src/gpu/kept.ts';
import { SLOT_BYTES } from '../../src/gpu/params.ts';
import type { BufferSlice } from '../../src/gpu/pool.ts';
import { shaderSource } from '../../src/gpu/shaderLibrary.ts';
import { PARAMS_HEADER_BYTES } from '../../src/gpu/shaderSource.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openExperiment } from '../../src/run/assemble.ts';
import { setUpCorpus } from '../../src/run/corpusSetup.ts';
import { configure } from '../../src/settings/configuration.ts';
import { Replays } from '../../src/training/replays.ts';
import { restoreTraining, saveTraining } from '../../src/training/state.ts';
import { TrainingDivergedError, type StepWatch } from '../../src/training/trainer.ts';
import { openTestRuntime } from '../harness/runtime.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
  // How dispatches are cut follows from the clock, which differs from run to run: that alone is kept out of what is compared.
  Object.assign(runtime.recorder.budget, { observeSubmit: () => undefined, estimate: () => 0.02 });
});
afterAll(() => runtime.destroy());
afterEach(() => void vi.restoreAllMocks());

const TINY = { chunks: 4, layers: 1, width: 16, heads: 2, kvHeads: 1, mlpWidth: 16, heldOutBatches: 1 };

type Changes = Readonly<Record<string, unknown>>;

async function open(changes: Changes = {}) {
  const configuration = configure({ ...TINY, ...changes });
  return openExperiment(runtime, configuration, await setUpCorpus(configuration));
}

/** From now on every step is recorded anew. */
function neverReplay(): void {
  vi.spyOn(Replays.prototype, 'find').mockReturnValue(undefined);
  vi.spyOn(Replays.prototype, 'keep').mockImplementation((recording) => recording);
}

/** All that goes to the GPU; buffers by the order in which they come up. */
function contents({ commands, params: { bytes }, uploads }: Recording) {
  const numbers = new Map<GPUBuffer, number>();
  const slice = ({ buffer, offset, size }: BufferSlice): string => {
    if (!numbers.has(buffer)) numbers.set(buffer, numbers.size);
    return `${numbers.get(buffer)}+${offset}:${size}`;
  };
  const said = commands.map((command) => {
    switch (command.type) {
      case 'dispatch': {
        const { kernel, flops, bytes: moved, slices, slot, x, y, z, work } = command;
        const from = slot * SLOT_BYTES;
        const fields = shaderSource(kernel).params.length;
        const params = bytes.slice(from, from + PARAMS_HEADER_BYTES + 4 * fields);
        const groups = `${x}×${y}×${z}`;
        return [kernel, flops, moved, work, groups, params.join(' '), ...slices.map(slice)].join(' ');
      }
      case 'copy':
        return `copy ${slice(command.source)} ${slice(command.target)} ${command.bytes}`;
      case 'read':
        return `read ${slice(command.source)}`;
      default:
        return `${command.type} ${slice(command.target)}`;
    }
  });
  return [...said, ...uploads.map(({ data, isInput }) => `${isInput} ${data.join(' ')}`)];
}

/** Steps of a run: what was sent for each and what came of it, the state at its end, and how many were replayed. */
async function run(changes: Changes, steps: number, recordsNext = false) {
  // Which buffers a step finds depends on those that are there.
  runtime.pool.trim();
  const opened = await open(changes);
  const { trainer, optimiser } = opened;
  const again = vi.spyOn(KeptRecording.prototype, 'again');
  const send = runtime.recorder.flush.bind(runtime.recorder);
  const flush = vi.spyOn(runtime.recorder, 'flush');
  const sent: ReturnType<typeof contents>[] = [];
  flush.mockImplementation((recording) => {
    if (recording) sent.push(contents(recording));
    return send(recording);
  });
  const seen: unknown[] = [];
  for (let i = 0; i < steps; i++) {
    const { stepMs, batch, ...numbers } = await trainer.step({}, { recordsNext });
    expect(stepMs).toBeGreaterThan(0);
    seen.push(numbers, batch.labels);
  }
  const { tensors } = await saveTraining(runtime, optimiser);
  const replayed = again.mock.calls.length;
  opened.destroy();
  vi.restoreAllMocks();
  return { sent, seen, tensors, replayed };
}

/** The first step has uploads of weights before it, the second is the first of its shape, the third is kept. */
const RECORDED = 3;

/** Steps of a run that replays, and of the same run recorded step by step: alike to the byte. */
async function expectAlike(changes: Changes, steps: number, recordsNext = false): Promise<number> {
  const replaying = await run(changes, steps, recordsNext);
  neverReplay();
  const recording = await run(changes, steps, recordsNext);
  expect(recording.replayed).toBe(0);
  expect(replaying.sent).toHaveLength(steps);
  replaying.sent.forEach((step, i) => expect(step, `step ${i + 1}`).toEqual(recording.sent[i]));
  // Losses, pictures, norms, and the books of the pool.
  expect(replaying.seen).toEqual(recording.seen);
  expect(replaying.tensors).toEqual(recording.tensors);
  return replaying.replayed;
}

test.each([
  [{}, 20],
  [{ trained: 'lora', rank: 2 }, 20],
  [{ trained: 'lora', rank: 2, accumulation: 2 }, 20],
  [{ checkpointing: true, dualLoss: false, pooling: 'content' }, 6],
  [{ trained: 'lora', rank: 2, loraDropout: 0.25, accumulation: 2, checkpointing: true }, 6],
  [{ centring: true, learnGate: true, detachKeyValues: true }, 6],
  [{ attention: 'uniform', lossMask: 'secondHalf', decaySteps: 5 }, 6],
  [{ matmulPrecision: 'f16', reductions: 'subgroups' }, 6],
  [{ freezeRetriever: true, clipNorm: 0, warmup: 3, weightDecay: 0.1 }, 6],
  [{ objective: 'distillation' }, 6],
  [{ objective: 'replug', replugLanguageModel: 'learns' }, 6],
  [{ objective: 'replug', replugLanguageModel: 'frozen', accumulation: 2 }, 6],
])('replayed, a step is to the byte what it is when it is recorded: %o', async (changes, steps) => {
  expect(await expectAlike(changes, steps)).toBe(steps - RECORDED);
});

test('so are steps that are taken up while the GPU is busy with the one before', async () => {
  // The one after the last was made ready too.
  expect(await expectAlike({ trained: 'lora', rank: 2 }, 8, true)).toBe(9 - RECORDED);
});

test.each(['random', 'oracle', 'bm25'])(
  'the control %s is replayed for batches in which the same pairs are read',
  async (attention) => {
    await expectAlike({ attention }, 12);
  },
);

test.each([
  // Which chunks are read follows from A, which the GPU computes.
  [{ temperature: 1e-4 }],
  // Rows of random lengths.
  [{ objective: 'infoNce' }],
  [{ objective: 'mannWhitney' }],
])('where shapes differ or follow from results, every step is recorded: %o', async (changes) => {
  expect((await run(changes, 6)).replayed).toBe(0);
});

test('a kept step is not sent where somebody has its buffers, where they are gone, and where it is watched', async () => {
  runtime.pool.trim();
  const opened = await open();
  const { trainer } = opened;
  const again = vi.spyOn(KeptRecording.prototype, 'again');
  const isReplayed = async (watch: StepWatch = {}): Promise<boolean> => {
    const before = again.mock.calls.length;
    await trainer.step(watch);
    return again.mock.calls.length > before;
  };
  for (let i = 0; i < RECORDED; i++) expect(await isReplayed()).toBe(false);
  expect(await isReplayed()).toBe(true);
  // Who looks in between may use all of them.
  await trainer.evaluate();
  expect(await isReplayed()).toBe(true);
  const heard = vi.fn();
  expect(await isReplayed({ onGradients: heard })).toBe(false);
  expect(heard).toHaveBeenCalledTimes(1);
  expect(await isReplayed()).toBe(true);

  const taken = Array.from({ length: 200 }, (_, i) => runtime.fromArray(Float32Array.of(i, -i), [2]));
  await runtime.recorder.flush();
  expect(await isReplayed()).toBe(false);
  const numbers = Promise.all(taken.map((tensor) => runtime.read(tensor)));
  await runtime.recorder.flush();
  expect((await numbers).map((pair) => [...pair])).toEqual(taken.map((_, i) => [i, -i]));
  // It was kept anew, with other buffers.
  expect(await isReplayed()).toBe(true);
  for (const tensor of taken) tensor.release();
  expect(await isReplayed()).toBe(true);

  runtime.pool.trim();
  expect([await isReplayed(), await isReplayed()]).toEqual([false, true]);
  runtime.tiles.take([]);
  expect([await isReplayed(), await isReplayed()]).toEqual([false, true]);
  // Somebody's upload belongs to no step.
  runtime.fromArray(Float32Array.of(1), [1]).release();
  expect([await isReplayed(), await isReplayed()]).toEqual([false, true]);
  opened.destroy();
});

test('a replayed step that diverges leaves the weights of the step before, and the run goes on from there', async () => {
  const opened = await open({ learningRate: 0.1, warmup: 0 });
  const { trainer, optimiser } = opened;
  for (let i = 0; i <= RECORDED; i++) await trainer.step();
  const state = await saveTraining(runtime, optimiser);
  const again = vi.spyOn(KeptRecording.prototype, 'again');
  const expected = await trainer.step();
  expect(again).toHaveBeenCalledTimes(1);
  await restoreTraining(runtime, optimiser, state);
  for (const { parameters } of optimiser.groups)
    for (const { parameters: numbers } of parameters.blocks)
      runtime.recorder.upload(numbers.slice, new Float32Array(numbers.size).fill(3e18));
  await runtime.recorder.flush();
  const broken = await saveTraining(runtime, optimiser);
  await expect(trainer.step()).rejects.toThrow(TrainingDivergedError);
  expect(again).toHaveBeenCalledTimes(2);
  expect(await saveTraining(runtime, optimiser)).toEqual(broken);
  await restoreTraining(runtime, optimiser, state);
  const { loss, gradientNorm, step } = await trainer.step();
  expect({ loss, gradientNorm, step }).toEqual({
    loss: expected.loss,
    gradientNorm: expected.gradientNorm,
    step: expected.step,
  });
  opened.destroy();
});
