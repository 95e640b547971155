import { expect, test } from 'vitest';
import { loadDecoder } from '../../../src/files/models/decoderFiles.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { rotaryFrequencies } from '../../../src/models/rotaryFrequencies.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { revela } from '../../../src/objectives/revela/revela.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import { folder } from '../../files/helpers.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import {
  expectClose,
  numericGradients,
  randomArray,
  randomInt,
  seededRandom,
  weightedSum,
} from '../../harness/numerics.ts';
import { QWEN2_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { referenceRevela } from '../../reference/revela.ts';

test('rows of more than 1,024 tokens, which the retriever takes in two passes, give S and gradients of the f64 step', async () => {
  const runtime = await openTestRuntime();
  const config = { ...parseDecoderConfig(QWEN2_JSON), layers: 1 };
  const random = seededRandom(3);
  const rows = (shortest: number, longest: number) =>
    Array.from({ length: 6 }, () =>
      Array.from({ length: randomInt(random, shortest, longest) }, () => randomInt(random, 0, 10)),
    );
  const batch = { queryIds: rows(80, 95), passageIds: rows(95, 100), lmIds: rows(5, 9) };
  expect([...batch.queryIds, ...batch.passageIds].flat().length).toBeGreaterThan(1024);
  const tensors = [randomCheckpoint(config, 1), randomCheckpoint(config, 2)];
  const [retriever, languageModel] = await Promise.all(
    tensors.map((checkpoint, i) =>
      loadDecoder(runtime, folder({ 'model.safetensors': writeSafetensors(checkpoint) }), config, {
        head: i === 1,
        trainable: true,
      }),
    ),
  );
  const options = {
    temperature: 0.3,
    vNorm: false,
    dualLoss: false,
    pooling: 'mean',
    contextGate: 1,
    contextLayers: undefined,
    lossMask: 'all',
    detachKeyValues: false,
  } as const;
  const step = async (checkpointing: boolean) => {
    retriever!.parameters!.zeroGradients();
    const tape = new Tape(runtime);
    runtime.beginScope();
    const models = { retriever: new Decoder(config, retriever!), languageModel: new Decoder(config, languageModel!) };
    const forward = await revela(runtime, tape, models, batch, { ...options, checkpointing });
    const pending = [runtime.read(forward.similarity), runtime.read(forward.ntpLoss)];
    tape.backward(forward.roots);
    tape.dispose();
    runtime.endScope();
    pending.push(runtime.read(retriever!.tensor('0.o.weight').gradient!));
    await runtime.recorder.flush();
    return Promise.all(pending);
  };
  const [similarity, loss, gradient] = await step(false);
  expect(await step(true)).toEqual([similarity, loss, gradient]);

  const output = tensors[0]!.find(({ name }) => name.endsWith('o_proj.weight'))!;
  const direction = randomArray(random, output.data.length);
  const reference = (way: number) => {
    const changed = Float64Array.from(output.data, (value, i) => value + way * direction[i]!);
    const [own, lm] = tensors.map((checkpoint) => ({
      ...config,
      epsilon: config.rmsNormEpsilon,
      frequencies: rotaryFrequencies(config),
      // The reference reads numbers of any precision; finite differences need f64.
      tensors: checkpoint.map((tensor) =>
        tensor === output ? { ...tensor, data: changed as unknown as Float32Array } : tensor,
      ),
    }));
    const head = tensors[1]![0]!.data;
    return referenceRevela({ retriever: own!, languageModel: lm!, head, gates: [1], ...options }, batch);
  };
  const expected = reference(0);
  expectClose('similarity', similarity!, expected.similarity, { abs: 5e-6 });
  expectClose('loss', loss!, [expected.ntpLoss], { abs: 1e-5 });
  const [slope] = numericGradients(([way]) => reference(way![0]!).ntpLoss, [[0]], 1e-4);
  const size = Math.hypot(...gradient!) * Math.hypot(...direction);
  expect(size).toBeGreaterThan(1e-5);
  expectClose('gradient along a direction', [weightedSum(gradient!, direction)], slope!, { abs: 2e-5 * size });
  expect(Math.abs(slope![0]!)).toBeGreaterThan(1e-3 * size);
  runtime.destroy();
});
