import { shown, type DecoderConfig } from '../../models/config.ts';
import { LoraAdapter, LORA_TARGETS, type LoraConfig, type LoraSpec } from '../../models/lora.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { ModelFileError, readJson, type FileLookup } from '../formats/byteSource.ts';
import { SafetensorsError } from '../formats/safetensors.ts';
import { openWeights, type WeightFile } from '../models/weightFile.ts';
import {
  adapterModules,
  contradictions,
  PEFT_PREFIX,
  type AdapterKind,
  type AdapterModules,
} from './adapterModules.ts';
import { parseAdapterConfig } from './peftConfig.ts';

/** Under this name an adapter's weights say with what they were saved. Other programs pass over it. */
export const LORA_KEY = 'revela_lora';

/** "rank 16, alpha 32 on q_proj, v_proj": the same for the same adapter, in whatever order its targets are named. */
export function loraText({ rank, alpha, targets, layers }: LoraConfig): string {
  const where = layers ? ` in layers ${layers.join(', ')} alone` : '';
  return `rank ${rank}, alpha ${alpha} on ${LORA_TARGETS.filter((target) => targets.includes(target)).join(', ')}${where}`;
}

/** An adapter as its files describe it, before it is laid over a model. */
export interface AdapterDescription extends AdapterModules {
  readonly rank: number;
  readonly alpha: number;
  /** Where its files contradict each other, or are read otherwise than they are written: for people. */
  readonly notices: readonly string[];
}

/** Reads configuration and headers of a PEFT folder; undefined when it has no adapter. @throws as loadAdapter */
export async function describeAdapter(files: FileLookup): Promise<AdapterDescription | undefined> {
  return (await openAdapter(files))?.description;
}

async function openAdapter(
  files: FileLookup,
): Promise<{ description: AdapterDescription; file: WeightFile } | undefined> {
  if (!(await files('adapter_config.json'))) return undefined;
  const claims = parseAdapterConfig(await readJson(files, 'adapter_config.json'));
  const file = await openWeights(files, 'adapter_model');
  const modules = adapterModules(file);
  const { rank, alpha, notices } = claims;
  return { description: { ...modules, rank, alpha, notices: [...notices, ...contradictions(modules, claims)] }, file };
}

/** An adapter on the GPU, and the prefix its tensors have in its file. */
export interface LoadedAdapter {
  readonly adapter: LoraAdapter;
  readonly kind: AdapterKind;
  readonly prefix: string;
  /** As in AdapterDescription. */
  readonly notices: readonly string[];
}

/**
 * Loads a PEFT folder over a decoder; undefined when the folder has no adapter. F32, F16 and BF16 are read. What it adapts,
 * its tensors say: the configuration is held against them.
 * @throws ModelFileError, SafetensorsError when it does not fit the decoder, holds what is no number, or was changed since it
 * was written here.
 */
export async function loadAdapter(
  runtime: Runtime,
  files: FileLookup,
  decoder: DecoderConfig,
): Promise<LoadedAdapter | undefined> {
  const opened = await openAdapter(files);
  if (!opened) return undefined;
  const { file, description } = opened;
  await file.verify();
  const { kind, rank, alpha, targets, layers, notices } = description;
  const isWhole = layers.length === decoder.layers;
  const config: LoraConfig = { rank, alpha, targets, ...(isWhole ? {} : { layers }) };
  checkDepth(file, description, decoder);
  checkConfig(file, config);
  const prefix = PEFT_PREFIX[kind];
  checkRank(file, rank);
  const adapter = new LoraAdapter(runtime, decoder, config);
  try {
    const values = await readValues(file, adapter.specs, prefix);
    for (const [key, data] of values) runtime.recorder.upload(adapter.parameters.tensor(key).slice, data);
    await runtime.recorder.flush();
    const partly = `It adapts layers ${layers.join(', ')} of ${decoder.layers}; the others stay as in the base.`;
    return { adapter, kind, prefix, notices: isWhole ? notices : [...notices, partly] };
  } catch (cause) {
    adapter.destroy();
    throw cause;
  }
}

/**
 * Whether an adapter was trained at the depth of this decoder. Those of runs here sit in all layers that were run; those of
 * others may leave layers out, but none can be beyond a depth. @throws ModelFileError
 */
function checkDepth({ metadata }: WeightFile, { layers, ...whole }: AdapterDescription, decoder: DecoderConfig): void {
  const sitsIn = 1 + (layers.at(-1) ?? 0);
  const isOurs = metadata[LORA_KEY] === loraText(whole);
  const isOther = isOurs ? layers.length !== decoder.layers : decoder.finalNorm === false && sitsIn > decoder.layers;
  if (isOther)
    throw new ModelFileError(
      `The adapter is for the first ${sitsIn} layers of its model, but ${decoder.layers} are run here: it was trained at another depth. Choose that depth, then load it again.`,
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
