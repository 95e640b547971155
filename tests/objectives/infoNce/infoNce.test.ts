import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { folderFiles } from '../../../src/cli/support/nodeFiles.ts';
import { loadAdapter } from '../../../src/files/adapters/peft.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { loadDecoder, readDecoderConfig } from '../../../src/files/models/decoderFiles.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { rotaryFrequencies } from '../../../src/models/rotaryFrequencies.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { whileFrozen } from '../../../src/models/parameters.ts';
import type { ContrastiveBatch } from '../../../src/objectives/contrastive/contrastive.ts';
import { infoNceObjective, type InfoNceOptions } from '../../../src/objectives/infoNce/objective.ts';
import type { Objective, ObjectiveForward, Observation, PreparedPass } from '../../../src/objectives/objective.ts';
import { recordPass } from '../../../src/objectives/readPass.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { Tape } from '../../../src/ops/core/tape.ts';
import type { Tensor } from '../../../src/ops/core/tensor.ts';
import { folder } from '../../files/helpers.ts';
import { expectClose, numericGradients } from '../../harness/numerics.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { LLAMA_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { referenceDecoder } from '../../reference/decoder.ts';
import { diagonalCrossEntropyReference } from '../../reference/diagonalCrossEntropy.ts';
import { l2Normalize } from '../../reference/l2Normalize.ts';
import { poolRows } from '../../reference/pooling.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const GOLDEN = join(import.meta.dirname, 'golden');
const STEP = join(import.meta.dirname, '../../parity/steps/qwen2-half-query');

interface Golden {
  readonly temperature: number;
  readonly queries: number[][];
  readonly passages: number[][];
  readonly cases: Record<'eos' | 'mean', { readonly loss: number; readonly similarity: number[][] }>;
}

/** Forward and backward of some objectives on one tape, each with its weight; what `read` asks for is read before the end. */
async function differentiate<T>(
  parts: readonly { objective: Objective<ContrastiveBatch>; batch: ContrastiveBatch; weight: number }[],
  read: (tape: Tape, forwards: readonly ObjectiveForward[]) => T,
): Promise<{ observations: Observation[]; found: T }> {
  const tape = new Tape(runtime);
  runtime.beginScope();
  try {
    const passes: PreparedPass[] = [];
    const forwards: ObjectiveForward[] = [];
    for (const { objective, batch, weight } of parts)
      passes.push(objective.prepare(runtime, batch, { lossWeight: weight }));
    for (const pass of passes) forwards.push(await pass.record(tape));
    const pending = passes.map(async (pass, i) => {
      const values = Object.entries(forwards[i]!.reads).map(
        async ([name, tensor]) => [name, await runtime.read(tensor)] as const,
      );
      return pass.observe(Object.fromEntries(await Promise.all(values)));
    });
    tape.backward(
      forwards.flatMap(({ roots }) => roots),
      forwards.map(({ reads }) => reads['similarity']!),
    );
    const found = read(tape, forwards);
    await runtime.recorder.flush();
    return { observations: await Promise.all(pending), found };
  } finally {
    tape.dispose();
    runtime.endScope();
  }
}

