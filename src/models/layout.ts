import type { DecoderConfig } from './config.ts';

/** What a tensor is: initialisation and loading differ by it. */
export type TensorRole = 'embedding' | 'matrix' | 'norm' | 'bias';

/** A stretch of whole rows inside a merged tensor, under the name a checkpoint gives it. */
export interface NamedPart {
  readonly name: string;
  readonly rowOffset: number;
  readonly rows: number;
}

/** One tensor as it lies on the GPU: projections that read the same input are merged into one, row after row. */
export interface TensorSpec {
  readonly key: string;
  readonly role: TensorRole;
  /** [rows, columns] or [length]. */
  readonly shape: readonly number[];
  readonly parts: readonly NamedPart[];
}

/** Merged linear maps of a layer, with the projections in them (Hugging Face names) in row order. */
export const MERGED_LINEARS = {
  qkv: ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  o: ['self_attn.o_proj'],
  gateUp: ['mlp.gate_proj', 'mlp.up_proj'],
  down: ['mlp.down_proj'],
} as const;

export type MergedLinear = keyof typeof MERGED_LINEARS;
export const MERGED_LINEAR_NAMES = Object.keys(MERGED_LINEARS) as MergedLinear[];

/** Norms of a layer, with their weights' names in a checkpoint. */
export const LAYER_NORMS = {
  inputNorm: ['input_layernorm'],
  postNorm: ['post_attention_layernorm'],
  headNorm: ['self_attn.q_norm', 'self_attn.k_norm'],
} as const;

export type LayerNorm = keyof typeof LAYER_NORMS;
export const LAYER_NORM_NAMES = Object.keys(LAYER_NORMS) as LayerNorm[];

/** Length of each weight of a norm; undefined where these decoders have none of it. */
function normLength(config: DecoderConfig, norm: LayerNorm): number | undefined {
  switch (norm) {
    case 'inputNorm':
    case 'postNorm':
      return config.hiddenSize;
    case 'headNorm':
      return config.headNorm ? config.headDim : undefined;
    default:
      return norm satisfies never;
  }
}

/** Input width and the row counts of the projections of a merged linear map. */
export function linearShape(config: DecoderConfig, linear: MergedLinear): { columns: number; rows: readonly number[] } {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize } = config;
  switch (linear) {
    case 'qkv':
      return { columns: hiddenSize, rows: [heads * headDim, kvHeads * headDim, kvHeads * headDim] };
    case 'o':
      return { columns: heads * headDim, rows: [hiddenSize] };
    case 'gateUp':
      return { columns: hiddenSize, rows: [intermediateSize, intermediateSize] };
    case 'down':
      return { columns: intermediateSize, rows: [hiddenSize] };
    default:
      return linear satisfies never;
  }
}

/** Splits merged rows into named parts. */
export function namedParts(names: readonly string[], rows: readonly number[]): NamedPart[] {
  let rowOffset = 0;
  return names.map((name, i) => {
    const part = { name, rowOffset, rows: rows[i] ?? 0 };
    rowOffset += part.rows;
    return part;
  });
}

/**
 * All tensors of a decoder. With `head`, the language model's: an untied output head is included.
 * Embedding and head are cut into shards of at most `shardRows` rows, so that one binding can hold each.
 */
export function decoderLayout(config: DecoderConfig, options: { head: boolean; shardRows?: number }): TensorSpec[] {
  const { vocabularySize, hiddenSize, layers } = config;
  const specs: TensorSpec[] = [];
  const table = (key: string, name: string): void => {
    const shardRows = options.shardRows ?? vocabularySize;
    for (let row = 0, shard = 0; row < vocabularySize; row += shardRows, shard++) {
      const rows = Math.min(shardRows, vocabularySize - row);
      specs.push({
        key: `${key}.${shard}`,
        role: 'embedding',
        shape: [rows, hiddenSize],
        parts: [{ name, rowOffset: -row, rows }],
      });
    }
  };
  table('embedding', 'model.embed_tokens.weight');
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}.`;
    for (const norm of LAYER_NORM_NAMES) {
      const length = normLength(config, norm);
      if (length === undefined) continue;
      const names = LAYER_NORMS[norm].map((name) => `${prefix}${name}.weight`);
      specs.push({
        key: `${layer}.${norm}`,
        role: 'norm',
        shape: [names.length * length],
        parts: namedParts(
          names,
          names.map(() => length),
        ),
      });
    }
    for (const linear of MERGED_LINEAR_NAMES) {
      const { columns, rows } = linearShape(config, linear);
      const total = rows.reduce((sum, n) => sum + n, 0);
      const names = MERGED_LINEARS[linear].map((name) => prefix + name);
      specs.push({
        key: `${layer}.${linear}.weight`,
        role: 'matrix',
        shape: [total, columns],
        parts: namedParts(
          names.map((name) => `${name}.weight`),
          rows,
        ),
      });
      if ((linear === 'qkv' && config.qkvBias) || (linear === 'o' && config.outputBias))
        specs.push({
          key: `${layer}.${linear}.bias`,
          role: 'bias',
          shape: [total],
          parts: namedParts(
            names.map((name) => `${name}.bias`),
            rows,
          ),
        });
    }
  }
  if (config.finalNorm !== false)
    specs.push({
      key: 'finalNorm',
      role: 'norm',
      shape: [hiddenSize],
      parts: namedParts(['model.norm.weight'], [hiddenSize]),
    });
  if (options.head && !config.tieWordEmbeddings) table('head', 'lm_head.weight');
  return specs;
}
