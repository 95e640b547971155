import type { DecoderConfig } from '../../src/models/config.ts';
import { randomArray, seededRandom } from './numerics.ts';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** config.json of a very small Qwen2 model: biases on q, k, v; two query heads share a key/value head. */
export const QWEN2_JSON = {
  model_type: 'qwen2',
  vocab_size: 11,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 6,
  intermediate_size: 20,
  rope_theta: 100,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
} as const;

/** config.json of a very small Qwen3 model: heads normalised, wider together than the model is, and no biases. */
export const QWEN3_JSON = {
  model_type: 'qwen3',
  vocab_size: 11,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  intermediate_size: 20,
  rope_theta: 100,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
} as const;

/** config.json of a very small Llama model: no biases, a head of its own, stretched rotary positions. */
export const LLAMA_JSON = {
  model_type: 'llama',
  vocab_size: 13,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 1,
  intermediate_size: 24,
  rope_theta: 50,
  rms_norm_eps: 1e-6,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 4,
    low_freq_factor: 1,
    high_freq_factor: 3,
    original_max_position_embeddings: 30,
  },
  tie_word_embeddings: false,
} as const;

/** All tensors of a decoder as a Hugging Face checkpoint names them, filled with random numbers (norms near 1). */
export function randomCheckpoint(config: DecoderConfig, seed: number): NamedTensor[] {
  const { vocabularySize, hiddenSize, layers, heads, kvHeads, headDim, intermediateSize } = config;
  const random = seededRandom(seed);
  const tensors: NamedTensor[] = [];
  const put = (name: string, ...shape: number[]) => {
    const count = shape.reduce((product, length) => product * length, 1);
    const norm = /norm/.test(name);
    const data = randomArray(random, count, norm ? 0.3 : 0.6).map((value) => (norm ? 1 + value : value));
    tensors.push({ name, shape, data });
  };
  put('model.embed_tokens.weight', vocabularySize, hiddenSize);
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `model.layers.${layer}`;
    put(`${prefix}.input_layernorm.weight`, hiddenSize);
    put(`${prefix}.post_attention_layernorm.weight`, hiddenSize);
    for (const [name, count] of [
      ['q', heads],
      ['k', kvHeads],
      ['v', kvHeads],
    ] as const) {
      put(`${prefix}.self_attn.${name}_proj.weight`, count * headDim, hiddenSize);
      if (config.qkvBias) put(`${prefix}.self_attn.${name}_proj.bias`, count * headDim);
    }
    if (config.headNorm) for (const name of ['q', 'k']) put(`${prefix}.self_attn.${name}_norm.weight`, headDim);
    put(`${prefix}.self_attn.o_proj.weight`, hiddenSize, heads * headDim);
    if (config.outputBias) put(`${prefix}.self_attn.o_proj.bias`, hiddenSize);
    put(`${prefix}.mlp.gate_proj.weight`, intermediateSize, hiddenSize);
    put(`${prefix}.mlp.up_proj.weight`, intermediateSize, hiddenSize);
    put(`${prefix}.mlp.down_proj.weight`, hiddenSize, intermediateSize);
  }
  put('model.norm.weight', hiddenSize);
  if (!config.tieWordEmbeddings) put('lm_head.weight', vocabularySize, hiddenSize);
  return tensors;
}
