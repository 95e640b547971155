import { shown, type DecoderConfig } from '../../models/config.ts';
import { LoraAdapter, LORA_TARGETS, type LoraConfig, type LoraSpec, type LoraTarget } from '../../models/lora.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { ModelFileError, readJson, type FileLookup } from '../formats/byteSource.ts';
import { SafetensorsError } from '../formats/safetensors.ts';
import { openWeights, type WeightFile } from '../models/weightFile.ts';

/**
 * What stands before a tensor's name in a PEFT file: PEFT wraps the model twice ("base_model.model."), and a language
 * model with a head holds its body under "model." besides.
 */
export const PEFT_PREFIX = { retriever: 'base_model.model.', languageModel: 'base_model.model.model.' } as const;

/** Whose adapter it is: the retriever is a body without LM head. */
export type AdapterKind = keyof typeof PEFT_PREFIX;

/** What changes the sum x·W + (alpha/rank)·(x Aᵀ) Bᵀ, or adds to it: none of it can be run. */
const FLAGS = [
  'use_dora', 'use_rslora', 'use_qalora', 'use_bdlora', 'lora_bias', 'fan_in_fan_out', 'ensure_weight_tying', 'modules_to_save',
  'rank_pattern', 'alpha_pattern', 'layers_pattern', 'layer_replication', 'exclude_modules',
  'target_parameters', 'trainable_token_indices', 'alora_invocation_tokens', 'arrow_config', 'kasa_config',
  'monteclora_config', 'velora_config',
]; // prettier-ignore

/** Ways to begin that leave the base as it is. PiSSA, OLoRA, CorDA and LoftQ change its weights, so the file is not enough. */
const INITIALISATIONS: readonly unknown[] = [undefined, null, true, false, 'gaussian', 'orthogonal', 'eva'];

/** Under this name an adapter's weights say with what they were saved. Other programs pass over it. */
export const LORA_KEY = 'revela_lora';

/** "rank 16, alpha 32 on q_proj, v_proj": the same for the same adapter, in whatever order its targets are named. */
export function loraText({ rank, alpha, targets }: LoraConfig): string {
  return `rank ${rank}, alpha ${alpha} on ${LORA_TARGETS.filter((target) => targets.includes(target)).join(', ')}`;
}

/** Whether a field is there and says more than "no": false, null, [] and {} are PEFT's defaults. */
function isSet(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false;
}

/** Reads adapter_config.json. @throws ModelFileError for an adapter that is no plain LoRA. */
export function parseAdapterConfig(json: unknown): LoraConfig {
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
  return { rank, alpha, targets: parseTargets(fields['target_modules']) };
}

function parseTargets(targets: unknown): LoraTarget[] {
  const list: unknown[] = targets === 'all-linear' ? [...LORA_TARGETS] : Array.isArray(targets) ? targets : [targets];
  if (list.length === 0)
    throw new ModelFileError('adapter_config.json names no target module, so there is nothing to adapt.');
  const known = list.map((target) => {
    const found = LORA_TARGETS.find(
      (candidate) => typeof target === 'string' && (target === candidate || target.endsWith(`.${candidate}`)),
    );
    if (!found)
      throw new ModelFileError(`The adapter targets ${shown(target)}; ${LORA_TARGETS.join(', ')} can be adapted.`);
    return found;
  });
  return [...new Set<LoraTarget>(known)];
}

/**
 * Sees whether an adapter that names its layers (layers_to_transform) sits in those of this decoder: all of them, counted from 0.
 * @throws ModelFileError where it does not.
 */
function checkLayers(json: unknown, { layers }: DecoderConfig): void {
  const said = (json as Record<string, unknown>)['layers_to_transform'];
  if (!isSet(said)) return;
  const named = new Set<unknown>(Array.isArray(said) ? said : [said]);
  if (!Array.from({ length: named.size }, (_, layer) => layer).every((layer) => named.has(layer)))
    throw new ModelFileError(
      'The adapter leaves out layers in between (layers_to_transform), which cannot be run: all layers from the first on can.',
    );
  if (named.size !== layers)
    throw new ModelFileError(
      `The adapter is for the first ${named.size} layers of its model, but ${layers} are run here: it was trained at another depth. Choose that depth, then load it again.`,
    );
}

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

/** An adapter on the GPU, and the prefix its tensors have in its file. */
export interface LoadedAdapter {
  readonly adapter: LoraAdapter;
  readonly kind: AdapterKind;
  readonly prefix: string;
}

/**
 * Loads a PEFT folder over a decoder; undefined when the folder has no adapter. F32, F16 and BF16 are read.
 * @throws ModelFileError, SafetensorsError when it does not fit the decoder, holds what is no number, or was changed since it
 * was written here.
 */
