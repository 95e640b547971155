import type { TokenBatch } from '../corpus/types.ts';
import { DryPool, DryRecorder, dryDevice, type Imitated } from '../gpu/dryDevice.ts';
import type { Purpose } from '../gpu/pool.ts';
import type { DecoderConfig } from '../models/config.ts';
import { Decoder } from '../models/decoder.ts';
import { LayerGates } from '../models/gates.ts';
import { LoraAdapter, type LoraConfig } from '../models/lora.ts';
import { allocateWeights, type WeightOptions } from '../models/weights.ts';
import { fixedGates, type RevelaOptions } from '../objectives/revela.ts';
import { Runtime } from '../ops/core/runtime.ts';
import type { DType } from '../ops/core/tensor.ts';
import type { TrainingBatch } from './batches.ts';
import { Optimiser } from './optimiser.ts';
import { parameterGroups } from './parameterGroups.ts';
import { Trainer } from './trainer.ts';

/** One of the two models, as far as memory goes. */
export interface PlannedModel {
  readonly config: DecoderConfig;
  /** All weights are f32 parameters with gradients (trained whole); otherwise they are frozen, stored as `storage` says. */
  readonly trainable: boolean;
  readonly storage?: WeightOptions['storage'];
  readonly shardRows?: number;
  readonly adapter?: LoraConfig | undefined;
  /** What it has to train gets gradients and optimiser moments. */
  readonly learns: boolean;
}

/** What a run is made of. */
export interface PlannedRun {
  readonly languageModel: PlannedModel;
  readonly retriever: PlannedModel;
  /** One frozen base, the language model's, under both. */
  readonly sharedBase: boolean;
  /** γ is learnt, one per layer. */
  readonly learnsGates: boolean;
  /** A is a control's, not the retriever's. */
  readonly fixedAttention: boolean;
  /** B. */
  readonly chunks: number;
  /** Tokens of the longest row of each kind, EOS included where there is one. */
  readonly tokens: { readonly query: number; readonly passage: number; readonly languageModel: number };
  readonly options: RevelaOptions;
  /** Batches per update. */
  readonly accumulation: number;
}

/** What a step at its largest takes: every row full, every pair of chunks read. Bytes, as the pool counts them. */
export interface MemoryPlan {
  /** Highest of each purpose at any time; they need not come at the same time. */
  readonly byPurpose: Readonly<Record<Purpose, number>>;
  /** Most bytes in use at once, by purpose: their sum is peakTotal. */
  readonly atPeak: Readonly<Record<Purpose, number>>;
  readonly peakTotal: number;
  /** Most bytes that the pool holds, with the buffers it keeps for reuse. */
  readonly peakHeld: number;
  readonly largestBuffer: number;
  readonly largestBinding: number;
  /** Work of one step. */
  readonly step: { readonly dispatches: number; readonly flops: number; readonly bytes: number };
}

/** Storage of a frozen base whose matrices and tables are all `dtype`: norms and biases are f32, as the loader has them. */
export function storedAs(dtype: DType): NonNullable<WeightOptions['storage']> {
  return ({ role }) => (role === 'matrix' || role === 'embedding' ? dtype : 'f32');
}

/**
 * Predicts the GPU memory of a run by going through it without a GPU: the same code allocates weights, adapters and optimiser and
 * runs one evaluation and one step on a device that only counts. `like`: the GPU whose limits and tiles are meant.
 * @throws GpuLimitError when a buffer is larger than that GPU allows
 */
export async function planMemory(run: PlannedRun, like?: Imitated): Promise<MemoryPlan> {
  const runtime = new Runtime(dryDevice(like));
  const { pool, recorder } = runtime;
  if (!(pool instanceof DryPool && recorder instanceof DryRecorder))
    throw new Error('A dry device needs a pool and a recorder that only count: this is a bug.');
  const trainer = buildTrainer(runtime, run);
  await trainer.evaluate();
  const evaluation = pool.report();
  const before = recorder.counts;
  const { memory } = await trainer.step();
  const after = recorder.counts;
  return {
    byPurpose: largest(evaluation.peak, memory.peak),
    atPeak: pool.atPeak,
    peakTotal: Math.max(evaluation.peakTotal, memory.peakTotal),
    peakHeld: pool.peakHeld,
    largestBuffer: pool.largestBuffer,
    largestBinding: recorder.largestBinding,
    step: {
      dispatches: after.dispatches - before.dispatches,
      flops: after.flops - before.flops,
      bytes: after.bytes - before.bytes,
    },
  };
}

function largest(a: Record<Purpose, number>, b: Record<Purpose, number>): Record<Purpose, number> {
  const entries = Object.entries(a) as [Purpose, number][];
  return Object.fromEntries(entries.map(([name, bytes]) => [name, Math.max(bytes, b[name])])) as typeof a;
}

function buildTrainer(runtime: Runtime, run: PlannedRun): Trainer<TrainingBatch> {
  const { options } = run;
  const weights = ({ config, trainable, storage, shardRows }: PlannedModel, head: boolean) =>
    allocateWeights(runtime, config, { head, trainable, ...(storage && { storage }), ...(shardRows && { shardRows }) });
  const lmWeights = weights(run.languageModel, true);
  const retrieverWeights = run.sharedBase ? lmWeights : weights(run.retriever, false);
  const decoder = ({ config, adapter }: PlannedModel, own: typeof lmWeights) =>
    new Decoder(config, own, adapter && new LoraAdapter(runtime, config, adapter));
  const languageModel = decoder(run.languageModel, lmWeights);
  const retriever = decoder(run.retriever, retrieverWeights);
  const gates = run.learnsGates
    ? new LayerGates(runtime, fixedGates(run.languageModel.config.layers, options))
    : undefined;

  const models = { retriever, languageModel, gates };
  const groups = parameterGroups(models, { retriever: run.retriever.learns, languageModel: run.languageModel.learns });
  const batch = fullBatch(run);
  return new Trainer({
    runtime,
    models,
    // Memory does not depend on the numbers.
    optimiser: new Optimiser(runtime, groups, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 }),
    feed: { batchAt: () => batch, heldOut: () => [batch] },
    options,
    schedule: { learningRate: 0, warmup: 0, decaySteps: 0 },
    accumulation: run.accumulation,
    evaluateEvery: 0,
  });
}

/** A batch whose rows are all full, with as many different tokens as there may be. */
function fullBatch({ chunks, tokens, fixedAttention, languageModel, retriever }: PlannedRun): TrainingBatch {
  const rows = (length: number, { config }: PlannedModel) =>
    Array.from({ length: chunks }, (_, row) =>
      Array.from({ length }, (__, t) => (row * length + t) % config.vocabularySize),
    );
  const batch: TokenBatch = {
    queryIds: rows(tokens.query, retriever),
    passageIds: rows(tokens.passage, retriever),
    lmIds: rows(tokens.languageModel, languageModel),
  };
  return {
    tokens: batch,
    labels: [],
    ...(fixedAttention ? { fixedAttention: new Float32Array(chunks * chunks) } : {}),
  };
}
