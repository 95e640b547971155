import type { Runtime } from '../ops/core/runtime.ts';
import { Tensor, tensorBytes, type DType } from '../ops/core/tensor.ts';
import {
  decoderLayout,
  LAYER_NORM_NAMES,
  MERGED_LINEAR_NAMES,
  type LayerNorm,
  type MergedLinear,
  type TensorSpec,
} from './layout.ts';
import type { DecoderConfig } from './config.ts';
import { ParameterSet } from './parameters.ts';

export interface LinearWeights {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
}

export interface LayerWeights {
  /** Weights of those norms that the decoder has. */
  readonly norms: Readonly<Partial<Record<LayerNorm, Tensor>>>;
  readonly linears: Readonly<Record<MergedLinear, LinearWeights>>;
}

/** A tensor table cut along its rows. */
export type Shards = readonly { readonly weight: Tensor }[];

/** All weights of a decoder on the GPU, trainable (in a ParameterSet) or frozen (each tensor as it was stored). */
export interface DecoderWeights {
  readonly specs: readonly TensorSpec[];
  readonly embedding: Shards;
  readonly layers: readonly LayerWeights[];
  /** Undefined for the first layers of a decoder. */
  readonly finalNorm: Tensor | undefined;
  /** Output head; the embedding itself when tied; undefined for a retriever. */
  readonly head: Shards | undefined;
  /** Present when trainable. */
  readonly parameters: ParameterSet | undefined;
  tensor(key: string): Tensor;
  destroy(): void;
}

export interface WeightOptions {
  /** Language model: with an output head. */
  readonly head: boolean;
  readonly trainable: boolean;
  /** Most rows of a piece of the embedding and of the head. Default: as many as this GPU can bind. */
  readonly shardRows?: number;
  /** How frozen matrices are stored; trainable ones, norms and biases are f32. */
  readonly storage?: (spec: TensorSpec) => DType;
}

/** What limits the size of one tensor on a GPU. */
export type SizeLimits = Pick<GPUSupportedLimits, 'maxBufferSize' | 'maxStorageBufferBindingSize'>;

/** Shards of so many rows begin where whole tiles of the logits do. */
const SHARD_ALIGN = 64;

/**
 * Rows per shard of a table of `rows` rows of `rowBytes` bytes: the fewest shards of nearly equal size that each fit into
 * one binding. A row too large for any binding makes shards of one row, which the pool then refuses with the sizes.
 */
export function tableShardRows(limits: SizeLimits, rows: number, rowBytes: number): number {
  // Trainable tensors lie at multiples of 256 bytes, so no binding is used to its last few.
  const bindable = 256 * Math.floor(Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize) / 256);
  const most = Math.max(1, Math.floor(bindable / rowBytes));
  if (most >= rows) return rows;
  const aligned = Math.max(1, Math.floor(most / SHARD_ALIGN)) * Math.min(most, SHARD_ALIGN);
  const equal = Math.ceil(rows / Math.ceil(rows / aligned));
  return Math.min(aligned, Math.ceil(equal / SHARD_ALIGN) * SHARD_ALIGN);
}

/** The layout of these weights on a GPU of such limits, and how each tensor is stored. */
export function weightLayout(
  limits: SizeLimits,
  config: DecoderConfig,
  options: WeightOptions,
): readonly (TensorSpec & { readonly dtype: DType })[] {
  const { head, trainable, storage } = options;
  const dtype = (spec: TensorSpec): DType => (trainable ? 'f32' : (storage?.(spec) ?? 'f32'));
  const rowBytes = decoderLayout(config, { head })
    .filter(({ role }) => role === 'embedding')
    .map((spec) => tensorBytes([1, config.hiddenSize], dtype(spec)).numbers);
  const shardRows = options.shardRows ?? tableShardRows(limits, config.vocabularySize, Math.max(...rowBytes));
  return decoderLayout(config, { head, shardRows }).map((spec) => ({ ...spec, dtype: dtype(spec) }));
}

/**
 * Makes room for a decoder's weights; what they hold is undefined until they are initialised or loaded.
 * @throws GpuLimitError when a tensor is too large; nothing stays allocated then.
 */
export function allocateWeights(runtime: Runtime, config: DecoderConfig, options: WeightOptions): DecoderWeights {
  const specs = weightLayout(runtime.gpu.limits, config, options);
  const parameters = options.trainable ? new ParameterSet(runtime, specs) : undefined;
  const frozen = new Map<string, Tensor>();
  const release = (): void => {
    parameters?.destroy();
    for (const weight of frozen.values()) weight.release();
  };
  if (!parameters)
    try {
      for (const spec of specs) frozen.set(spec.key, Tensor.allocate(runtime.pool, spec.shape, spec.dtype, 'weights'));
    } catch (cause) {
      release();
      throw cause;
    }
  const tensor = (key: string): Tensor => {
    const found = parameters ? parameters.tensor(key) : frozen.get(key);
    if (!found) throw new Error(`There is no weight ${key}.`);
    return found;
  };
  const keys = new Set(specs.map(({ key }) => key));
  const shards = (prefix: string): Shards => {
    const found: { weight: Tensor }[] = [];
    while (keys.has(`${prefix}.${found.length}`)) found.push({ weight: tensor(`${prefix}.${found.length}`) });
    return found;
  };
  const linear = (layer: number, name: MergedLinear): LinearWeights => ({
    weight: tensor(`${layer}.${name}.weight`),
    bias: keys.has(`${layer}.${name}.bias`) ? tensor(`${layer}.${name}.bias`) : undefined,
  });
  const embedding = shards('embedding');
  const layers = Array.from({ length: config.layers }, (_, layer) => ({
    norms: Object.fromEntries(
      LAYER_NORM_NAMES.flatMap((norm) => (keys.has(`${layer}.${norm}`) ? [[norm, tensor(`${layer}.${norm}`)]] : [])),
    ),
    linears: Object.fromEntries(MERGED_LINEAR_NAMES.map((name) => [name, linear(layer, name)])) as Record<
      MergedLinear,
      LinearWeights
    >,
  }));
  return {
    specs,
    embedding,
    layers,
    finalNorm: keys.has('finalNorm') ? tensor('finalNorm') : undefined,
    head: options.head ? (config.tieWordEmbeddings ? embedding : shards('head')) : undefined,
    parameters,
    tensor,
    destroy: release,
  };
}
