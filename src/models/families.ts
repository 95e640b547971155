/** What a decoder has or lacks besides sizes: all that tells one family from another. */
export interface DecoderTraits {
  /** Biases on the q, k and v projections (Qwen2: yes). */
  readonly qkvBias: boolean;
  /** Bias on the o projection (Llama with attention_bias). */
  readonly outputBias: boolean;
  /** Each query and key head normalised before the rotation (Qwen3). */
  readonly headNorm: boolean;
}

/** A family of decoders, as transformers names it and writes it into config.json. */
interface Family {
  /** Of its classes, NameModel and NameForCausalLM; in small letters it is the model_type. */
  readonly name: string;
  /** What transformers takes where head_dim is left out; undefined: width / heads. */
  readonly headDim: number | undefined;
  /** The traits of a model whose config.json says this of attention_bias. */
  traits(attentionBias: boolean): DecoderTraits;
  /** What config.json says of this family alone. */
  fields(attentionBias: boolean): Readonly<Record<string, unknown>>;
}

/** The families that can be run. One that can be said in traits is one more entry here. */
const FAMILIES: readonly Family[] = [
  {
    name: 'Qwen2',
    headDim: undefined,
    traits: () => ({ qkvBias: true, outputBias: false, headNorm: false }),
    fields: () => ({ use_sliding_window: false }),
  },
  {
    name: 'Qwen3',
    headDim: 128,
    traits: (attentionBias) => ({ qkvBias: attentionBias, outputBias: attentionBias, headNorm: true }),
    fields: (attentionBias) => ({ attention_bias: attentionBias, use_sliding_window: false }),
  },
  {
    name: 'Llama',
    headDim: undefined,
    traits: (attentionBias) => ({ qkvBias: attentionBias, outputBias: attentionBias, headNorm: false }),
    fields: (attentionBias) => ({ attention_bias: attentionBias, mlp_bias: false }),
  },
];

/** A decoder of projections and norms alone, as Llama's are. */
export const PLAIN: DecoderTraits = { qkvBias: false, outputBias: false, headNorm: false };

const modelType = ({ name }: Family): string => name.toLowerCase();

/** The model_types that can be run. */
export const MODEL_TYPES: readonly string[] = FAMILIES.map(modelType);

/** The family of a model_type; undefined for one that cannot be run. */
export function familyOf(type: unknown): Family | undefined {
  return FAMILIES.find((family) => modelType(family) === type);
}

/** How config.json says these traits: class name, model_type and the family's own fields; undefined where no family has them. */
export function namedFamily(
  wanted: DecoderTraits,
): { name: string; modelType: string; fields: Readonly<Record<string, unknown>> } | undefined {
  for (const family of FAMILIES)
    for (const attentionBias of [false, true]) {
      const traits = Object.entries(family.traits(attentionBias)) as [keyof DecoderTraits, boolean][];
      if (traits.every(([trait, has]) => wanted[trait] === has))
        return { name: family.name, modelType: modelType(family), fields: family.fields(attentionBias) };
    }
  return undefined;
}
