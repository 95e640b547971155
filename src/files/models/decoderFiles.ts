import { parseDecoderConfig, type DecoderConfig } from '../../models/config.ts';
import type { Note } from '../../models/configFields.ts';
import { decoderLayout, type TensorSpec } from '../../models/layout.ts';
import { allocateWeights, type DecoderWeights, type WeightOptions } from '../../models/weights.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { toBf16 } from '../../ops/core/halfPrecision.ts';
import { bytesPerElement, type DType, type Tensor } from '../../ops/core/tensor.ts';
import { readJson, type FileLookup } from '../formats/byteSource.ts';
import { quantiseRows, QuantisationErrors, type QuantisationReport } from './quantise.ts';
import { SafetensorsError, type StoredTensor } from '../formats/safetensors.ts';
import { formatBytes, numberFormat, type NumberFormat } from './numberFormat.ts';
import { refuseUnusable } from './usableWeights.ts';
import { openWeights, storedFormat, type WeightFile } from './weightFile.ts';
import { SliceWriter, WeightStream } from './weightStream.ts';

/**
 * How frozen matrices and tables lie on the GPU.
 * - `stored`: as the checkpoint holds them, bit for bit; those of a GGUF file in blocks as int8.
 * - `int8`: 8-bit numbers with a scale per group (half of bf16). `bf16`: rounded to it. `f32`: exact, whatever is stored.
 */
export type Precision = 'stored' | 'bf16' | 'int8' | 'f32';

export interface LoadOptions extends Omit<WeightOptions, 'storage'> {
  /** Default 'stored'. Trainable weights are f32 whatever it says. */
  readonly precision?: Precision;
  /** Stops loading: everything is given back and LoadStoppedError thrown. */
  readonly signal?: AbortSignal;
  /** With int8: hears, once all is loaded, how far the numbers are from the checkpoint's. */
  readonly onQuantised?: (report: QuantisationReport) => void;
}

/** The GPU copies whole words: pieces of these leave nothing over. */
const WORD_BYTES = 4;

/** Reads config.json of a model folder; `note` hears where it contradicts itself. @throws ModelFileError, ModelConfigError */
export async function readDecoderConfig(files: FileLookup, note?: Note): Promise<DecoderConfig> {
  return parseDecoderConfig(await readJson(files, 'config.json'), note);
}

/**
 * Loads a decoder from a Hugging Face folder, piece by piece: at most LOAD_MEMORY_BYTES of it are in JavaScript's memory. Frozen
 * matrices stay on the GPU as they are stored (f32, bf16 or f16) or become int8; norms, biases and everything trainable become
 * f32. Embedding and head are cut into as many shards as this GPU's limits ask for, or into shards of `shardRows`.
 * @param onProgress bytes of the checkpoint read so far, and in all
 * @throws ModelFileError, SafetensorsError when files or tensors are missing, cut short, of another shape or not finite;
 * LoadStoppedError. Nothing stays on the GPU then.
 */
export async function loadDecoder(
  runtime: Runtime,
  files: FileLookup,
  config: DecoderConfig,
  options: LoadOptions,
  onProgress: (doneBytes: number, totalBytes: number) => void = () => undefined,
): Promise<DecoderWeights> {
  const { precision = 'stored', signal, onQuantised } = options;
  const checkpoint = await openWeights(files);
  refuseUnusable(checkpoint);
  const { tensors, totalBytes } = findTensors(checkpoint, config, options.head);
  const format = storedFormat(checkpoint);
  const weights = allocateWeights(runtime, config, {
    ...options,
    storage: (spec) => storage(tensors, spec, precision, format),
  });
  try {
    const stream = new WeightStream(runtime, checkpoint, { signal, onRead: (bytes) => onProgress(bytes, totalBytes) });
    const errors = new QuantisationErrors();
    for (const spec of weights.specs) {
      const tensor = weights.tensor(spec.key);
      if (tensor.scales) await quantise(runtime, stream, tensors, spec, tensor, tensor.scales, errors);
      else await copy(runtime, stream, tensors, spec, tensor);
    }
    await stream.flush();
    const report = errors.report();
    if (report) onQuantised?.(report);
    return weights;
  } catch (cause) {
    // Uploads that are recorded still name these buffers: they run before anybody else gets them.
    await runtime.recorder.flush().catch(() => undefined);
    weights.destroy();
    throw cause;
  }
}

/** The checkpoint's tensors by the names the layout has for them. */
type Tensors = ReadonlyMap<string, StoredTensor>;

