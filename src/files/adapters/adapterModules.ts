import { LORA_TARGETS, type LoraTarget } from '../../models/lora.ts';
import { ModelFileError } from '../formats/byteSource.ts';
import { SafetensorsError } from '../formats/safetensors.ts';
import { refuseEmpty } from '../models/usableWeights.ts';
import type { WeightFile } from '../models/weightFile.ts';
import type { AdapterClaims } from './peftConfig.ts';

/**
 * What stands before a tensor's name in a PEFT file: PEFT wraps the model twice ("base_model.model."), and a language
 * model with a head holds its body under "model." besides.
 */
export const PEFT_PREFIX = { retriever: 'base_model.model.', languageModel: 'base_model.model.model.' } as const;

/** Whose adapter it is: the retriever is a body without LM head. */
export type AdapterKind = keyof typeof PEFT_PREFIX;

/** What the tensors of an adapter say that it adapts. */
export interface AdapterModules {
  readonly kind: AdapterKind;
  readonly targets: readonly LoraTarget[];
  /** Layers in which it has tensors, ascending. */
  readonly layers: readonly number[];
}

/** What else PEFT writes into such a file, told by names: none of it can be run. */
const OTHER: readonly (readonly [RegExp, string])[] = [
  [/lora_magnitude_vector/, 'the magnitudes of DoRA (use_dora)'],
  [/\.lora_[AB]\.bias$/, 'biases of its own (lora_bias)'],
  [/lora_embedding_[AB]/, 'an update of the embedding table'],
  [/lm_head\.lora_[AB]/, 'an update of the output head (lm_head)'],
  [/(embed_tokens|lm_head)\.(modules_to_save\.)?(\w+\.)?weight$/, 'a whole embedding table or output head (modules_to_save, or a vocabulary that was enlarged)'],
  [/modules_to_save|(score|classifier)\.weight$/, 'whole modules (modules_to_save)'],
  [/\.bias$/, 'biases (bias)'],
]; // prettier-ignore

/**
 * Whose adapter a file holds, by the names of its tensors.
 * @throws SafetensorsError when they are neither's.
 */
export function adapterKind(names: readonly string[]): AdapterKind {
  const has = (prefix: string) => names.some((name) => name.startsWith(`${prefix}layers.`));
  if (has(PEFT_PREFIX.languageModel)) return 'languageModel';
  if (has(PEFT_PREFIX.retriever)) return 'retriever';
  throw new SafetensorsError(
    `The adapter's tensors are not called ${PEFT_PREFIX.retriever}layers… or ${PEFT_PREFIX.languageModel}layers…: it belongs to another kind of model.`,
  );
}

/**
 * What a file adapts. Reads its header alone.
 * @throws SafetensorsError for a file that is empty or of another kind of model; ModelFileError for what cannot be run
 */
export function adapterModules(file: WeightFile): AdapterModules {
  refuseEmpty(file, 'The adapter’s file');
  const other = file.names.flatMap((name) => OTHER.filter(([pattern]) => pattern.test(name)).map(([, what]) => ({ name, what })))[0]; // prettier-ignore
  if (other) throw new ModelFileError(`The adapter holds ${other.what}, which cannot be run: ${other.name}.`);
  const kind = adapterKind(file.names);
  const found = new Map<LoraTarget, Set<number>>();
  for (const name of file.names) {
    const [, layer = '', target] = /layers\.(\d{1,4})\.(?:self_attn|mlp)\.(\w+)\.lora_[AB]\.weight$/.exec(name) ?? [];
    const known = LORA_TARGETS.find((one) => one === target);
    if (known) found.set(known, (found.get(known) ?? new Set()).add(Number(layer)));
  }
  const targets = LORA_TARGETS.filter((target) => found.has(target));
  const layers = [...new Set([...found.values()].flatMap((set) => [...set]))].sort((a, b) => a - b);
  for (const target of targets) {
    const gap = layers.find((layer) => !found.get(target)?.has(layer));
    if (gap !== undefined)
      throw new ModelFileError(
        `The adapter has tensors for ${target} in some layers, but none in layer ${gap}, where it has others: adapters that differ from layer to layer cannot be run.`,
      );
  }
  if (targets.length === 0)
    throw new ModelFileError(
      `The adapter changes none of ${LORA_TARGETS.join(', ')}: there is nothing that could be run.`,
    );
  return { kind, targets, layers };
}

/** Layers for which a configuration is asked. */
const MOST_ASKED = 64;

/** Where configuration and tensors contradict each other, in words; the tensors are right. */
export function contradictions({ kind, targets, layers }: AdapterModules, { claims }: AdapterClaims): string[] {
  const path = (layer: number, target: LoraTarget): string =>
    `${kind === 'languageModel' ? 'model.' : ''}layers.${layer}.${BLOCK[target]}.${target}`;
  const asked = layers.slice(0, MOST_ASKED);
  const always = (target: LoraTarget, said: boolean): boolean =>
    asked.every((layer) => claims(path(layer, target)) === said);
  const unnamed = targets.filter((target) => always(target, false));
  const absent = LORA_TARGETS.filter((target) => !targets.includes(target) && always(target, true));
  return [
    ...(unnamed.length > 0
      ? [`adapter_config.json does not ask for ${unnamed.join(', ')}, but there are tensors for it: they are used.`]
      : []),
    ...(absent.length > 0
      ? [`adapter_config.json asks for ${absent.join(', ')}, but there are no tensors for it: it stays as in the base.`]
      : []),
  ];
}

const BLOCK: Readonly<Record<LoraTarget, string>> = {
  q_proj: 'self_attn',
  k_proj: 'self_attn',
  v_proj: 'self_attn',
  o_proj: 'self_attn',
  gate_proj: 'mlp',
  up_proj: 'mlp',
  down_proj: 'mlp',
};