export async function loadAdapter(
  runtime: Runtime,
  files: FileLookup,
  decoder: DecoderConfig,
): Promise<LoadedAdapter | undefined> {
  if (!(await files('adapter_config.json'))) return undefined;
  const json = await readJson(files, 'adapter_config.json');
  const config = parseAdapterConfig(json);
  checkLayers(json, decoder);
  const file = await openWeights(files, 'adapter_model');
  await file.verify();
  checkConfig(file, config);
  const kind = adapterKind(file.names);
  const prefix = PEFT_PREFIX[kind];
  checkRank(file, config.rank);
  const adapter = new LoraAdapter(runtime, decoder, config);
  try {
    const values = await readValues(file, adapter.specs, prefix);
    for (const [key, data] of values) runtime.recorder.upload(adapter.parameters.tensor(key).slice, data);
    await runtime.recorder.flush();
    return { adapter, kind, prefix };
  } catch (cause) {
    adapter.destroy();
    throw cause;
  }
}

/**
 * Whether an adapter's numbers can take the place of those of a run's; targets may be named in any order.
 * @param whose the model, for the message. @throws ModelFileError in words of both.
 */
export function expectSameShape(whose: string, found: LoraConfig, wanted: LoraConfig): void {
  if (loraText(found) !== loraText(wanted))
    throw new ModelFileError(
      `The adapter of the ${whose} has ${loraText(found)}, but this run has ${loraText(wanted)}. Start a run with those settings, then load it again.`,
    );
}

/** What the weights say that they were saved with, where they do, is what the configuration says. */
function checkConfig({ metadata }: WeightFile, config: LoraConfig): void {
  const saved = metadata[LORA_KEY];
  if (saved !== undefined && saved !== loraText(config))
    throw new ModelFileError(
      `adapter_config.json has ${loraText(config)}, but its weights were saved with ${shown(saved)}: one of the two files is damaged, or was changed. Use another copy.`,
    );
}

/** Before memory is taken for the rank that the configuration claims, the tensors must have it. */
function checkRank(file: WeightFile, rank: number): void {
  for (const name of file.names) {
    const rows = file.get(name)?.shape[0];
    if (name.endsWith('.lora_A.weight') && rows !== rank)
      throw new SafetensorsError(
        `Adapter tensor ${name} has ${rows ?? 'no'} rows, but adapter_config.json says r ${rank}.`,
      );
  }
}

/** Numbers of all tensors by key, every name, shape and number checked. */
async function readValues(
  file: WeightFile,
  specs: readonly LoraSpec[],
  prefix: string,
): Promise<Map<string, Float32Array<ArrayBuffer>>> {
  const wanted = new Set(specs.flatMap(({ parts }) => parts.map((part) => prefix + part.name)));
  const extra = file.names.find((name) => !wanted.has(name));
  const values = new Map<string, Float32Array<ArrayBuffer>>();
  for (const { key, shape, parts } of specs) {
    const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
    const columns = shape.at(-1) ?? 1;
    for (const part of parts) {
      const name = prefix + part.name;
      const found = file.get(name)?.shape;
      if (!found) throw new SafetensorsError(`The adapter has no tensor ${name}.`);
      if (found.length !== 2 || found[0] !== part.rows || found[1] !== columns)
        throw new SafetensorsError(
          `Adapter tensor ${name} has shape [${found.join(', ')}], but this model needs [${part.rows}, ${columns}]: it belongs to another model.`,
        );
      const numbers = await file.readFloats(name);
      if (!numbers.every(Number.isFinite))
        throw new SafetensorsError(`Adapter tensor ${name} holds NaN or infinite numbers: its training has diverged.`);
      data.set(numbers, part.rowOffset * columns);
    }
    values.set(key, data);
  }
  if (extra !== undefined) throw new SafetensorsError(`The adapter holds ${extra}, which this model has no place for.`);
  return values;
}

/** A named piece of an adapter tensor, as a PEFT file holds it. */
export interface AdapterPiece {
  readonly name: string;
  readonly shape: readonly number[];
  /** A view of the merged tensor's numbers. */
  readonly data: Float32Array;
}

/** Cuts merged adapter tensors (by key) into the pieces a PEFT file holds. @throws Error when one is missing. */
export function adapterPieces(
  specs: readonly Pick<LoraSpec, 'key' | 'shape' | 'parts'>[],
  prefix: string,
  values: ReadonlyMap<string, Float32Array>,
): AdapterPiece[] {
  return specs.flatMap(({ key, shape, parts }) => {
    const columns = shape.at(-1) ?? 1;
    const data = values.get(key);
    if (!data) throw new Error(`There are no values for ${key}.`);
    return parts.map((part) => ({
      name: prefix + part.name,
      shape: [part.rows, columns],
      data: data.subarray(part.rowOffset * columns, (part.rowOffset + part.rows) * columns),
    }));
  });
}
