import type { Fields } from './configFields.ts';

/** What a decoder has or lacks besides sizes: all that tells one family from another. */
export interface DecoderTraits {
  /** Biases on the q, k and v projections (Qwen2: yes). */
  readonly qkvBias: boolean;
  /** Bias on the o projection (Llama with attention_bias). */
  readonly outputBias: boolean;
  /** Each query and key head normalised before the rotation (Qwen3). */
  readonly headNorm: boolean;
  /** Layers that know no positions: their queries and keys are not turned (SmolLM3: every fourth). Ascending. */
  readonly nopeLayers: readonly number[];
}

type Switches = Omit<DecoderTraits, 'nopeLayers'>;

/** A family of decoders, as transformers names it and writes it into config.json. */
interface Family {
  /** Of its classes, NameModel and NameForCausalLM; in small letters it is the model_type. */
  readonly name: string;
  /** What transformers takes where head_dim is left out; undefined: width / heads. */
  readonly headDim: number | undefined;
  /** What transformers takes where rope_theta is left out. */
  readonly ropeTheta: number;
  /** What transformers takes where tie_word_embeddings is left out. */
  readonly tied: boolean;
  /** Which layers may leave positions out, or attend within a window only; 'none': whatever config.json says of it is not read. */
  readonly nope: 'none' | 'listed';
  readonly sliding: 'none' | 'upper' | 'nope';
  /** The traits of a model whose config.json says this of attention_bias. */
  traits(attentionBias: boolean): Switches;
  /** What config.json says of this family alone. */
  fields(attentionBias: boolean): Fields;
}

/** The families that can be run. One that can be said in traits is one more entry here. */
const FAMILIES: readonly Family[] = [
  {
    name: 'Qwen2',
    headDim: undefined,
    ropeTheta: 10000,
    tied: false,
    nope: 'none',
    sliding: 'upper',
    traits: () => ({ qkvBias: true, outputBias: false, headNorm: false }),
    fields: () => ({ use_sliding_window: false }),
  },
  {
    name: 'Qwen3',
    headDim: 128,
    ropeTheta: 10000,
    tied: false,
    nope: 'none',
    sliding: 'upper',
    traits: (attentionBias) => ({ qkvBias: attentionBias, outputBias: attentionBias, headNorm: true }),
    fields: (attentionBias) => ({ attention_bias: attentionBias, use_sliding_window: false }),
  },
  {
    name: 'Llama',
    headDim: undefined,
    ropeTheta: 10000,
    tied: false,
    nope: 'none',
    sliding: 'none',
    traits: (attentionBias) => ({ qkvBias: attentionBias, outputBias: attentionBias, headNorm: false }),
    fields: (attentionBias) => ({ attention_bias: attentionBias, mlp_bias: false }),
  },
  {
    name: 'SmolLM3',
    headDim: undefined,
    ropeTheta: 2e6,
    tied: true,
    nope: 'listed',
    sliding: 'nope',
    traits: (attentionBias) => ({ qkvBias: attentionBias, outputBias: attentionBias, headNorm: false }),
    fields: (attentionBias) => ({ attention_bias: attentionBias, mlp_bias: false, use_sliding_window: false }),
  },
];

/** A decoder of projections and norms alone, as Llama's are. */
export const PLAIN: DecoderTraits = { qkvBias: false, outputBias: false, headNorm: false, nopeLayers: [] };

const modelType = ({ name }: Family): string => name.toLowerCase();

/** The model_types that can be run. */
export const MODEL_TYPES: readonly string[] = FAMILIES.map(modelType);

/** The family of a model_type; undefined for one that cannot be run. */
export function familyOf(type: unknown): Family | undefined {
  return FAMILIES.find((family) => modelType(family) === type);
}

/** How config.json says these traits: class name, model_type and the family's own fields; undefined where no family has them. */
export function namedFamily({
  nopeLayers,
  layers,
  ...wanted
}: DecoderTraits & { readonly layers: number }): { name: string; modelType: string; fields: Fields } | undefined {
  for (const family of FAMILIES)
    for (const attentionBias of [false, true]) {
      const switches = Object.entries(family.traits(attentionBias)) as [keyof Switches, boolean][];
      if (!switches.every(([trait, has]) => wanted[trait] === has)) continue;
      if (nopeLayers.length > 0 && family.nope === 'none') continue;
      const fields = {
        ...family.fields(attentionBias),
        ...(family.nope === 'listed' && layerFields(nopeLayers, layers)),
      };
      return { name: family.name, modelType: modelType(family), fields };
    }
  return undefined;
}

/** no_rope_layers is 1 where there is rotation, its name notwithstanding. */
function layerFields(nopeLayers: readonly number[], layers: number): Fields {
  return {
    no_rope_layers: Array.from({ length: layers }, (_, layer) => Number(!nopeLayers.includes(layer))),
    layer_types: Array.from({ length: layers }, () => 'full_attention'),
  };
}
