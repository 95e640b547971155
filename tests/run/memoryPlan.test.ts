import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { GpuLimitError } from '../../src/gpu/errors.ts';
import { PURPOSES } from '../../src/gpu/pool.ts';
import { DEFAULT_LIMITS } from '../../src/gpu/dryDevice.ts';
import { parseDecoderConfig, type DecoderConfig } from '../../src/models/config.ts';
import { Centre } from '../../src/models/centre.ts';
import { Decoder } from '../../src/models/decoder.ts';
import { firstLayers } from '../../src/models/depth.ts';
import { LayerGates } from '../../src/models/gates.ts';
import { LORA_TARGETS, LoraAdapter } from '../../src/models/lora.ts';
import { allocateWeights, type DecoderWeights } from '../../src/models/weights.ts';
import { fullContent, fullRows } from '../../src/objectives/objective.ts';
import type { ContrastiveBatch } from '../../src/objectives/contrastive/contrastive.ts';
import { infoNceObjective } from '../../src/objectives/infoNce/objective.ts';
import { revelaObjective, withLanguageModel, type RevelaBatch } from '../../src/objectives/revela/objective.ts';
import { fixedGates, type RevelaOptions } from '../../src/objectives/revela/revela.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';
import { assemble } from '../../src/run/assemble.ts';
import { buildModels, type ModelSource } from '../../src/run/buildModels.ts';
import { planMemory, storedAs, type PlannedModel, type PlannedRun } from '../../src/run/memoryPlan.ts';
import type { StepDropout } from '../../src/training/trainer.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { randomArray, randomInt, seededRandom } from '../harness/numerics.ts';
import { LLAMA_JSON, QWEN2_JSON, QWEN3_JSON } from '../harness/tinyDecoder.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

// Wide enough for tensors beyond the smallest buffers, small enough for a software GPU.
const qwen = {
  ...parseDecoderConfig(QWEN2_JSON),
  hiddenSize: 64,
  headDim: 16,
  intermediateSize: 160,
  vocabularySize: 301,
};
const llama = parseDecoderConfig(LLAMA_JSON);

const qwen3 = parseDecoderConfig({
  ...QWEN3_JSON,
  vocab_size: 301,
  hidden_size: 64,
  head_dim: 24,
  intermediate_size: 160,
});

const FULL: PlannedModel = { config: qwen, trainable: true, learns: true };
const LORA: PlannedModel = {
  config: qwen,
  trainable: false,
  storage: storedAs('bf16'),
  adapter: { rank: 4, alpha: 8, targets: LORA_TARGETS },
  learns: true,
};

const NARROW: PlannedModel = {
  ...LORA,
  config: { ...qwen, layers: 1, hiddenSize: 32, headDim: 8, intermediateSize: 64 },
};

/** A run, as far as memory goes, in words of its settings. */
interface Case {
  readonly languageModel: PlannedModel | undefined;
  readonly retriever: PlannedModel;
  readonly sharedBase: boolean;
  readonly learnsGates: boolean;
  readonly centring: boolean;
  readonly fixedAttention: boolean;
  readonly chunks: number;
  readonly tokens: { readonly query: number; readonly passage: number; readonly languageModel: number };
  readonly options: RevelaOptions;
  readonly accumulation: number;
  readonly dropout?: StepDropout;
}

const RUN: Case = {
  languageModel: FULL,
  retriever: FULL,
  sharedBase: false,
  learnsGates: false,
  centring: false,
  fixedAttention: false,
  chunks: 4,
  tokens: { query: 11, passage: 20, languageModel: 19 },
  options: {
    temperature: 0.1,
    vNorm: true,
    dualLoss: false,
    pooling: 'mean',
    contextGate: 1,
    contextLayers: undefined,
    lossMask: 'all',
    detachKeyValues: false,
    checkpointing: false,
  },
  accumulation: 1,
};
const DROPOUT: StepDropout = { rate: 0.1, keyAt: (position) => Uint32Array.of(position, 1) };
const SHARED: Case = { ...RUN, languageModel: LORA, retriever: LORA, sharedBase: true };

/** The same run on decoders of another family. */
function ofFamily(config: DecoderConfig, run: Case): Case {
  const { languageModel, retriever } = run;
  return { ...run, languageModel: languageModel && { ...languageModel, config }, retriever: { ...retriever, config } };
}

