import { parseDecoderConfig, type DecoderConfig } from '../models/config.ts';
import type { TensorSpec } from '../models/layout.ts';
import { allocateWeights, type DecoderWeights, type WeightOptions } from '../models/weights.ts';
import type { Context } from '../ops/context.ts';
import { bytesPerElement, type DType, type Tensor } from '../ops/tensor.ts';
import { ModelFileError, readJson, type FileLookup } from './byteSource.ts';
import { openWeights, toFloats, type WeightFile } from './weightFile.ts';
import { SafetensorsError } from './safetensors.ts';

const STORED: Readonly<Record<string, DType>> = { F32: 'f32', BF16: 'bf16', F16: 'f16' };

/** Reads config.json of a model folder. @throws ModelFileError, ModelConfigError */
export async function readDecoderConfig(files: FileLookup): Promise<DecoderConfig> {
  return parseDecoderConfig(await readJson(files, 'config.json'));
}

/**
 * Loads a decoder from a Hugging Face folder, tensor by tensor. Frozen matrices stay on the GPU as they are stored (f32,
 * bf16 or f16); norms, biases and everything trainable become f32.
 * @throws ModelFileError, SafetensorsError when files or tensors are missing, cut short or of another shape.
 */
export async function loadDecoder(
  context: Context,
  files: FileLookup,
  config: DecoderConfig,
  options: Omit<WeightOptions, 'storage'>,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<DecoderWeights> {
  const checkpoint = await openWeights(files);
  const weights = allocateWeights(context, config, { ...options, storage: (spec) => storedAs(checkpoint, spec) });
  try {
    const total = weights.specs.reduce((sum, spec) => sum + elements(spec), 0);
    let done = 0;
    for (const spec of weights.specs) {
      const tensor = weights.tensor(spec.key);
      context.recorder.upload(tensor.slice, await readMerged(checkpoint, spec, tensor));
      await context.recorder.flush();
      done += elements(spec);
      onProgress(done, total);
    }
    return weights;
  } catch (cause) {
    weights.destroy();
    throw cause;
  }
}

function elements({ shape }: TensorSpec): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Checkpoints of a body without LM head name their tensors without the leading "model.". */
function nameIn(checkpoint: WeightFile, name: string): string {
  if (checkpoint.get(name)) return name;
  const bare = name.replace(/^model\./, '');
  if (checkpoint.get(bare)) return bare;
  throw new SafetensorsError(`The checkpoint has no tensor ${name}.`);
}

/** One format for a merged tensor: the parts' own when they agree, f32 otherwise. */
function storedAs(checkpoint: WeightFile, spec: TensorSpec): DType {
  if (spec.role === 'norm' || spec.role === 'bias') return 'f32';
  const formats = new Set(spec.parts.map(({ name }) => checkpoint.get(nameIn(checkpoint, name))?.dtype ?? ''));
  const [only] = formats;
  return (formats.size === 1 && only ? STORED[only] : undefined) ?? 'f32';
}

async function readMerged(checkpoint: WeightFile, spec: TensorSpec, tensor: Tensor): Promise<Uint8Array> {
  const columns = spec.shape.length > 1 ? (spec.shape[1] ?? 1) : 1;
  const target = tensor.dtype;
  const result = new Uint8Array(elements(spec) * bytesPerElement(target));
  for (const part of spec.parts) {
    const name = nameIn(checkpoint, part.name);
    const stored = checkpoint.get(name);
    if (!stored) throw new ModelFileError(`The checkpoint has no tensor ${name}.`);
    const storedBytes = stored.dtype === 'F32' ? 4 : 2;
    // A shard of a table begins inside the stored tensor: its rowOffset is negative.
    const firstRow = Math.max(0, -part.rowOffset);
    const expected = [spec.role === 'embedding' ? undefined : part.rows, ...(spec.shape.length > 1 ? [columns] : [])];
    const fits =
      stored.shape.length === expected.length &&
      expected.every((length, i) => length === undefined || length === stored.shape[i]);
    if (!fits || (stored.shape[0] ?? 0) < firstRow + part.rows)
      throw new SafetensorsError(
        `Tensor ${name} has shape [${stored.shape.join(', ')}], but config.json asks for [${firstRow + part.rows}${spec.shape.length > 1 ? `, ${columns}` : ''}].`,
      );
    const bytes = await checkpoint.readBytes(
      name,
      firstRow * columns * storedBytes,
      (firstRow + part.rows) * columns * storedBytes,
    );
    const at = Math.max(0, part.rowOffset) * columns * bytesPerElement(target);
    if (STORED[stored.dtype] === target) result.set(bytes, at);
    else result.set(new Uint8Array(toFloats(name, stored.dtype, bytes).buffer), at);
  }
  return result;
}
