import { ModelConfigError, positiveIn, shown, type Fields } from './configFields.ts';

/** All waves slowed by the same factor: positions count for less. */
export interface LinearScaling {
  readonly type: 'linear';
  readonly factor: number;
}

/** Llama-3's: slow waves are slowed, fast ones kept, those between blended. */
export interface Llama3Scaling {
  readonly type: 'llama3';
  readonly factor: number;
  readonly lowFrequencyFactor: number;
  readonly highFrequencyFactor: number;
  readonly originalPositions: number;
}

/** YaRN's (Peng et al. 2023): as Llama-3's with a ramp over the dimensions, and queries and keys made longer besides. */
export interface YarnScaling {
  readonly type: 'yarn';
  readonly factor: number;
  readonly originalPositions: number;
  /** Turns within the original positions beyond which a wave is kept, and below which it is slowed. */
  readonly betaFast: number;
  readonly betaSlow: number;
  /** Whether the ramp begins and ends at whole dimensions. */
  readonly truncate: boolean;
  /** What cosines and sines are multiplied by. */
  readonly attentionFactor: number;
}

/** How rotary frequencies are stretched for texts longer than the model was first trained on. */
export type RopeScaling = LinearScaling | Llama3Scaling | YarnScaling;

/** A rotary base and what stretches it. */
export interface RotarySettings {
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
}

const RUNNABLE = 'default, linear, llama3 and yarn can';

/**
 * Reads a scaling of a type that is named.
 * @param fields what stands beside the type; `maxPositions` the model's longest text, where config.json says it.
 * @returns undefined for the type "default". @throws ModelConfigError for another type, or a number that is missing or impossible.
 */
export function parseScaling(type: unknown, fields: Fields, maxPositions: number | undefined): RopeScaling | undefined {
  switch (type) {
    case 'default':
      return undefined;
    case 'linear':
      return { type, factor: positiveIn(fields, 'factor') };
    case 'llama3':
      return llama3(fields, maxPositions);
    case 'yarn':
      return yarn(fields, maxPositions);
    default:
      throw new ModelConfigError(`Rotary scaling of type ${shown(type)} cannot be run; ${RUNNABLE}.`);
  }
}

function llama3(fields: Fields, maxPositions: number | undefined): Llama3Scaling {
  const scaling = {
    type: 'llama3',
    factor: positiveIn(fields, 'factor'),
    lowFrequencyFactor: positiveIn(fields, 'low_freq_factor'),
    highFrequencyFactor: positiveIn(fields, 'high_freq_factor'),
    originalPositions: positiveIn(fields, 'original_max_position_embeddings', maxPositions),
  } as const;
  if (scaling.highFrequencyFactor <= scaling.lowFrequencyFactor)
    throw new ModelConfigError('config.json: high_freq_factor should be larger than low_freq_factor.');
  return scaling;
}

function yarn(fields: Fields, maxPositions: number | undefined): YarnScaling {
  const originalPositions = positiveIn(fields, 'original_max_position_embeddings', maxPositions);
  const factor = positiveIn(
    fields,
    'factor',
    maxPositions === undefined ? undefined : maxPositions / originalPositions,
  );
  const mscale = fields['mscale'] ?? 0;
  const mscaleAll = fields['mscale_all_dim'] ?? 0;
  if (typeof mscale !== 'number' || typeof mscaleAll !== 'number')
    throw new ModelConfigError('config.json: mscale and mscale_all_dim should be numbers.');
  const length = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const scaling = {
    type: 'yarn',
    factor,
    originalPositions,
    betaFast: positiveIn(fields, 'beta_fast', 32),
    betaSlow: positiveIn(fields, 'beta_slow', 1),
    truncate: fields['truncate'] !== false,
    attentionFactor: positiveIn(
      fields,
      'attention_factor',
      mscale !== 0 && mscaleAll !== 0 ? length(mscale) / length(mscaleAll) : length(1),
    ),
  } as const;
  if (scaling.betaFast < scaling.betaSlow)
    throw new ModelConfigError('config.json: beta_fast should not be less than beta_slow.');
  return scaling;
}

/** The scaling as config.json's rope_scaling says it; null where there is none. */
export function scalingJson(scaling: RopeScaling | undefined): Record<string, unknown> | null {
  switch (scaling?.type) {
    case undefined:
      return null;
    case 'linear':
      return { rope_type: 'linear', factor: scaling.factor };
    case 'llama3':
      return {
        rope_type: 'llama3',
        factor: scaling.factor,
        low_freq_factor: scaling.lowFrequencyFactor,
        high_freq_factor: scaling.highFrequencyFactor,
        original_max_position_embeddings: scaling.originalPositions,
      };
    case 'yarn':
      return {
        rope_type: 'yarn',
        factor: scaling.factor,
        original_max_position_embeddings: scaling.originalPositions,
        beta_fast: scaling.betaFast,
        beta_slow: scaling.betaSlow,
        truncate: scaling.truncate,
        attention_factor: scaling.attentionFactor,
      };
    default:
      return scaling satisfies never;
  }
}