function fill({ slice, size, dtype, scales }: Tensor, random: () => number): void {
  const values = randomArray(random, size, 0.1);
  if (scales) fill(scales, random);
  if (dtype === 'f32') runtime.recorder.upload(slice, values);
  // The upper half of an f32 is a bf16.
  else if (dtype === 'bf16')
    runtime.recorder.upload(slice, new Uint16Array(values.buffer).filter((_, i) => i % 2 === 1).slice());
  else
    runtime.recorder.upload(
      slice,
      Int8Array.from(values, (value) => 1270 * value),
    );
}

/** Revela where there is a language model, InfoNCE where there is none. */
const bind =
  ({ languageModel, options }: Case): PlannedRun['bind'] =>
  (models) =>
    languageModel
      ? revelaObjective(withLanguageModel(models), options)
      : infoNceObjective(models.retriever, { ...options, centre: models.centre });

/** A batch with rows of full length, as `ids` makes them. */
function batchOf(run: Case, ids: (length: number, model: PlannedModel) => number[][]): RevelaBatch & ContrastiveBatch {
  const queryIds = ids(run.tokens.query, run.retriever);
  const passageIds = ids(run.tokens.passage, run.retriever);
  const lmIds = run.languageModel ? ids(run.tokens.languageModel, run.languageModel) : [];
  const [queryContent, passageContent] = [run.tokens.query, run.tokens.passage].map((length) =>
    fullContent(run.chunks, length),
  );
  const rows = { queryIds, passageIds, queryContent, passageContent };
  const uniform = new Float32Array(run.chunks ** 2).map((_, at) =>
    Math.floor(at / run.chunks) === at % run.chunks ? 0 : 1 / (run.chunks - 1),
  );
  return {
    tokens: { ...rows, lmIds },
    pairs: rows,
    partnersOf: [],
    whole: rows,
    labels: [],
    ...(run.fixedAttention ? { fixedAttention: uniform } : {}),
  };
}

function planned(run: Case): PlannedRun {
  const { languageModel, retriever, sharedBase, accumulation, centring, options } = run;
  return {
    languageModel,
    retriever,
    sharedBase,
    centring,
    gates: run.learnsGates && languageModel ? fixedGates(languageModel.config.layers, options) : undefined,
    bind: bind(run),
    // As many different tokens as there may be.
    batch: batchOf(run, (length, { config }) => fullRows(run.chunks, length, config.vocabularySize)),
    accumulation,
    dropout: run.dropout,
  };
}

/** An evaluation and a step on the test adapter, with random weights and full rows; what the pool counted. */
async function measure(run: Case, sameRows: boolean) {
  const random = seededRandom(5);
  const owned: { destroy(): void }[] = [];
  const keep = <T extends { destroy(): void }>(made: T): T => {
    owned.push(made);
    return made;
  };
  expect(runtime.pool.report().liveBuffers).toBe(0);
  runtime.pool.trim();
  runtime.pool.resetPeak();
  const weights = ({ config, trainable, storage }: PlannedModel, head: boolean) => {
    const made = keep(allocateWeights(runtime, config, { head, trainable, ...(storage ? { storage } : {}) }));
    for (const { key } of made.specs) fill(made.tensor(key), random);
    return made;
  };
  const decoder = ({ config, adapter }: PlannedModel, own: DecoderWeights) => {
    if (!adapter) return new Decoder(config, own);
    const lora = keep(new LoraAdapter(runtime, config, adapter));
    for (const { key } of lora.specs) fill(lora.parameters.tensor(key), random);
    return new Decoder(config, own, lora);
  };
  const source: ModelSource = {
    languageModel: () => decoder(run.languageModel!, weights(run.languageModel!, true)),
    retriever: (_keep, other) =>
      decoder(run.retriever, (run.sharedBase && other?.weights) || weights(run.retriever, false)),
    gates: (_keep, { config: { layers } }) =>
      run.learnsGates ? keep(new LayerGates(runtime, fixedGates(layers, run.options))) : undefined,
    centre: (_keep, { config }) => {
      if (!run.centring) return undefined;
      const centre = keep(new Centre(runtime, config.hiddenSize));
      centre.set(Float32Array.from(randomArray(random, 2 * config.hiddenSize)));
      return centre;
    },
    untrainedRetriever: () => Promise.reject(new Error('Nobody searches here.')),
  };
  const models = await buildModels(source, {
    needsLanguageModel: run.languageModel !== undefined,
    learns: { retriever: run.retriever.learns, languageModel: run.languageModel?.learns ?? false },
  });
  const batch = batchOf(run, (length, { config }) => {
    const row = () => Array.from({ length }, () => randomInt(random, 0, config.vocabularySize - 1));
    const first = row();
    return Array.from({ length: run.chunks }, () => (sameRows ? first : row()));
  });
  const { trainer, optimiser } = assemble(runtime, {
    models,
    objective: bind(run)(models),
    feed: { batchAt: () => batch, scored: () => [batch] },
    optimiser: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
    learningRate: () => 1e-3,
    accumulation: run.accumulation,
    dropout: run.dropout,
  });
  keep(optimiser);
  // What the pool held before it gave back what it found too much.
  let held = 0;
  const trim = vi.spyOn(runtime.pool, 'trim').mockImplementation(() => {
    held = runtime.pool.report().total;
  });
  await trainer.evaluate();
  await trainer.look(batch);
  const looks = runtime.pool.report();
  const { memory, gradientNorm } = await trainer.step();
  expect(gradientNorm).toBeGreaterThan(0);
  trim.mockRestore();
  for (const made of owned) made.destroy();
  return {
    byPurpose: Object.fromEntries(
      PURPOSES.map((purpose) => [purpose, Math.max(looks.peak[purpose], memory.peak[purpose])]),
    ),
    peakTotal: Math.max(looks.peakTotal, memory.peakTotal),
    held: Math.max(held, memory.total),
  };
}

