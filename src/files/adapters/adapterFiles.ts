import { LORA_TARGETS, type LoraConfig, type LoraSpec } from '../../models/lora.ts';
import { PEFT_PREFIX, type AdapterKind } from './adapterModules.ts';
import { adapterPieces, LORA_KEY, loraText } from './peft.ts';
import { sealedChunks } from '../formats/checksum.ts';
import { jsonFile, type NamedFile } from '../formats/zipWriter.ts';

/** The checkpoint an adapter sits on, as PEFT is to find it. */
export interface BaseModel {
  /** Hub id, or path of a folder. */
  readonly name: string;
  /** Commit or branch of the hub. */
  readonly revision?: string | undefined;
  /** The GGUF file that stood in its place in training. */
  readonly packed?: PackedBase | undefined;
}

/** A packed base: PEFT and transformers load what it was packed from. */
export interface PackedBase {
  readonly file: string;
  /** "Q4_1, Q8_0". */
  readonly types: string;
  /** Whether `name` is the id of the model that it packs, or only what the file is called. */
  readonly isKnown: boolean;
}

export interface AdapterToExport {
  readonly kind: AdapterKind;
  readonly config: LoraConfig;
  readonly specs: readonly LoraSpec[];
  /** Numbers of every tensor, by key. */
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly base: BaseModel;
  /** Share of an update's input that was dropped in training. Default 0. */
  readonly dropout?: number;
}

/**
 * adapter_config.json for PEFT of any version: before 0.14 it refuses fields that it does not know. So there are those that
 * every version since 0.4 knows, and what is left out has its default, which is that a feature is not used. Both models carry
 * the task type of the authors' trainer. Of a body without head, the layers are told by its tensors alone: PEFT finds none
 * there by layers_to_transform, and takes a layer without tensors for one that adds nothing.
 */
export function adapterConfigJson(
  { rank, alpha, targets, layers }: LoraConfig,
  base: BaseModel,
  kind: AdapterKind,
  dropout = 0,
): Record<string, unknown> {
  return {
    base_model_name_or_path: base.name,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    ...(layers && kind === 'languageModel' && { layers_to_transform: [...layers] }),
    lora_alpha: alpha,
    lora_dropout: dropout,
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    revision: base.revision ?? null,
    target_modules: LORA_TARGETS.filter((target) => targets.includes(target)),
    task_type: 'FEATURE_EXTRACTION',
  };
}

/**
 * The files of a PEFT folder: adapter_config.json and adapter_model.safetensors (f32). The second holds a checksum, and what
 * of the first decides its meaning: so damage to either is noticed, while the base's address may be changed.
 * @throws Error when values are missing.
 */
export async function adapterFiles({
  kind,
  config,
  specs,
  values,
  base,
  dropout,
}: AdapterToExport): Promise<NamedFile[]> {
  const pieces = adapterPieces(specs, PEFT_PREFIX[kind], values);
  return [
    jsonFile('adapter_config.json', adapterConfigJson(config, base, kind, dropout)),
    {
      name: 'adapter_model.safetensors',
      chunks: await sealedChunks(pieces, { format: 'pt', [LORA_KEY]: loraText(config) }),
    },
  ];
}
