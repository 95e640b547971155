import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDecoder } from '../../../src/files/models/decoderFiles.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { rotaryFrequencies } from '../../../src/models/rotaryFrequencies.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { LayerGates } from '../../../src/models/gates.ts';
import { fixedGates, revela, type RevelaOptions } from '../../../src/objectives/revela/revela.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import { folder } from '../../files/helpers.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { expectClose, numericGradients } from '../../harness/numerics.ts';
import { QWEN2_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { referenceRevela } from '../../reference/revela.ts';
import { OPTIONS } from './options.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const config = { ...parseDecoderConfig(QWEN2_JSON), layers: 3 };
const BATCH = {
  queryIds: [
    [3, 1, 4, 1],
    [5, 9],
    [2, 6, 5, 3, 5],
    [8, 8],
  ],
  passageIds: [
    [3, 1, 4, 1, 5, 9],
    [5, 9, 2],
    [2, 6, 5, 3, 5, 8, 9, 7],
    [8, 8, 10],
  ],
  lmIds: [
    [3, 1, 4, 1, 5],
    [5, 9],
    [2, 6, 5, 3, 5, 8, 9],
    [8, 8, 10, 0],
  ],
};

/** One step over two random models; all gradients by group, and the loss. */
async function step(options: RevelaOptions, initial: readonly number[] | undefined, control?: Float32Array) {
  const open = (seed: number) =>
    loadDecoder(runtime, folder({ 'model.safetensors': writeSafetensors(randomCheckpoint(config, seed)) }), config, {
      head: true,
      trainable: true,
    });
  const [retriever, languageModel] = [await open(1), await open(2)];
  const gates = initial && new LayerGates(runtime, initial);
  const tape = new Tape(runtime);
  runtime.beginScope();
  const forward = await revela(
    runtime,
    tape,
    { retriever: new Decoder(config, retriever), languageModel: new Decoder(config, languageModel), gates },
    BATCH,
    options,
    control ? { fixedAttention: control } : {},
  );
  const loss = runtime.read(forward.ntpLoss);
  tape.backward(forward.roots);
  tape.dispose();
  runtime.endScope();
  const gradients = [retriever.parameters!, languageModel.parameters!].map(({ blocks }) =>
    runtime.read(blocks[0]!.gradients),
  );
  const ofGates = gates && runtime.read(gates.tensor.gradient!);
  await runtime.recorder.flush();
  const outcome = { loss: (await loss)[0]!, gradients: await Promise.all(gradients), ofGates: await ofGates };
  for (const resource of [retriever, languageModel, gates]) resource?.destroy();
  expect(runtime.pool.report().liveBuffers).toBe(0);
  return outcome;
}

const [retrieverTensors, lmTensors] = [randomCheckpoint(config, 1), randomCheckpoint(config, 2)];
const reference = (gates: ArrayLike<number>, vNorm = true) => {
  const model = (tensors: typeof lmTensors) => ({
    ...config,
    epsilon: config.rmsNormEpsilon,
    frequencies: rotaryFrequencies(config),
    tensors,
  });
  return referenceRevela(
    {
      retriever: model(retrieverTensors),
      languageModel: model(lmTensors),
      head: lmTensors[0]!.data,
      temperature: OPTIONS.temperature,
      pooling: OPTIONS.pooling,
      vNorm,
      gates,
    },
    BATCH,
  ).ntpLoss;
};

test.each([true, false])('the gradient of each γ is that of the whole step in f64 (V-norm %s)', async (vNorm) => {
  const initial = [0, 0.75, -0.4];
  const { loss, ofGates } = await step({ ...OPTIONS, vNorm }, initial);
  // Losses are near 3, and three layers of f32 sums lie between them and the tokens.
  expect(Math.abs(loss / reference(initial, vNorm) - 1)).toBeLessThan(5e-6);
  const [expected] = numericGradients(([gates]) => reference(gates!, vNorm), [initial]);
  // The first layer reads nobody: its γ has no part in the loss that is computed, so it gets no gradient.
  expectClose('gradient of γ', ofGates!, [0, expected![1]!, expected![2]!], { abs: 2e-6, rel: 1e-5 });
  for (const slope of expected!.subarray(1)) expect(Math.abs(slope)).toBeGreaterThan(1e-3);
});

test('under a fixed control the gates are still learnt', async () => {
  const control = Float32Array.from({ length: 16 }, (_, at) => (at >> 2 === at % 4 ? 0 : 1 / 3));
  const { ofGates } = await step(OPTIONS, fixedGates(3, OPTIONS), control);
  expect(ofGates![0]).toBe(0);
  for (const slope of ofGates!.subarray(1)) expect(Math.abs(slope)).toBeGreaterThan(1e-3);
});

test('learnt gates at the fixed value give the bits of a fixed gate: loss and gradients of the language model', async () => {
  expect(fixedGates(3, OPTIONS)).toEqual([0, 0.75, 0.75]);
  const fixed = await step(OPTIONS, undefined);
  const learnt = await step(OPTIONS, fixedGates(3, OPTIONS));
  expect(learnt.loss).toBe(fixed.loss);
  expect(learnt.gradients[1]).toEqual(fixed.gradients[1]);
  // ∂L/∂A is γ times a sum here, and a sum of γ times there.
  expectClose('gradient of the retriever', learnt.gradients[0]!, fixed.gradients[0]!, { abs: 1e-6, rel: 1e-5 });
  expect(fixed.ofGates).toBeUndefined();
});

test('recomputing layers changes no bit of any gradient', async () => {
  for (const initial of [undefined, [0, 0.75, -0.4]]) {
    const kept = await step(OPTIONS, initial);
    expect(await step({ ...OPTIONS, checkpointing: true }, initial)).toEqual(kept);
  }
});
