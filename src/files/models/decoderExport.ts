import { ModelConfigError, type DecoderConfig } from '../../models/config.ts';
import { namedFamily } from '../../models/families.ts';
import type { TensorSpec } from '../../models/layout.ts';
import { scalingJson } from '../../models/rotaryScaling.ts';
import { encodeFloats, safetensorsHeader, type StoredDType } from '../formats/safetensors.ts';
import { jsonFile, type NamedFile } from '../formats/zipWriter.ts';

/** What config.json says besides the shape. */
export interface DecoderConfigExtras {
  /** With the output head (AutoModelForCausalLM); without it the body alone (AutoModel). */
  readonly head: boolean;
  readonly dtype?: StoredDType;
  readonly eosTokenId?: number | undefined;
  readonly padTokenId?: number | undefined;
  /** The longest text the model is said to take; rotary positions have no end of their own. */
  readonly maxPositions?: number;
}

const TORCH_DTYPE: Readonly<Record<StoredDType, string>> = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' };
const MAX_POSITIONS = 32768;

/**
 * config.json that transformers and parseDecoderConfig read as this shape: a model of the family that has its traits.
 * @throws ModelConfigError for a shape that no family has.
 */
export function decoderConfigJson(config: DecoderConfig, extras: DecoderConfigExtras): Record<string, unknown> {
  const family = namedFamily(config);
  if (!family)
    throw new ModelConfigError(
      'No family of models has this mixture of biases and norms, so no config.json can name it.',
    );
  return {
    architectures: [`${family.name}${extras.head ? 'ForCausalLM' : 'Model'}`],
    model_type: family.modelType,
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    intermediate_size: config.intermediateSize,
    hidden_act: 'silu',
    ...family.fields,
    attention_dropout: 0,
    max_position_embeddings: extras.maxPositions ?? MAX_POSITIONS,
    rms_norm_eps: config.rmsNormEpsilon,
    rope_theta: config.ropeTheta,
    rope_scaling: scalingJson(config.ropeScaling),
    tie_word_embeddings: config.tieWordEmbeddings,
    bos_token_id: null,
    eos_token_id: extras.eosTokenId ?? null,
    pad_token_id: extras.padTokenId ?? null,
    torch_dtype: TORCH_DTYPE[extras.dtype ?? 'F32'],
    use_cache: true,
  };
}

/** A tensor of a checkpoint and the rows of our merged tensors or shards that make it up, in order. */
interface NamedRows {
  readonly name: string;
  readonly shape: readonly number[];
  readonly pieces: readonly { readonly key: string; readonly begin: number; readonly end: number }[];
}

/**
 * Which stretches of the tensors in `specs` make the tensors of a Hugging Face checkpoint. `begin` and `end` count
 * numbers. A body without head has names without the leading "model.", as transformers saves it.
 */
export function checkpointTensors(specs: readonly TensorSpec[], head: boolean): NamedRows[] {
  const found = new Map<string, { columns: number | undefined; rows: number; pieces: NamedRows['pieces'] }>();
  for (const { key, shape, parts } of specs) {
    const columns = shape[1];
    const width = columns ?? 1;
    for (const part of parts) {
      const name = head ? part.name : part.name.replace(/^model\./, '');
      // A shard of a table begins inside the stored tensor: its rowOffset is negative, and the shard holds nothing else.
      const row = Math.max(0, part.rowOffset);
      const before = found.get(name) ?? { columns, rows: 0, pieces: [] };
      found.set(name, {
        columns,
        rows: before.rows + part.rows,
        pieces: [...before.pieces, { key, begin: row * width, end: (row + part.rows) * width }],
      });
    }
  }
  return [...found].map(([name, { columns, rows, pieces }]) => ({
    name,
    shape: columns === undefined ? [rows] : [rows, columns],
    pieces,
  }));
}

/** The two files that define a tokenizer, parsed. */
export interface TokenizerJson {
  readonly tokenizerJson: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
}

export interface DecoderToExport extends DecoderConfigExtras {
  readonly config: DecoderConfig;
  readonly specs: readonly TensorSpec[];
  /** Numbers of every tensor, by key. */
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly tokenizer?: TokenizerJson | undefined;
}

/**
 * The files of a Hugging Face folder: config.json, model.safetensors and the tokenizer's two.
 * @throws ModelConfigError for a shape that no config.json can say; Error when values are missing.
 */
export function decoderFiles(model: DecoderToExport): NamedFile[] {
  const { specs, values, head, dtype = 'F32', tokenizer } = model;
  const tensors = checkpointTensors(specs, head);
  const layout = safetensorsHeader(
    tensors.map(({ name, shape }) => ({ name, shape, dtype })),
    { format: 'pt' },
  );
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.pieces]));
  const chunks = layout.tensors.flatMap(({ name }) =>
    (byName.get(name) ?? []).map(({ key, begin, end }) => {
      const data = values.get(key);
      if (!data || data.length < end) throw new Error(`There are no values for ${key}.`);
      return encodeFloats(data.subarray(begin, end), dtype);
    }),
  );
  return [
    jsonFile('config.json', decoderConfigJson(model.config, model)),
    { name: 'model.safetensors', chunks: [layout.header, ...chunks] },
    ...(tokenizer
      ? [
          jsonFile('tokenizer.json', tokenizer.tokenizerJson),
          jsonFile('tokenizer_config.json', tokenizer.tokenizerConfig),
        ]
      : []),
  ];
}
