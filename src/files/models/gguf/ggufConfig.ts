import { parseDecoderConfig } from '../../../models/config.ts';
import { rotaryFrequencies } from '../../../models/rotaryFrequencies.ts';
import type { GgufFile } from '../../formats/gguf/gguf.ts';
import { GgufError } from '../../formats/gguf/ggufError.ts';
import { numberFormat } from '../numberFormat.ts';
import { ggufShape, type GgufShape } from './ggufShape.ts';
import { ROTARY_FACTORS } from './tensorNames.ts';

type Json = Readonly<Record<string, unknown>>;

/** What llama.cpp takes where a file says nothing. */
const DEFAULT_THETA = 10000;
/** The blend that all Llama 3 models have; only its factor differs among them (8 in 3.1, 32 in 3.2). */
const LLAMA3 = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
/** Relative difference that factors stored as f32 may have from the formula's. */
const TOLERANCE = 1e-4;

/**
 * config.json as transformers would have it, of a GGUF file.
 * @throws GgufError for what cannot be run, and what cannot be said in config.json.
 */
export async function ggufConfig(file: GgufFile): Promise<Json> {
  const shape = ggufShape(file);
  const { source, metadata, tensors } = file;
  const { prefix, architecture } = shape;
  const embedding = tensors.get('token_embd.weight');
  if (!embedding) throw new GgufError(`${source.name} has no token embedding: it is no complete model.`);
  const json = {
    model_type: architecture.modelType,
    vocab_size: embedding.shape[0],
    hidden_size: shape.hiddenSize,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.headDim,
    intermediate_size: shape.intermediateSize,
    hidden_act: 'silu',
    attention_bias: tensors.has('blk.0.attn_output.bias'),
    rms_norm_eps: shortest(metadata.require(`${prefix}.attention.layer_norm_rms_epsilon`, 'number')),
    rope_theta: shortest(metadata.number(`${prefix}.rope.freq_base`) ?? DEFAULT_THETA),
    max_position_embeddings: metadata.count(`${prefix}.context_length`) ?? null,
    tie_word_embeddings: !tensors.has('output.weight'),
    bos_token_id: metadata.count('tokenizer.ggml.bos_token_id') ?? null,
    eos_token_id: metadata.count('tokenizer.ggml.eos_token_id') ?? null,
  };
  return { ...json, rope_scaling: await ropeScaling(file, shape, json) };
}

/** The shortest decimal that is the same f32: files hold 9.999999747378752e-6 where 0.00001 is meant. */
function shortest(value: number): number {
  const single = Math.fround(value);
  if (single !== value) return value;
  for (let digits = 1; digits < 10; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === single) return rounded;
  }
  return value;
}

/** null, or rope_scaling as config.json says it. */
async function ropeScaling(file: GgufFile, { prefix }: GgufShape, json: Json): Promise<Json | null> {
  const { metadata, tensors } = file;
  const type = metadata.text(`${prefix}.rope.scaling.type`) ?? 'none';
  const scaled =
    type === 'none'
      ? undefined
      : {
          rope_type: type,
          factor: metadata.number(`${prefix}.rope.scaling.factor`) ?? 1,
          original_max_position_embeddings: metadata.count(`${prefix}.rope.scaling.original_context_length`) ?? null,
        };
  const amplitude = metadata.number(`${prefix}.rope.scaling.attn_factor`) ?? 1;
  if (scaled && amplitude !== 1)
    throw new GgufError(`${file.source.name} scales its attention scores by ${amplitude}, which cannot be run.`);
  if (!tensors.has(ROTARY_FACTORS)) return scaled ?? null;
  if (scaled) throw new GgufError(`${file.source.name} scales its rotary positions twice, which cannot be run.`);
  return llama3Scaling(file, json);
}

/**
 * Of Llama 3's scaling a GGUF file keeps only what each frequency is divided by; the factor is its largest, and the rest is known.
 * @throws GgufError for factors of another kind of scaling.
 */
async function llama3Scaling({ source, tensors }: GgufFile, json: Json): Promise<Json> {
  const stored = tensors.get(ROTARY_FACTORS);
  const bytes = stored && (await source.read(stored.begin, stored.end));
  const factors = stored && bytes ? numberFormat(stored.name, stored.dtype).toFloats(bytes) : new Float32Array();
  const scaling = { rope_type: 'llama3', factor: factors.reduce((a, b) => Math.max(a, b), 1), ...LLAMA3 };
  const plain = rotaryFrequencies(parseDecoderConfig(json));
  const slowed = rotaryFrequencies(parseDecoderConfig({ ...json, rope_scaling: scaling }));
  const fits =
    factors.length === plain.length &&
    plain.every((frequency, d) => {
      const expected = frequency / (slowed[d] ?? NaN);
      return Math.abs((factors[d] ?? NaN) - expected) <= TOLERANCE * expected;
    });
  if (!fits)
    throw new GgufError(
      `${source.name} scales its rotary positions by factors that are not Llama 3's, which cannot be run. Take another model.`,
    );
  return scaling;
}
