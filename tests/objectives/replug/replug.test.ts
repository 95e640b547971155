import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadGoldenModels, type GoldenModels } from '../../../src/cli/support/goldenModels.ts';
import { readGoldenOptions, readGoldenBatches } from '../../../src/cli/support/goldenFolder.ts';
import { folderFiles } from '../../../src/cli/support/nodeFiles.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { loadDecoder } from '../../../src/files/models/decoderFiles.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import { rotaryFrequencies } from '../../../src/models/rotaryFrequencies.ts';
import { listDivergence } from '../../../src/ops/listDivergence.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { recordPass } from '../../../src/objectives/readPass.ts';
import { partnerSaves, replugObjective, type ReplugOptions } from '../../../src/objectives/replug/objective.ts';
import { pairLikelihoods } from '../../../src/objectives/replug/pairLikelihoods.ts';
import { pairRows, slicesOf, type PairRow } from '../../../src/objectives/replug/pairs.ts';
import { replugCost } from '../../../src/objectives/replug/table.ts';
import { folder } from '../../files/helpers.ts';
import { expectClose, numericGradients } from '../../harness/numerics.ts';
import { openTestRuntime, runOp } from '../../harness/runtime.ts';
import { QWEN2_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { referenceDecoder } from '../../reference/decoder.ts';
import { linearCrossEntropyReference } from '../../reference/linearCrossEntropy.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const BARE = { leading: [], trailing: [] };

describe('the rows of pairs', () => {
  test('are every chunk behind every other, and predict all tokens of the second', () => {
    const rows = pairRows([[1, 2], [3], [4, 5, 6]], BARE);
    expect(rows).toEqual([
      { ids: [3, 1, 2], from: 1, place: 1 },
      { ids: [4, 5, 6, 1, 2], from: 3, place: 2 },
      { ids: [1, 2, 3], from: 2, place: 3 },
      { ids: [4, 5, 6, 3], from: 3, place: 5 },
      { ids: [1, 2, 4, 5, 6], from: 2, place: 6 },
      { ids: [3, 4, 5, 6], from: 1, place: 7 },
    ]);
  });

  test('have one begin token and one end', () => {
    const template = { leading: [90], trailing: [91] };
    expect(
      pairRows(
        [
          [90, 1, 91],
          [90, 2, 3, 91],
        ],
        template,
      ),
    ).toEqual([
      { ids: [90, 2, 3, 1, 91], from: 3, place: 1 },
      { ids: [90, 1, 2, 3, 91], from: 2, place: 2 },
    ]);
    expect(() => pairRows([[90, 1], [90]], { leading: [90], trailing: [] })).toThrow(
      'Chunk 2 of the batch has no tokens',
    );
  });

  test('come in slices of bounded size, none lost, in order', () => {
    const rows = pairRows([[1, 2, 3], [4], [5, 6, 7, 8], [9, 9]], BARE);
    const slices = slicesOf(rows, 12);
    expect(slices.flat()).toEqual(rows);
    expect(slices.length).toBeGreaterThan(3);
    const tokens = (slice: PairRow[]) => slice.reduce((sum, { ids }) => sum + ids.length, 0);
    for (const slice of slices) expect(tokens(slice)).toBeLessThanOrEqual(12);
    for (const [n, slice] of slices.slice(1).entries())
      expect(tokens(slices[n]!) + slice[0]!.ids.length).toBeGreaterThan(12);
    expect(slicesOf(rows, 1).map(({ length }) => length)).toEqual(rows.map(() => 1));
  });
});

interface Golden {
  readonly nll: number[][];
  readonly similarity: number[][];
  readonly cases: readonly {
    readonly temperature: number;
    readonly languageModelTemperature: number;
    readonly loss: number;
    readonly gradient: number[][];
  }[];
}
const GOLDEN = join(import.meta.dirname, 'golden');
const STEP = join(import.meta.dirname, '../../parity/steps/qwen2-half-query');
const golden = JSON.parse(readFileSync(join(GOLDEN, 'expected.json'), 'utf8')) as Golden;

describe('against PyTorch', () => {
  test.each(golden.cases)(
    'the divergence and its gradient at τ $temperature and $languageModelTemperature',
    async (one) => {
      const size = golden.nll.length;
      const { outputs, gradients } = await runOp(
        runtime,
        [
          { data: Float32Array.from(golden.similarity.flat()), shape: [size, size] },
          { data: Float32Array.from(golden.nll.flat(), (nll) => -nll), shape: [size, size], requiresGrad: false },
        ],
        (c, [s, t]) => {
          const taus = { temperature: one.temperature, targetTemperature: one.languageModelTemperature };
          return [listDivergence(c, s!, t!, taus).loss];
        },
        [Float32Array.of(1)],
      );
      expect(Math.abs(outputs[0]![0]! / one.loss - 1)).toBeLessThan(1e-6);
      // f32 keeps S to 6e-8, which 1/τ makes larger: shares between 0 and 1 are as exact as their exponents.
      const largest = Math.max(...one.gradient.flat().map(Math.abs));
      expectClose('∂S', gradients[0]!, one.gradient.flat(), {
        abs: (largest * 1e-6 * 0.1) / Math.min(0.1, one.temperature),
      });
    },
  );

  test('a whole step: what each chunk costs behind each other, similarities, and the gradient of every adapter tensor', async () => {
    const options = await readGoldenOptions(STEP);
    const loaded: GoldenModels = await loadGoldenModels(runtime, STEP, { ...options, freezeLanguageModel: true });
    const { models, trained } = loaded;
    const [batch] = await readGoldenBatches(STEP);
    const { lmIds, ...retriever } = batch!;
    for (const { parameters } of models.groups) parameters.zeroGradients();
    const objective = replugObjective(
      { retriever: models.retriever, languageModel: models.languageModel! },
      { pooling: 'eos', checkpointing: false, temperature: 0.1, languageModelTemperature: 0.1 },
    );
    runtime.beginScope();
    const pass = objective.prepare(
      runtime,
      { retriever, pairs: pairRows(lmIds, BARE), drawn: [], labels: [] },
      { lossWeight: 1 },
    );
    const { read } = await recordPass(runtime, (tape) => pass.record(tape));
    const gradients = trained.map(({ tensor, parts }) => ({ tensor, parts, values: runtime.read(tensor.gradient!) }));
    runtime.endScope();
    await runtime.recorder.flush();
    const { loss, matrices } = pass.observe(await read);
    expectClose('nll', matrices['pairLoss']!, golden.nll.flat(), { abs: 2e-6, rel: 2e-6 });
    expectClose('S', matrices['similarity']!, golden.similarity.flat(), { abs: 1e-5 });
    expect(Math.abs(loss / golden.cases[0]!.loss - 1)).toBeLessThan(1e-5);
    const expected = await openWeights(folderFiles(GOLDEN), 'expected');
    const names = new Set<string>();
    let worst = 0;
    for (const { tensor, parts, values } of gradients)
      for (const { name, rowOffset, rows } of parts) {
        const key = expected.names.find((one) => name.endsWith(one))!;
        names.add(key);
        const wanted = await expected.readFloats(key);
        const found = (await values).slice(rowOffset * tensor.columns, (rowOffset + rows) * tensor.columns);
        const length = (list: Float32Array) => Math.hypot(...list);
        worst = Math.max(worst, length(wanted.map((value, i) => value - found[i]!)) / length(wanted));
      }
    expect(worst).toBeLessThan(1e-4);
    expect([...names].sort()).toEqual([...expected.names].sort());
    models.destroy();
  });
});

const config = parseDecoderConfig(QWEN2_JSON);
const ROWS = {
  queryIds: [
    [3, 1],
    [5, 9, 2],
    [8, 8, 10],
  ],
  passageIds: [
    [3, 1, 4],
    [5, 9],
    [2, 6, 5, 3, 5],
  ],
};
const CHUNKS = [
  [3, 1, 4, 1],
  [5, 9],
  [2, 6, 5],
];
const OPTIONS: ReplugOptions = {
  pooling: 'mean',
  checkpointing: false,
  temperature: 0.2,
  languageModelTemperature: 0.3,
};

async function trainable(seed: number, head: boolean) {
  const checkpoint = randomCheckpoint(config, seed);
  const files = folder({ 'model.safetensors': writeSafetensors(checkpoint) });
  const weights = await loadDecoder(runtime, files, config, { head, trainable: true });
  weights.parameters!.setTrainable(true);
  weights.parameters!.zeroGradients();
  return { checkpoint, weights, decoder: new Decoder(config, weights) };
}

/** Loss of a pair's second chunk, token by token, in f64. */
function tokenLosses(tensors: ReturnType<typeof randomCheckpoint>, rows: readonly PairRow[]): Float64Array[] {
  const model = { ...config, epsilon: config.rmsNormEpsilon, frequencies: rotaryFrequencies(config), tensors };
  const head = tensors.find(({ name }) => name === 'model.embed_tokens.weight')!.data;
  return rows.map(({ ids, from }) => {
    const hidden = referenceDecoder(model, [ids]);
    const positions = ids.slice(from).map((_, t) => from + t - 1);
    return linearCrossEntropyReference(hidden, head, config.hiddenSize, positions, ids.slice(from)).tokenLoss;
  });
}

test('likelihoods of pairs are those of an f64 decoder, in one slice as in many', async () => {
  const { checkpoint, weights, decoder } = await trainable(3, true);
  const pairs = pairRows(CHUNKS, BARE);
  const losses = tokenLosses(checkpoint, pairs);
  const expected = new Float64Array(9);
  pairs.forEach(({ place }, n) => {
    expected[place] = -losses[n]!.reduce((sum, loss) => sum + loss, 0) / losses[n]!.length;
  });
  const found = await runtime.compute(() => pairLikelihoods(runtime, decoder, pairs, 3));
  expectClose('−nll', found, expected, { abs: 1e-5, rel: 1e-5 });
  const before = runtime.pool.report().liveBuffers;
  for (const sliceTokens of [1, 8, 12])
    expect(await runtime.compute(() => pairLikelihoods(runtime, decoder, pairs, 3, sliceTokens))).toEqual(found);
  expect(runtime.pool.report().liveBuffers).toBe(before);
  weights.destroy();
});

test('a frozen language model gets no gradient; one that learns gets that of its own loss, and the retriever the same as before', async () => {
  const retriever = await trainable(4, false);
  const model = await trainable(5, true);
  const pairs = pairRows(CHUNKS, BARE);
  const drawn = [pairs[1]!, pairs[2]!, pairs[5]!];
  const step = async (learning: boolean, lossWeight = 1) => {
    for (const { weights } of [retriever, model]) weights.parameters!.zeroGradients();
    model.weights.parameters!.setTrainable(learning);
    const objective = replugObjective({ retriever: retriever.decoder, languageModel: model.decoder }, OPTIONS);
    runtime.beginScope();
    const batch = { retriever: ROWS, pairs, drawn: learning ? drawn : [], labels: [] };
    const pass = objective.prepare(runtime, batch, { lossWeight });
    const { read } = await recordPass(runtime, (tape) => pass.record(tape));
    runtime.endScope();
    const gradient = ({ weights }: typeof model, name: string) =>
      runtime.read(weights.tensor(weights.specs.find(({ parts }) => parts[0]?.name === name)!.key).gradient!);
    const found = {
      retriever: gradient(retriever, 'model.layers.1.mlp.down_proj.weight'),
      norm: gradient(model, 'model.layers.0.input_layernorm.weight'),
      embedding: gradient(model, 'model.embed_tokens.weight'),
    };
    await runtime.recorder.flush();
    return {
      observed: pass.observe(await read),
      retriever: await found.retriever,
      norm: await found.norm,
      embedding: await found.embedding,
    };
  };
  const frozen = await step(false);
  const learning = await step(true);
  expect(Math.max(...frozen.norm.map(Math.abs), ...frozen.embedding.map(Math.abs))).toBe(0);
  expect(learning.retriever).toEqual(frozen.retriever);
  expect(Math.max(...frozen.retriever.map(Math.abs))).toBeGreaterThan(1e-4);
  expect(learning.observed.metrics['replugLoss']).toBe(frozen.observed.metrics['replugLoss']);
  const own = (norm: ArrayLike<number>): number => {
    const changed = model.checkpoint.map((tensor) =>
      tensor.name === 'model.layers.0.input_layernorm.weight' ? { ...tensor, data: norm as Float32Array } : tensor,
    );
    const all = tokenLosses(changed, drawn).flatMap((losses) => [...losses]);
    return all.reduce((sum, loss) => sum + loss, 0) / all.length;
  };
  const at = model.checkpoint.find(({ name }) => name === 'model.layers.0.input_layernorm.weight')!.data;
  expect(Math.abs(learning.observed.metrics['ownLoss']! / own(at) - 1)).toBeLessThan(1e-5);
  expect(learning.observed.loss).toBeCloseTo(
    learning.observed.metrics['replugLoss']! + learning.observed.metrics['ownLoss']!,
    6,
  );
  const [slope] = numericGradients(([norm]) => own(norm!), [at]);
  expectClose('∂norm', learning.norm, slope!, { abs: 1e-5, rel: 1e-4 });
  const half = await step(true, 0.5);
  expectClose(
    'half the weight',
    half.norm,
    learning.norm.map((value) => value / 2),
    { abs: 1e-9, rel: 1e-5 },
  );
  expect(half.observed).toEqual(learning.observed);
  for (const { weights } of [retriever, model]) weights.destroy();
});

test('the partner’s advantage is of rows that have both partner and rival', () => {
  const losses = [0, 1, 3, 5, 2, 0, 4, 4, 1, 1, 0, 1, 2, 3, 4, 0];
  // Row 0: rivals 4 − partner 1; row 1: rivals 4 − partner 2; the others are alone.
  expect(partnerSaves(losses, [7, 7, 8, 9])).toBe(2.5);
  expect(partnerSaves(losses, [1, 1, 1, 1])).toBeUndefined();
  expect(partnerSaves(losses, [1, 2, 3, 4])).toBeUndefined();
});

test('what a step costs grows with the square of the batch, and is said', () => {
  // 6 B F for the retriever and 2 B (B − 1) F for the pairs, beside 12 B F.
  expect(replugCost({ chunks: 8 })).toMatchObject({ passes: 56, work: 160, beside: 96 });
  expect(replugCost({ chunks: 16 })).toMatchObject({ passes: 240, work: 576, beside: 192 });
  expect(replugCost({ chunks: 8 }, true)).toMatchObject({ passes: 56, work: 208, beside: 96 });
  expect(replugCost({ chunks: 8 }).words).toContain('56 passes');
  expect(replugCost({ chunks: 16 }).words).toContain('3.0 times');
});