test.each<[string, Case, { sameRows?: boolean }?]>([
  ['two whole models', RUN],
  ['two whole models, recomputing layers', { ...RUN, options: { ...RUN.options, checkpointing: true } }],
  [
    'two whole models that normalise heads, recomputing layers',
    { ...ofFamily(qwen3, RUN), options: { ...RUN.options, checkpointing: true } },
  ],
  ['two adapters on one bf16 base that normalises heads', ofFamily(qwen3, SHARED)],
  ['dual loss', { ...RUN, options: { ...RUN.options, dualLoss: true } }],
  ['two adapters on one bf16 base', SHARED],
  ['two adapters on one bf16 base, recomputing', { ...SHARED, options: { ...RUN.options, checkpointing: true } }],
  [
    'adapters on some projections of one bf16 base',
    {
      ...SHARED,
      languageModel: { ...LORA, adapter: { rank: 4, alpha: 8, targets: ['k_proj', 'v_proj', 'up_proj'] } },
      retriever: { ...LORA, adapter: { rank: 4, alpha: 8, targets: ['q_proj'] } },
    },
  ],
  ['two adapters with dropout', { ...SHARED, dropout: DROPOUT }],
  [
    'two adapters with dropout, recomputing',
    { ...SHARED, dropout: DROPOUT, options: { ...RUN.options, checkpointing: true } },
  ],
  ['two batches per update', { ...SHARED, accumulation: 2 }],
  [
    'two bases of different families, one f32, and a language model that does not learn',
    {
      ...RUN,
      languageModel: { config: llama, trainable: false, learns: false },
      retriever: LORA,
      options: { ...RUN.options, checkpointing: true },
    },
  ],
  // All chunks are the same text, so that no pair underflows and the largest step really comes.
  ['τ of the paper', { ...SHARED, options: { ...RUN.options, temperature: 1e-4 } }, { sameRows: true }],
  [
    'learnt gates in the upper layer, V-normalisation off, detached keys and values',
    {
      ...SHARED,
      learnsGates: true,
      options: { ...RUN.options, contextLayers: [1], vNorm: false, detachKeyValues: true },
    },
  ],
  [
    'a control for A, so that the retriever does not learn',
    { ...RUN, fixedAttention: true, retriever: { ...FULL, learns: false } },
  ],
  ['InfoNCE, whole, without a language model', { ...RUN, languageModel: undefined }],
  ['InfoNCE with an adapter on a bf16 base', { ...RUN, languageModel: undefined, retriever: LORA }],
  [
    'the first layer of the base that both stand on, its content pooled and centred',
    {
      ...SHARED,
      centring: true,
      retriever: { ...LORA, config: firstLayers(qwen, 1) },
      options: { ...RUN.options, pooling: 'content' },
    },
  ],
  ['the first layer, trained whole', { ...RUN, retriever: { ...FULL, config: firstLayers(qwen, 1) } }],
  [
    'InfoNCE on the first layer, centred, recomputing',
    {
      ...RUN,
      centring: true,
      languageModel: undefined,
      retriever: { ...LORA, config: firstLayers(qwen, 1) },
      options: { ...RUN.options, checkpointing: true },
    },
  ],
  [
    'a batch so large that the retriever takes it in two passes',
    {
      ...RUN,
      languageModel: NARROW,
      retriever: NARROW,
      sharedBase: true,
      chunks: 8,
      tokens: { query: 64, passage: 70, languageModel: 24 },
      options: { ...RUN.options, checkpointing: true },
    },
  ],
])('the plan is what the pool counts: %s', async (_what, run, { sameRows = false } = {}) => {
  const plan = await planMemory(planned(run), runtime.gpu);
  const real = await measure(run, sameRows);
  for (const purpose of ['weights', 'gradients', 'optimiser'] as const)
    expect(plan.byPurpose[purpose], purpose).toBe(real.byPurpose[purpose]);
  // The plan's rows have as many different tokens as may be. The index of a real batch is smaller by a few hundred bytes, and
  // so another idle buffer may serve a wish.
  for (const [what, planned, counted] of [
    ['activations', plan.byPurpose.activations, real.byPurpose['activations']!],
    ['scratch', plan.byPurpose.scratch, real.byPurpose['scratch']!],
    ['peak', plan.peakTotal, real.peakTotal],
    ['held', plan.peakHeld, real.held],
  ] as const)
    expect(Math.abs(planned / counted - 1), what).toBeLessThan(0.01);
  expect(PURPOSES.reduce((sum, purpose) => sum + plan.atPeak[purpose], 0)).toBe(plan.peakTotal);
});

