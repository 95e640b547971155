import { LoraAdapter, LORA_TARGETS, type LoraConfig, type LoraSpec, type LoraTarget } from '../models/lora.ts';
import type { DecoderConfig } from '../models/config.ts';
import type { Context } from '../ops/context.ts';
import { ModelFileError, readJson, type FileLookup } from './byteSource.ts';
import { SafetensorsError } from './safetensors.ts';
import { openWeights } from './weightFile.ts';

/**
 * What stands before a tensor's name in a PEFT file: PEFT wraps the model twice ("base_model.model."), and a language
 * model with a head holds its body under "model." besides.
 */
export const PEFT_PREFIX = { retriever: 'base_model.model.', languageModel: 'base_model.model.model.' } as const;

/** Reads adapter_config.json. @throws ModelFileError for an adapter that is no plain LoRA. */
export function parseAdapterConfig(json: unknown): LoraConfig {
  if (typeof json !== 'object' || json === null)
    throw new ModelFileError('adapter_config.json does not hold an object.');
  const fields = json as Record<string, unknown>;
  if (fields['peft_type'] !== 'LORA')
    throw new ModelFileError(`The adapter is of type ${JSON.stringify(fields['peft_type'])}; LORA is read.`);
  for (const name of ['use_dora', 'use_rslora', 'lora_bias', 'fan_in_fan_out'])
    if (fields[name] === true) throw new ModelFileError(`The adapter uses ${name}, which cannot be run.`);
  for (const name of ['rank_pattern', 'alpha_pattern'])
    if (Object.keys(fields[name] ?? {}).length > 0)
      throw new ModelFileError(`The adapter uses ${name}, which cannot be run.`);
  const { r: rank, lora_alpha: alpha, target_modules: targets } = fields;
  if (typeof rank !== 'number' || !Number.isInteger(rank) || rank < 1)
    throw new ModelFileError('adapter_config.json: r should be a positive whole number.');
  if (typeof alpha !== 'number' || !Number.isFinite(alpha))
    throw new ModelFileError('adapter_config.json: lora_alpha should be a number.');
  const list: unknown[] = targets === 'all-linear' ? [...LORA_TARGETS] : Array.isArray(targets) ? targets : [targets];
  if (list.length === 0)
    throw new ModelFileError('adapter_config.json names no target module, so there is nothing to adapt.');
  const known = list.map((target) => {
    const found = LORA_TARGETS.find(
      (candidate) => typeof target === 'string' && (target === candidate || target.endsWith(`.${candidate}`)),
    );
    if (!found)
      throw new ModelFileError(
        `The adapter targets ${JSON.stringify(target)}; ${LORA_TARGETS.join(', ')} can be adapted.`,
      );
    return found;
  });
  return { rank, alpha, targets: [...new Set<LoraTarget>(known)] };
}

/** An adapter on the GPU, and the prefix its tensors have in its file. */
export interface LoadedAdapter {
  readonly adapter: LoraAdapter;
  readonly prefix: string;
}

/**
 * Loads a PEFT folder over a decoder; undefined when the folder has no adapter.
 * @throws ModelFileError, SafetensorsError when it does not fit the decoder.
 */
export async function loadAdapter(
  context: Context,
  files: FileLookup,
  decoder: DecoderConfig,
): Promise<LoadedAdapter | undefined> {
  if (!(await files('adapter_config.json'))) return undefined;
  const config = parseAdapterConfig(await readJson(files, 'adapter_config.json'));
  const file = await openWeights(files, 'adapter_model');
  const prefix = file.names.some((name) => name.startsWith(PEFT_PREFIX.languageModel))
    ? PEFT_PREFIX.languageModel
    : PEFT_PREFIX.retriever;
  const adapter = new LoraAdapter(context, decoder, config);
  try {
    const expected = new Set<string>();
    for (const spec of adapter.specs) {
      const data = new Float32Array(spec.shape.reduce((product, length) => product * length, 1));
      const columns = spec.shape.at(-1) ?? 1;
      for (const part of spec.parts) {
        const name = prefix + part.name;
        expected.add(name);
        const shape = file.get(name)?.shape;
        if (!shape) throw new SafetensorsError(`The adapter has no tensor ${name}.`);
        if (shape[0] !== part.rows || shape[1] !== columns)
          throw new SafetensorsError(
            `Adapter tensor ${name} has shape [${shape.join(', ')}], but this model needs [${part.rows}, ${columns}]: it belongs to another model.`,
          );
        data.set(await file.readFloats(name), part.rowOffset * columns);
      }
      context.recorder.upload(adapter.parameters.tensor(spec.key).slice, data);
    }
    const extra = file.names.find((name) => !expected.has(name));
    if (extra !== undefined)
      throw new SafetensorsError(`The adapter holds ${extra}, which this model has no place for.`);
    await context.recorder.flush();
    return { adapter, prefix };
  } catch (cause) {
    adapter.destroy();
    throw cause;
  }
}

/** A named piece of an adapter tensor, as a PEFT file holds it. */
export interface AdapterPiece {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Cuts merged adapter tensors (by key) into the pieces a PEFT file holds. */
export function adapterPieces(
  specs: readonly LoraSpec[],
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
      data: data.slice(part.rowOffset * columns, (part.rowOffset + part.rows) * columns),
    }));
  });
}
