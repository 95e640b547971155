import { shown } from '../../models/config.ts';
import { ModelFileError } from '../formats/byteSource.ts';
import { modulePattern } from './modulePattern.ts';

/** What adapter_config.json says of an adapter. Which projections it has, its tensors say. */
export interface AdapterClaims {
  readonly rank: number;
  /** Updates are scaled by alpha / rank, whatever the file's own way of scaling. */
  readonly alpha: number;
  /** Whether a module ("model.layers.0.self_attn.q_proj") is to be adapted; undefined where that cannot be told. */
  readonly claims: (module: string) => boolean | undefined;
  /** What is read otherwise than it is written, in words. */
  readonly notices: readonly string[];
}

/** What changes the sum x·W + (alpha/rank)·(x Aᵀ) Bᵀ, or adds to it: none of it can be run. */
const FLAGS = [
  'use_dora', 'use_qalora', 'use_bdlora', 'lora_bias', 'ensure_weight_tying', 'modules_to_save', 'rank_pattern',
  'alpha_pattern', 'layer_replication', 'target_parameters', 'trainable_token_indices', 'alora_invocation_tokens',
  'arrow_config', 'kasa_config', 'monteclora_config', 'velora_config',
]; // prettier-ignore

/** Ways to begin that leave the base as it is. PiSSA, OLoRA, CorDA and LoftQ change its weights, so the file is not enough. */
const INITIALISATIONS: readonly unknown[] = [undefined, null, true, false, 'gaussian', 'orthogonal', 'eva'];

/** Reads adapter_config.json. @throws ModelFileError for an adapter that is no plain LoRA. */
export function parseAdapterConfig(json: unknown): AdapterClaims {
  if (typeof json !== 'object' || json === null)
    throw new ModelFileError('adapter_config.json does not hold an object.');
  const fields = json as Record<string, unknown>;
  if (fields['peft_type'] !== 'LORA')
    throw new ModelFileError(`The adapter is of type ${shown(fields['peft_type'])}; LORA is read.`);
  for (const name of FLAGS)
    if (isSet(fields[name])) throw new ModelFileError(`The adapter uses ${name}, which cannot be run.`);
  if ((fields['bias'] ?? 'none') !== 'none')
    throw new ModelFileError(`The adapter trains biases (bias ${shown(fields['bias'])}), which cannot be run.`);
  if (!INITIALISATIONS.includes(fields['init_lora_weights']))
    throw new ModelFileError(
      `The adapter began by changing its base (init_lora_weights ${shown(fields['init_lora_weights'])}). Convert it to a plain LoRA with PEFT first.`,
    );
  const { r: rank, lora_alpha: alpha } = fields;
  if (typeof rank !== 'number' || !Number.isSafeInteger(rank) || rank < 1)
    throw new ModelFileError('adapter_config.json: r should be a positive whole number.');
  if (typeof alpha !== 'number' || !Number.isFinite(alpha))
    throw new ModelFileError('adapter_config.json: lora_alpha should be a number.');
  const isStabilised = isSet(fields['use_rslora']);
  return {
    rank,
    // Rank-stabilised scaling is alpha / √rank (Kalajdzievski 2023): the same as plain scaling of a larger alpha.
    alpha: isStabilised ? alpha * Math.sqrt(rank) : alpha,
    claims: claimsOf(fields),
    notices: [
      ...(isStabilised
        ? [`Its scale of alpha / √rank (use_rslora) is run as alpha ${alpha * Math.sqrt(rank)}: the same numbers.`]
        : []),
      // PEFT does the same, with a warning: the weights of these models are not transposed.
      ...(isSet(fields['fan_in_fan_out']) ? ['fan_in_fan_out is passed over: it is for models of another kind.'] : []),
    ],
  };
}

/** Whether a field is there and says more than "no": false, null, [] and {} are PEFT's defaults. */
function isSet(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false;
}

/** PEFT's rule (check_target_module_exists): expressions fit a module's whole name, names its end; single layers narrow names. */
function claimsOf(fields: Readonly<Record<string, unknown>>): AdapterClaims['claims'] {
  const targets = moduleTest(fields['target_modules']);
  const excluded = isSet(fields['exclude_modules']) ? moduleTest(fields['exclude_modules']) : () => false;
  const layers = Array.isArray(fields['target_modules']) ? fields['layers_to_transform'] : undefined;
  return (module) => {
    if (isSet(layers) && !isLayer(module, layers)) return false;
    const [is, isNot] = [targets(module), excluded(module)];
    return is === undefined || isNot === undefined ? undefined : is && !isNot;
  };
}

function moduleTest(wanted: unknown): (module: string) => boolean | undefined {
  if (wanted === 'all-linear') return () => true;
  if (typeof wanted === 'string') return modulePattern(wanted) ?? (() => undefined);
  if (!Array.isArray(wanted)) return () => undefined;
  const names = new Set((wanted as unknown[]).filter((name) => typeof name === 'string'));
  return (module) => {
    const parts = module.split('.');
    return parts.some((_, i) => names.has(parts.slice(i).join('.')));
  };
}

function isLayer(module: string, layers: unknown): boolean {
  const layer = Number(/(?:^|\.)layers\.(\d+)\./.exec(module)?.[1]);
  return Array.isArray(layers) ? layers.includes(layer) : layers === layer;
}