const QWEN_HALF_B = parseDecoderConfig({
  model_type: 'qwen2',
  vocab_size: 151936,
  hidden_size: 896,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  intermediate_size: 4864,
  rope_theta: 1e6,
  rms_norm_eps: 1e-6,
  tie_word_embeddings: true,
});

/** The preset for pretrained checkpoints, on Qwen2.5-0.5B: B 8 × 128 tokens, r 16. */
function preset(dtype: 'bf16' | 'i8' | 'f32', changes: Partial<RevelaOptions> = {}): Case {
  const model: PlannedModel = {
    config: QWEN_HALF_B,
    trainable: false,
    storage: storedAs(dtype),
    adapter: { rank: 16, alpha: 32, targets: LORA_TARGETS },
    learns: true,
  };
  return {
    languageModel: model,
    retriever: model,
    sharedBase: true,
    learnsGates: false,
    centring: false,
    fixedAttention: false,
    chunks: 8,
    tokens: { query: 128, passage: 128, languageModel: 127 },
    options: {
      ...RUN.options,
      temperature: 0.05,
      vNorm: false,
      contextGate: 0.25,
      contextLayers: Array.from({ length: 12 }, (_, i) => 12 + i),
      checkpointing: true,
      ...changes,
    },
    accumulation: 1,
  };
}

test.each([
  ['bf16', 2.0e9],
  ['i8', 1.5e9],
] as const)('Qwen2.5-0.5B in %s with default limits stays below %f bytes', async (dtype, most) => {
  for (const changes of [{}, { contextLayers: undefined, vNorm: true, temperature: 1e-4, dualLoss: true }]) {
    const plan = await planMemory(planned(preset(dtype, changes)));
    console.log(dtype, JSON.stringify(changes), JSON.stringify(plan));
    expect(plan.peakHeld).toBeLessThanOrEqual(most);
    expect(plan.peakTotal).toBeLessThanOrEqual(plan.peakHeld);
    expect(plan.largestBinding).toBeLessThanOrEqual(plan.largestBuffer);
    expect(plan.largestBinding).toBeLessThanOrEqual(DEFAULT_LIMITS.maxStorageBufferBindingSize);
  }
});

test('a buffer beyond the limits is refused as a step would be', async () => {
  const run = preset('bf16');
  const tokens = { query: 1000, passage: 1000, languageModel: 999 };
  await expect(planMemory(planned({ ...run, tokens }))).rejects.toThrow(GpuLimitError);
});

test('a dry run needs no GPU, and makes no large arrays on the way', async () => {
  const before = process.memoryUsage().arrayBuffers;
  await planMemory(planned(preset('f32', { checkpointing: false })));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20);
});
