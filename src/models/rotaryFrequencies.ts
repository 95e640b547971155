import type { Llama3Scaling, RotarySettings, YarnScaling } from './rotaryScaling.ts';

/** What turns the queries and keys of a head. */
export interface Rotation extends RotarySettings {
  readonly headDim: number;
}

/**
 * Rotary frequencies in radians per position, [headDim / 2]: θ^(−2d/headDim), stretched as the scaling says. The formulas are
 * those of transformers' modeling_rope_utils.
 */
export function rotaryFrequencies({ headDim, ropeTheta, ropeScaling }: Rotation): Float64Array {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, d) => ropeTheta ** ((-2 * d) / headDim));
  switch (ropeScaling?.type) {
    case undefined:
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / ropeScaling.factor);
    case 'llama3':
      return plain.map((frequency) => llama3(frequency, ropeScaling));
    case 'yarn':
      return yarn(plain, ropeTheta, ropeScaling);
    default:
      return ropeScaling satisfies never;
  }
}

/** What cosines and sines of the angles are multiplied by, so that scores q·k grow by its square: 1 but with YaRN. */
export function rotaryAmplitude({ ropeScaling }: RotarySettings): number {
  return ropeScaling?.type === 'yarn' ? ropeScaling.attentionFactor : 1;
}

/** Waves longer than original/low are slowed by `factor`, those shorter than original/high kept, and the ones between blended. */
function llama3(frequency: number, scaling: Llama3Scaling): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
  const wavesInOriginal = originalPositions / ((2 * Math.PI) / frequency);
  if (wavesInOriginal < low) return frequency / factor;
  if (wavesInOriginal > high) return frequency;
  const blend = (wavesInOriginal - low) / (high - low);
  return (1 - blend) * (frequency / factor) + blend * frequency;
}

/**
 * Dimensions whose waves turn more than betaFast times within the original positions are kept, those below betaSlow slowed by
 * `factor`, and between the two dimensions that turn exactly so often there is a linear ramp.
 */
function yarn(plain: Float64Array, theta: number, scaling: YarnScaling): Float64Array {
  const { factor, originalPositions, betaFast, betaSlow, truncate } = scaling;
  const width = 2 * plain.length;
  /** The dimension, not rounded, whose wave turns so often within the original positions. */
  const turning = (turns: number): number =>
    (width * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [turning(betaFast), turning(betaSlow)];
  const begin = Math.max(truncate ? Math.floor(first) : first, 0);
  const end = Math.min(truncate ? Math.ceil(last) : last, width - 1);
  // Where both are the same dimension the ramp is a step, which transformers makes this steep.
  const span = begin === end ? 0.001 : end - begin;
  return plain.map((frequency, d) => {
    const slowed = Math.min(1, Math.max(0, (d - begin) / span));
    return frequency * (1 - slowed) + (frequency / factor) * slowed;
  });
}