/** Finds every tensor and checks its shape and format, before anything is allocated. */
function findTensors(
  checkpoint: WeightFile,
  config: DecoderConfig,
  head: boolean,
): { tensors: Tensors; totalBytes: number } {
  const tensors = new Map<string, StoredTensor>();
  let totalBytes = 0;
  for (const spec of decoderLayout(config, { head }))
    for (const { name, rows } of spec.parts) {
      // Checkpoints of a body without LM head name their tensors without the leading "model.".
      const stored = checkpoint.get(name) ?? checkpoint.get(name.replace(/^model\./, ''));
      if (!stored) throw missing(name);
      const expected = [rows, ...spec.shape.slice(1)];
      // A vocabulary may be padded with rows that no token uses.
      const fits =
        stored.shape.length === expected.length &&
        expected.every((length, i) =>
          spec.role === 'embedding' && i === 0 ? (stored.shape[i] ?? 0) >= length : stored.shape[i] === length,
        );
      if (!fits)
        throw new SafetensorsError(
          `Tensor ${stored.name} has shape [${stored.shape.join(', ')}], but config.json asks for [${expected.join(', ')}].`,
        );
      const format = numberFormat(stored.name, stored.dtype);
      if (stored.shape.length === 1 && format.blockNumbers > 1)
        throw new SafetensorsError(`Tensor ${stored.name} is packed as ${stored.dtype}, which only matrices can be.`);
      totalBytes += formatBytes(
        format,
        expected.reduce((product, length) => product * length, 1),
      );
      tensors.set(name, stored);
    }
  return { tensors, totalBytes };
}

function missing(name: string): SafetensorsError {
  const why =
    name === 'lm_head.weight'
      ? ' Its config.json does not share the embedding with the output head (tie_word_embeddings), so the head must be there; ' +
        'without it the model can be a retriever only.'
      : '';
  return new SafetensorsError(`The checkpoint has no tensor ${name}.${why}`);
}

function found(tensors: Tensors, name: string): StoredTensor {
  const stored = tensors.get(name);
  if (!stored) throw missing(name);
  return stored;
}

/** One format for a merged tensor: the parts' own when they agree, f32 otherwise. `format`: storedFormat() of the whole. */
function storage(tensors: Tensors, spec: TensorSpec, precision: Precision, format: DType): DType {
  if (spec.role === 'norm' || spec.role === 'bias' || precision === 'f32') return 'f32';
  if (precision === 'bf16') return 'bf16';
  if (precision === 'int8' || format === 'i8') return 'i8';
  const [first, ...others] = spec.parts.map(({ name }) => numberFormat(name, found(tensors, name).dtype).dtype);
  return (others.every((dtype) => dtype === first) ? first : undefined) ?? 'f32';
}

/** Where a part of a merged tensor lies in the checkpoint, in bytes of its stored tensor. */
function stretch(spec: TensorSpec, part: TensorSpec['parts'][number], format: NumberFormat) {
  const rowBytes = formatBytes(format, spec.shape[1] ?? 1);
  // A shard of a table begins inside the stored tensor: its rowOffset is negative.
  const firstRow = Math.max(0, -part.rowOffset);
  return { rowBytes, begin: firstRow * rowBytes, end: (firstRow + part.rows) * rowBytes };
}

/** Fills a tensor with its parts, which lie in it one behind the other: bytes as they are stored, or in the tensor's format. */
async function copy(
  runtime: Runtime,
  stream: WeightStream,
  tensors: Tensors,
  spec: TensorSpec,
  tensor: Tensor,
): Promise<void> {
  const writer = new SliceWriter(runtime, tensor.slice);
  const converted = tensor.dtype === 'bf16' ? toBf16 : (numbers: Float32Array) => numbers;
  for (const part of spec.parts) {
    const stored = found(tensors, part.name);
    const format = numberFormat(stored.name, stored.dtype);
    const { begin, end } = stretch(spec, part, format);
    const asStored = format.dtype === tensor.dtype;
    const unit = format.blockNumbers === 1 ? WORD_BYTES : format.blockBytes;
    const growth = (bytesPerElement(tensor.dtype) * format.blockNumbers) / format.blockBytes;
    for await (const bytes of stream.pieces(stored, begin, end, unit, growth))
      writer.write(asStored ? bytes : converted(format.toFloats(bytes)));
  }
  writer.finish();
}

/** Fills an i8 tensor and its scales, some rows at a time. */
async function quantise(
  runtime: Runtime,
  stream: WeightStream,
  tensors: Tensors,
  spec: TensorSpec,
  tensor: Tensor,
  scales: Tensor,
  errors: QuantisationErrors,
): Promise<void> {
  const [numberWriter, scaleWriter] = [new SliceWriter(runtime, tensor.slice), new SliceWriter(runtime, scales.slice)];
  for (const part of spec.parts) {
    const stored = found(tensors, part.name);
    const format = numberFormat(stored.name, stored.dtype);
    const { begin, end, rowBytes } = stretch(spec, part, format);
    const growth = format.blockNumbers / format.blockBytes;
    for await (const bytes of stream.pieces(stored, begin, end, rowBytes, growth)) {
      const rows = quantiseRows(format.toFloats(bytes), tensor.columns);
      numberWriter.write(rows.numbers);
      scaleWriter.write(rows.scales);
      errors.add(stored.name, rows);
    }
  }
  numberWriter.finish();
  scaleWriter.finish();
}