describe.each(['eos', 'mean'] as const)('against PyTorch, %s pooling', (pooling) => {
  test('loss, similarities, their gradient and that of every adapter tensor', async () => {
    const golden = JSON.parse(readFileSync(join(GOLDEN, 'expected.json'), 'utf8')) as Golden;
    const expected = await openWeights(folderFiles(GOLDEN), 'expected');
    const base = folderFiles(join(STEP, 'base'));
    const config = await readDecoderConfig(base);
    const weights = await loadDecoder(runtime, base, config, { head: false, trainable: false });
    const loaded = (await loadAdapter(runtime, folderFiles(join(STEP, 'retriever_adapter')), config))!;
    const { adapter, prefix } = loaded;
    adapter.parameters.setTrainable(true);
    adapter.parameters.zeroGradients();
    const objective = infoNceObjective(new Decoder(config, weights, adapter), {
      pooling,
      temperature: golden.temperature,
      checkpointing: false,
    });
    const batch = { pairs: { queryIds: golden.queries, passageIds: golden.passages }, partnersOf: [], labels: [] };
    const { observations, found } = await differentiate([{ objective, batch, weight: 1 }], (tape, [forward]) => ({
      similarity: runtime.read(tape.gradientOf(forward!.reads['similarity']!)!),
      adapter: adapter.specs.map(({ key, parts }) => ({
        parts,
        shape: adapter.parameters.tensor(key).shape,
        values: runtime.read(adapter.parameters.tensor(key).gradient!),
      })),
    }));
    const { loss, similarity } = golden.cases[pooling];
    expect(Math.abs(observations[0]!.loss / loss - 1)).toBeLessThan(5e-6);
    expectClose('S', observations[0]!.matrices['similarity']!, similarity.flat(), { abs: 1e-5 });
    const names = new Set<string>();
    const distance = async (name: string, values: Float32Array): Promise<number> => {
      names.add(name);
      const golden = await expected.readFloats(name);
      const square = (list: Iterable<number>) => Math.sqrt([...list].reduce((sum, value) => sum + value ** 2, 0));
      return square(golden.map((value, i) => value - values[i]!)) / square(golden);
    };
    const worst = [await distance(`${pooling}/similarity`, await found.similarity)];
    for (const { parts, shape, values } of found.adapter) {
      const width = shape.slice(1).reduce((product, length) => product * length, 1);
      for (const { name, rowOffset, rows } of parts) {
        const part = (await values).slice(rowOffset * width, (rowOffset + rows) * width);
        worst.push(await distance(`${pooling}/${prefix}${name}`, part));
      }
    }
    expect(Math.max(...worst)).toBeLessThan(1e-4);
    expect([...names].sort()).toEqual(expected.names.filter((name) => name.startsWith(`${pooling}/`)).sort());
    adapter.destroy();
    weights.destroy();
  });
});

const config = parseDecoderConfig(LLAMA_JSON);
const CROPS = {
  queryIds: [
    [3, 1],
    [5, 9, 2, 6],
    [8, 8, 10],
  ],
  passageIds: [
    [3, 1, 4],
    [5, 9],
    [2, 6, 5, 3, 5],
  ],
};
const OTHER = { queryIds: CROPS.passageIds, passageIds: CROPS.queryIds };
const OPTIONS: InfoNceOptions = { pooling: 'mean', temperature: 0.2, checkpointing: false };

/** The loss in f64, from its definition. */
function reference(tensors: ReturnType<typeof randomCheckpoint>): number {
  const model = { ...config, epsilon: config.rmsNormEpsilon, frequencies: rotaryFrequencies(config), tensors };
  const width = config.hiddenSize;
  const embed = (ids: readonly (readonly number[])[]) =>
    l2Normalize(
      poolRows(
        referenceDecoder(model, ids),
        ids.map((row) => row.length),
        width,
        OPTIONS.pooling,
      ),
      width,
    );
  const [queries, passages] = [embed(CROPS.queryIds), embed(CROPS.passageIds)];
  const similarity = Float64Array.from({ length: 9 }, (_, at) => {
    const [i, j] = [Math.floor(at / 3), at % 3];
    let sum = 0;
    for (let d = 0; d < width; d++) sum += queries[i * width + d]! * passages[j * width + d]!;
    return sum;
  });
  return diagonalCrossEntropyReference(similarity, 3, OPTIONS.temperature).loss;
}

async function trainable() {
  const checkpoint = randomCheckpoint(config, 4);
  const files = folder({ 'model.safetensors': writeSafetensors(checkpoint) });
  const weights = await loadDecoder(runtime, files, config, { head: false, trainable: true });
  weights.parameters!.setTrainable(true);
  weights.parameters!.zeroGradients();
  return { checkpoint, weights, decoder: new Decoder(config, weights) };
}

test('gradients of whole weights are those of finite differences of the definition', async () => {
  const { checkpoint, weights, decoder } = await trainable();
  const objective = infoNceObjective(decoder, OPTIONS);
  const read = (tensor: Tensor) => runtime.read(tensor.gradient!);
  const keys = weights.specs.filter(({ parts }) =>
    parts.some(({ name }) => /layers\.0\.self_attn\.o_proj|model\.norm|embed_tokens/.test(name)),
  );
  const { observations, found } = await differentiate(
    [{ objective, batch: { pairs: CROPS, partnersOf: [], labels: [] }, weight: 1 }],
    () => keys.map(({ key, parts }) => ({ parts, values: read(weights.tensor(key)) })),
  );
  expect(Math.abs(observations[0]!.loss / reference(checkpoint) - 1)).toBeLessThan(5e-6);
  expect(keys.length).toBe(3);
  for (const { parts, values } of found) {
    const { name } = parts[0]!;
    const tensor = checkpoint.find((one) => one.name === name)!;
    const [slopes] = numericGradients(
      ([data]) => reference(checkpoint.map((one) => (one === tensor ? { ...one, data: data as never } : one))),
      [tensor.data],
    );
    expectClose(name, await values, slopes!, { abs: 5e-6, rel: 2e-5 });
    expect(Math.max(...slopes!.map(Math.abs))).toBeGreaterThan(1e-3);
  }
  weights.destroy();
});

