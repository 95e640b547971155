import { DryPool, DryRecorder, dryDevice, type Imitated } from '../gpu/dryDevice.ts';
import type { Purpose } from '../gpu/pool.ts';
import { Centre } from '../models/centre.ts';
import type { DecoderConfig } from '../models/config.ts';
import { Decoder } from '../models/decoder.ts';
import { LayerGates } from '../models/gates.ts';
import { LoraAdapter, type LoraConfig } from '../models/lora.ts';
import { allocateWeights, type DecoderWeights, type WeightOptions } from '../models/weights.ts';
import type { Objective, ObjectiveBatch, ObjectiveModels } from '../objectives/objective.ts';
import type { Arithmetic } from '../ops/core/arithmetic.ts';
import { Runtime } from '../ops/core/runtime.ts';
import type { DType } from '../ops/core/tensor.ts';
import type { BatchFeed, StepDropout } from '../training/trainer.ts';
import { assemble, type Experiment } from './assemble.ts';
import { buildModels, type ModelSource } from './buildModels.ts';

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
  /** Undefined where the objective needs none. */
  readonly languageModel: PlannedModel | undefined;
  readonly retriever: PlannedModel;
  /** One frozen base, the language model's, under both. */
  readonly sharedBase: boolean;
  /** γ of each layer as it begins, where it is learnt. */
  readonly gates: readonly number[] | undefined;
  /** Whether the retriever's pooled states are centred. */
  readonly centring: boolean;
  readonly bind: (models: ObjectiveModels) => Objective;
  /** The largest there may be. */
  readonly batch: ObjectiveBatch;
  /** Batches per update. */
  readonly accumulation: number;
  readonly dropout: StepDropout | undefined;
  /** Default: the usual one. */
  readonly arithmetic?: Arithmetic;
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
 * runs one evaluation, one look at the probe and one step on a device that only counts. `like`: the GPU whose limits and tiles are meant.
 * @throws GpuLimitError when a buffer is larger than that GPU allows
 */
export async function planMemory(run: PlannedRun, like?: Imitated): Promise<MemoryPlan> {
  const { runtime, pool, recorder } = dryRuntime(like);
  const { trainer } = await countedRun(runtime, run);
  await trainer.evaluate();
  await trainer.look(run.batch);
  const looks = pool.report();
  const before = recorder.counts;
  const { memory } = await trainer.step();
  const after = recorder.counts;
  return {
    byPurpose: largest(looks.peak, memory.peak),
    atPeak: pool.atPeak,
    peakTotal: Math.max(looks.peakTotal, memory.peakTotal),
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

/** A runtime on which nothing is computed, and the books that it keeps. */
export function dryRuntime(like?: Imitated): { runtime: Runtime; pool: DryPool; recorder: DryRecorder } {
  const runtime = new Runtime(dryDevice(like));
  const { pool, recorder } = runtime;
  if (!(pool instanceof DryPool && recorder instanceof DryRecorder))
    throw new Error('A dry device needs a pool and a recorder that only count: this is a bug.');
  return { runtime, pool, recorder };
}

function largest(a: Record<Purpose, number>, b: Record<Purpose, number>): Record<Purpose, number> {
  const entries = Object.entries(a) as [Purpose, number][];
  return Object.fromEntries(entries.map(([name, bytes]) => [name, Math.max(bytes, b[name])])) as typeof a;
}

/**
 * The run itself, with weights that are only allocated: neither memory nor shapes depend on the numbers.
 * @param runtime of a dry device
 * @param feed other batches than the largest there may be
 */
export async function countedRun(
  runtime: Runtime,
  run: PlannedRun,
  feed: BatchFeed<ObjectiveBatch> = { batchAt: () => run.batch, scored: () => [run.batch] },
): Promise<Experiment<ObjectiveBatch>> {
  const { languageModel, retriever } = run;
  const learns = { retriever: retriever.learns, languageModel: languageModel?.learns ?? false };
  const models = await buildModels(countedModels(runtime, run), {
    needsLanguageModel: languageModel !== undefined,
    learns,
  });
  return assemble(runtime, {
    models,
    objective: run.bind(models),
    feed,
    optimiser: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, clipNorm: 1 },
    learningRate: () => 0,
    accumulation: run.accumulation,
    dropout: run.dropout,
  });
}

function countedModels(
  runtime: Runtime,
  { languageModel, retriever, sharedBase, gates, centring, arithmetic }: PlannedRun,
): ModelSource {
  const weights = ({ config, trainable, storage, shardRows }: PlannedModel, head: boolean) =>
    allocateWeights(runtime, config, { head, trainable, ...(storage && { storage }), ...(shardRows && { shardRows }) });
  const decoder = ({ config, adapter }: PlannedModel, own: DecoderWeights) =>
    new Decoder(config, own, adapter && new LoraAdapter(runtime, config, adapter), arithmetic);
  return {
    languageModel: () => {
      if (!languageModel) throw new Error('The plan has no language model: this is a bug.');
      return decoder(languageModel, weights(languageModel, true));
    },
    retriever: (_keep, other) => decoder(retriever, (sharedBase && other?.weights) || weights(retriever, false)),
    gates: () => gates && new LayerGates(runtime, gates),
    centre: (_keep, { config }) => (centring ? new Centre(runtime, config.hiddenSize) : undefined),
    untrainedRetriever: () => Promise.reject(new Error('A planned run is never searched: this is a bug.')),
  };
}
