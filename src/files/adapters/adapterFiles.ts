import { LORA_TARGETS, type LoraConfig, type LoraSpec } from '../../models/lora.ts';
import { adapterPieces, PEFT_PREFIX, type AdapterKind } from './peft.ts';
import { safetensorsChunks } from '../formats/safetensors.ts';
import { jsonFile, type NamedFile } from '../formats/zipWriter.ts';

/** The checkpoint an adapter sits on, as PEFT is to find it. */
export interface BaseModel {
  /** Hub id, or path of a folder. */
  readonly name: string;
  /** Commit or branch of the hub. */
  readonly revision?: string | undefined;
}

export interface AdapterToExport {
  readonly kind: AdapterKind;
  readonly config: LoraConfig;
  readonly specs: readonly LoraSpec[];
  /** Numbers of every tensor, by key. */
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly base: BaseModel;
}

/**
 * adapter_config.json as PEFT writes it. Both models carry the task type of the authors' trainer. Fields that came into PEFT
 * after version 0.14 and only say that a feature is not used are left out, so that older versions read the file too.
 */
export function adapterConfigJson({ rank, alpha, targets }: LoraConfig, base: BaseModel): Record<string, unknown> {
  return {
    alpha_pattern: {},
    auto_mapping: null,
    base_model_name_or_path: base.name,
    bias: 'none',
    eva_config: null,
    exclude_modules: null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: alpha,
    lora_bias: false,
    lora_dropout: 0,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: null,
    peft_type: 'LORA',
    r: rank,
    rank_pattern: {},
    revision: base.revision ?? null,
    target_modules: LORA_TARGETS.filter((target) => targets.includes(target)),
    task_type: 'FEATURE_EXTRACTION',
    use_dora: false,
    use_rslora: false,
  };
}

/** The files of a PEFT folder: adapter_config.json and adapter_model.safetensors (f32). @throws Error when values are missing. */
export function adapterFiles({ kind, config, specs, values, base }: AdapterToExport): NamedFile[] {
  const pieces = adapterPieces(specs, PEFT_PREFIX[kind], values);
  return [
    jsonFile('adapter_config.json', adapterConfigJson(config, base)),
    { name: 'adapter_model.safetensors', chunks: safetensorsChunks(pieces, { format: 'pt' }) },
  ];
}