test('objectives compose: on one tape, the gradient is the weighted sum of their gradients', async () => {
  const { weights, decoder } = await trainable();
  const objective = infoNceObjective(decoder, OPTIONS);
  const [one, other] = [CROPS, OTHER].map((crops) => ({
    objective,
    batch: { pairs: crops, partnersOf: [], labels: [] },
  }));
  const gradient = async (parts: Parameters<typeof differentiate>[0]) => {
    weights.parameters!.zeroGradients();
    const { found } = await differentiate(parts, () => runtime.read(weights.parameters!.blocks[0]!.gradients));
    return found;
  };
  const [a, b] = [await gradient([{ ...one!, weight: 1 }]), await gradient([{ ...other!, weight: 1 }])];
  const both = await gradient([
    { ...one!, weight: 0.75 },
    { ...other!, weight: -2 },
  ]);
  expectClose(
    'sum',
    both,
    a.map((value, i) => 0.75 * value - 2 * b[i]!),
    { abs: 1e-6, rel: 1e-5 },
  );
  weights.destroy();
});

test('what is observed: the share of matched crops, the scores of whole chunks where they are there', async () => {
  const { weights, decoder } = await trainable();
  const objective = infoNceObjective(decoder, OPTIONS);
  const labels = [0, 1, 0];
  const [training, heldOut] = await Promise.all([
    differentiate([{ objective, batch: { pairs: CROPS, partnersOf: [], labels }, weight: 1 }], () => undefined),
  ]).then(async ([first]) => [
    first.observations[0]!,
    (
      await differentiate(
        [{ objective, batch: { pairs: CROPS, partnersOf: [], whole: OTHER, labels }, weight: 1 }],
        () => undefined,
      )
    ).observations[0]!,
  ]);
  const S = training!.matrices['similarity']!;
  const matched = [0, 1, 2].filter((i) => Math.max(...S.subarray(3 * i, 3 * i + 3)) === S[4 * i]).length / 3;
  expect(training!.metrics['cropAccuracy']).toBe(matched);
  const P = training!.matrices['attention']!;
  for (let i = 0; i < 3; i++) expect(P.subarray(3 * i, 3 * i + 3).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
  expect(heldOut!.loss).toBe(training!.loss);
  expect(heldOut!.matrices['searched']).not.toEqual(S);
  weights.destroy();
});

test('the teaching signal is ∂L/∂S = (P − I) / (B τ), in a step and when one looks, where nothing that is trained gets a gradient', async () => {
  const { weights, decoder } = await trainable();
  const objective = infoNceObjective(decoder, OPTIONS);
  const seen = async (lossWeight: number, endsAtSignals: boolean) => {
    weights.parameters!.zeroGradients();
    runtime.beginScope();
    const batch = { pairs: CROPS, partnersOf: [], labels: [] };
    const pass = objective.prepare(runtime, batch, { lossWeight, endsAtSignals });
    const record = () => recordPass(runtime, (tape) => pass.record(tape));
    const { read } = await (endsAtSignals ? whileFrozen([weights.parameters], record) : record());
    runtime.endScope();
    const gradients = runtime.read(weights.parameters!.blocks[0]!.gradients);
    await runtime.recorder.flush();
    const { matrices } = pass.observe(await read);
    return { matrices, largest: Math.max(...(await gradients).map(Math.abs)) };
  };
  const looked = await seen(1, true);
  const P = looked.matrices['attention']!;
  const expected = P.map((p, at) => (p - Number(at % 4 === 0)) / (3 * OPTIONS.temperature));
  expectClose('∂L/∂S', looked.matrices['similarityGradient']!, expected, { abs: 1e-6, rel: 1e-5 });
  expect(looked.largest).toBe(0);
  const trained = await seen(0.5, false);
  expect(trained.matrices).toEqual(looked.matrices);
  expect(trained.largest).toBeGreaterThan(1e-3);
  weights.destroy();
});
