import { listed } from '../base/lists.ts';
import { isFields, ModelConfigError, positiveIn, shown, sizeIn, type Note } from './configFields.ts';
import { familyOf, MODEL_TYPES, type DecoderTraits } from './families.ts';
import { nopeLayers, refuseSlidingLayers } from './layerKinds.ts';
import { parseRotary } from './rotaryConfig.ts';
import type { RotarySettings } from './rotaryScaling.ts';
import { quantisationOf, quantisedText } from './quantised.ts';

export { ModelConfigError, shown } from './configFields.ts';

/** Shape of a decoder, as in a Hugging Face config.json. */
export interface DecoderConfig extends DecoderTraits, RotarySettings {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly rmsNormEpsilon: number;
  /** The output head is the embedding table. */
  readonly tieWordEmbeddings: boolean;
  /** False for the first layers of a decoder (depth.ts): what they leave passes no norm. Else there is one. */
  readonly finalNorm?: boolean;
}

/** Far beyond every model there is: what claims more must not make anybody loop. */
const MOST_LAYERS = 4096;

const RUNNABLE = listed(MODEL_TYPES);

/**
 * Reads a Hugging Face config.json.
 * @param note hears where it contradicts itself, and what was made of that.
 * @throws ModelConfigError for another architecture, a missing or impossible size, or a feature that is not there.
 */
export function parseDecoderConfig(json: unknown, note: Note = () => undefined): DecoderConfig {
  if (!isFields(json)) throw new ModelConfigError('config.json does not hold an object.');
  const quantisation = quantisationOf(json);
  if (quantisation !== undefined) throw new ModelConfigError(quantisedText(quantisation));
  const family = familyOf(json['model_type']);
  if (!family)
    throw new ModelConfigError(`Models of type ${shown(json['model_type'])} cannot be run; ${RUNNABLE} can.`);
  const hiddenSize = sizeIn(json, 'hidden_size');
  const layers = sizeIn(json, 'num_hidden_layers', undefined, MOST_LAYERS);
  const heads = sizeIn(json, 'num_attention_heads');
  const kvHeads = sizeIn(json, 'num_key_value_heads', heads);
  const headDim = sizeIn(json, 'head_dim', family.headDim ?? Math.floor(hiddenSize / heads));
  if (heads % kvHeads !== 0)
    throw new ModelConfigError(`${heads} query heads cannot share ${kvHeads} key/value heads evenly.`);
  if (headDim % 2 !== 0)
    throw new ModelConfigError(`The head size ${headDim} is odd; rotary positions need an even one.`);
  if ((json['hidden_act'] ?? 'silu') !== 'silu')
    throw new ModelConfigError(`The activation ${shown(json['hidden_act'])} cannot be run; silu can.`);
  if (json['is_causal'] === false)
    throw new ModelConfigError('Attention in both directions (is_causal: false) cannot be run; causal attention can.');
  if (json['mlp_bias'] === true) throw new ModelConfigError('Biases in the MLP (mlp_bias) cannot be run.');
  const nope = nopeLayers(json, family, layers);
  refuseSlidingLayers(json, family, layers, nope);
  return {
    vocabularySize: sizeIn(json, 'vocab_size'),
    hiddenSize,
    layers,
    heads,
    kvHeads,
    headDim,
    intermediateSize: sizeIn(json, 'intermediate_size'),
    ...parseRotary(json, family.ropeTheta, note),
    rmsNormEpsilon: positiveIn(json, 'rms_norm_eps', 1e-6),
    tieWordEmbeddings: (json['tie_word_embeddings'] ?? family.tied) === true,
    ...family.traits(json['attention_bias'] === true),
    nopeLayers: nope,
  };
}
