import { Random } from '../../corpus/random.ts';
import {
  encodeFloats,
  safetensorsHeader,
  type SafetensorsLayout,
  type StoredTensor,
  type TensorEntry,
} from '../../files/formats/safetensors.ts';
import type { DecoderConfig } from '../../models/config.ts';
import { decoderLayout, type TensorRole } from '../../models/layout.ts';

/** Configurations that can be asked for by name: three real ones, and one that a software GPU trains in seconds. */
export const CHECKPOINT_SHAPES: Readonly<Record<string, Record<string, unknown>>> = {
  'qwen2.5-0.5b': {
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    vocab_size: 151936,
    hidden_size: 896,
    num_hidden_layers: 24,
    num_attention_heads: 14,
    num_key_value_heads: 2,
    intermediate_size: 4864,
    max_position_embeddings: 32768,
    rope_theta: 1000000,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    use_sliding_window: false,
  },
  'qwen3-0.6b': {
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: 151936,
    hidden_size: 1024,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    intermediate_size: 3072,
    max_position_embeddings: 40960,
    rope_theta: 1000000,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    attention_bias: false,
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    use_sliding_window: false,
  },
  'smollm2-135m': {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: 49152,
    hidden_size: 576,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    intermediate_size: 1536,
    max_position_embeddings: 8192,
    rope_theta: 100000,
    rms_norm_eps: 1e-5,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    initializer_range: 0.02,
    tie_word_embeddings: true,
  },
  tiny: {
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    vocab_size: 1024,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 128,
    max_position_embeddings: 512,
    rope_theta: 10000,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    attention_dropout: 0,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    use_sliding_window: false,
  },
};

/** The `initializer_range` of the models above. */
const DEVIATION = 0.02;
/** Numbers drawn at a time: 16 MiB of f32. */
const PIECE_NUMBERS = 4 * 2 ** 20;
/** As many as 16 random bits can tell apart. */
const QUANTILES = 2 ** 16;

/** The file of a language model of this shape: every tensor under its Hugging Face name, in the checkpoint's format. */
export function checkpointPlan(config: DecoderConfig, dtype: 'bf16' | 'f32'): SafetensorsLayout {
  const entries: TensorEntry[] = decoderLayout(config, { head: true }).flatMap(({ shape, parts }) =>
    parts.map(({ name, rows }) => ({
      name,
      dtype: dtype === 'bf16' ? 'BF16' : 'F32',
      shape: [rows, ...shape.slice(1)],
    })),
  );
  return safetensorsHeader(entries, { format: 'pt' });
}

/**
 * A tensor's bytes as a fresh model has them: matrices and tables normal with deviation 0.02, norms 1, biases 0. The
 * numbers depend on the seed and the tensor's name alone. A piece is 16 MiB at most.
 */
export function* randomBytes(tensor: StoredTensor & TensorEntry, seed: number): Generator<Uint8Array, void, void> {
  const role = roleOf(tensor.name);
  const random = Random.fromSeed(seed).fork(tensor.name);
  const values = scaledQuantiles();
  const count = tensor.shape.reduce((product, length) => product * length, 1);
  for (let done = 0; done < count; done += PIECE_NUMBERS) {
    const piece = new Float32Array(Math.min(PIECE_NUMBERS, count - done));
    if (role === 'norm') piece.fill(1);
    else if (role === 'matrix')
      // Two numbers for every 32 random bits: half a billion of them are wanted.
      for (let i = 0; i < piece.length; i += 2) {
        const bits = random.bits();
        piece[i] = values[bits & 0xffff] ?? 0;
        if (i + 1 < piece.length) piece[i + 1] = values[bits >>> 16] ?? 0;
      }
    yield encodeFloats(piece, tensor.dtype);
  }
}

function roleOf(name: string): Exclude<TensorRole, 'embedding'> {
  if (name.endsWith('norm.weight')) return 'norm';
  return name.endsWith('.bias') ? 'bias' : 'matrix';
}

let quantiles: Float32Array | undefined;

function scaledQuantiles(): Float32Array {
  return (quantiles ??= normalQuantiles(QUANTILES).map((value) => value * DEVIATION));
}

/**
 * Quantiles (k + ½) / count of the standard normal distribution: drawn evenly, they are normal numbers cut off where only
 * one in `count` would lie. From dx/dp = √(2π) · exp(x²/2), in Runge–Kutta steps from the median outwards.
 */
export function normalQuantiles(count: number): Float32Array {
  const result = new Float32Array(count);
  const slope = (x: number) => Math.sqrt(2 * Math.PI) * Math.exp((x * x) / 2);
  const step = (x: number, dp: number): number => {
    const k1 = slope(x);
    const k2 = slope(x + (dp / 2) * k1);
    const k3 = slope(x + (dp / 2) * k2);
    const k4 = slope(x + dp * k3);
    return x + (dp / 6) * (k1 + 2 * k2 + 2 * k3 + k4);
  };
  // In the tails the slope grows with every step: smaller ones keep the error there far below a bf16 digit.
  const PARTS = 16;
  let x = 0;
  for (let k = count / 2; k < count; k++) {
    const dp = (k === count / 2 ? 0.5 : 1) / count / PARTS;
    for (let part = 0; part < PARTS; part++) x = step(x, dp);
    result[k] = x;
    result[count - 1 - k] = -x;
  }
  return result;
}
