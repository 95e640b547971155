import { familyOf, MODEL_TYPES, type DecoderTraits } from './families.ts';
import { BadInputError } from '../base/errors.ts';

/** Llama-3's stretching of slow rotary frequencies. */
export interface Llama3RopeScaling {
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalPositions: number;
}

/** Shape of a decoder, as in a Hugging Face config.json. */
export interface DecoderConfig extends DecoderTraits {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly ropeTheta: number;
  readonly ropeScaling: Llama3RopeScaling | undefined;
  readonly rmsNormEpsilon: number;
  /** The output head is the embedding table. */
  readonly tieWordEmbeddings: boolean;
}

/** Far beyond every model there is: a configuration that claims more must not make anybody loop or allocate for it. */
const MOST_LAYERS = 4096;
const LARGEST_SIZE = 2 ** 24;

/** "a, b and c". */
const RUNNABLE = MODEL_TYPES.join(', ').replace(/, (?=[^,]*$)/, ' and ');

/** A value out of a file, for a message: short, and never an error of its own (a file may nest lists without end). */
export function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  const text = value === undefined ? 'undefined' : JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** A config.json that we cannot run, with the reason. */
export class ModelConfigError extends BadInputError {
  override readonly name = 'ModelConfigError';
}

/**
 * Reads a Hugging Face config.json.
 * @throws ModelConfigError for another architecture, a missing or impossible size, or a feature that is not there.
 */
export function parseDecoderConfig(json: unknown): DecoderConfig {
  if (typeof json !== 'object' || json === null) throw new ModelConfigError('config.json does not hold an object.');
  const own = json as Record<string, unknown>;
  // Since version 5, transformers writes rope_theta and the scaling into one object, rope_parameters.
  const rotary = own['rope_parameters'];
  const fields: Record<string, unknown> =
    typeof rotary === 'object' && rotary !== null
      ? { rope_theta: (rotary as Record<string, unknown>)['rope_theta'], rope_scaling: rotary, ...own }
      : own;
  const family = familyOf(fields['model_type']);
  if (!family)
    throw new ModelConfigError(`Models of type ${shown(fields['model_type'])} cannot be run; ${RUNNABLE} can.`);
  const size = (name: string, fallback?: number, largest = LARGEST_SIZE): number => {
    const value = fields[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1)
      throw new ModelConfigError(`config.json: ${name} should be a positive whole number, not ${shown(value)}.`);
    if (value > largest)
      throw new ModelConfigError(`config.json: ${name} is ${value}, which is impossibly large (at most ${largest}).`);
    return value;
  };
  const positive = (name: string, fallback?: number): number => {
    const value = fields[name] ?? fallback;
    if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value))
      throw new ModelConfigError(`config.json: ${name} should be a positive number, not ${shown(value)}.`);
    return value;
  };
  const hiddenSize = size('hidden_size');
  const heads = size('num_attention_heads');
  const kvHeads = size('num_key_value_heads', heads);
  const headDim = size('head_dim', family.headDim ?? Math.floor(hiddenSize / heads));
  if (heads % kvHeads !== 0)
    throw new ModelConfigError(`${heads} query heads cannot share ${kvHeads} key/value heads evenly.`);
  if (headDim % 2 !== 0)
    throw new ModelConfigError(`The head size ${headDim} is odd; rotary positions need an even one.`);
  if ((fields['hidden_act'] ?? 'silu') !== 'silu')
    throw new ModelConfigError(`The activation ${shown(fields['hidden_act'])} cannot be run; silu can.`);
  if (fields['mlp_bias'] === true) throw new ModelConfigError('Biases in the MLP (mlp_bias) cannot be run.');
  if (fields['use_sliding_window'] === true) throw new ModelConfigError('Sliding-window attention cannot be run.');
  return {
    vocabularySize: size('vocab_size'),
    hiddenSize,
    layers: size('num_hidden_layers', undefined, MOST_LAYERS),
    heads,
    kvHeads,
    headDim,
    intermediateSize: size('intermediate_size'),
    ropeTheta: positive('rope_theta', 10000),
    ropeScaling: parseRopeScaling(fields['rope_scaling']),
    rmsNormEpsilon: positive('rms_norm_eps', 1e-6),
    tieWordEmbeddings: fields['tie_word_embeddings'] === true,
    ...family.traits(fields['attention_bias'] === true),
  };
}

function parseRopeScaling(value: unknown): Llama3RopeScaling | undefined {
  if (value === undefined || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  const type = fields['rope_type'] ?? fields['type'];
  if (type === 'default') return undefined;
  if (type !== 'llama3') throw new ModelConfigError(`Rotary scaling of type ${shown(type)} cannot be run; llama3 can.`);
  const number = (name: string): number => {
    const found = fields[name];
    if (typeof found !== 'number' || !(found > 0) || !Number.isFinite(found))
      throw new ModelConfigError(`rope_scaling: ${name} should be a positive number.`);
    return found;
  };
  const scaling = {
    factor: number('factor'),
    lowFrequencyFactor: number('low_freq_factor'),
    highFrequencyFactor: number('high_freq_factor'),
    originalPositions: number('original_max_position_embeddings'),
  };
  if (scaling.highFrequencyFactor <= scaling.lowFrequencyFactor)
    throw new ModelConfigError('rope_scaling: high_freq_factor should be larger than low_freq_factor.');
  return scaling;
}

/**
 * Rotary frequencies in radians per position, [headDim / 2]: θ^(−2d/headDim). With llama3 scaling, waves longer than
 * original/low are slowed by `factor`, those shorter than original/high kept, and the ones between blended.
 */
export function rotaryFrequencies(config: DecoderConfig): Float64Array {
  const { headDim, ropeTheta, ropeScaling } = config;
  return Float64Array.from({ length: headDim / 2 }, (_, d) => {
    const frequency = ropeTheta ** ((-2 * d) / headDim);
    if (!ropeScaling) return frequency;
    const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = ropeScaling;
    const wavesInOriginal = originalPositions / ((2 * Math.PI) / frequency);
    if (wavesInOriginal < low) return frequency / factor;
    if (wavesInOriginal > high) return frequency;
    const blend = (wavesInOriginal - low) / (high - low);
    return (1 - blend) * (frequency / factor) + blend * frequency;
  });
}
