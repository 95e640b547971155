import { quoted } from '../../base/quote.ts';
import { BadInputError } from '../../base/errors.ts';
import { toBf16, toF16 } from '../../ops/core/halfPrecision.ts';

/** Number formats of a safetensors file that hold weights. */
export type StoredDType = 'F32' | 'F16' | 'BF16';

export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte range in the file, absolute. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes before the tensor data. */
  readonly dataOffset: number;
}

/** A safetensors file that is cut short, contradicts itself or holds what it must not. */
export class SafetensorsError extends BadInputError {
  override readonly name = 'SafetensorsError';
}

const BYTES: Readonly<Record<string, number>> = {
  F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1,
  F8_E4M3: 1, F8_E5M2: 1, F8_E8M0: 1, F8_E4M3FNUZ: 1, F8_E5M2FNUZ: 1, C64: 8,
}; // prettier-ignore

/** The format's own limit on the header's length. */
const MAX_HEADER_BYTES = 100_000_000;

/** Bytes of the header that follows the first 8 bytes of a file. @throws SafetensorsError when that cannot be. */
export function headerLength(first: Uint8Array, fileBytes: number): number {
  if (first.length < 8 || fileBytes < 8)
    throw new SafetensorsError('This is not a safetensors file: it is shorter than its first 8 bytes.');
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES) || length > BigInt(fileBytes - 8))
    throw new SafetensorsError(
      `The file says that its header has ${length} bytes, but it has ${fileBytes} bytes in all: it is cut short, or not a safetensors file.`,
    );
  return Number(length);
}

/**
 * Reads and checks a header: every tensor inside the file, none overlapping, sizes as the shapes say.
 * @param header the bytes after the first 8; @param fileBytes length of the whole file.
 */
export function parseHeader(header: Uint8Array, fileBytes: number): SafetensorsHeader {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header));
  } catch (cause) {
    throw new SafetensorsError(
      `The header is not readable JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new SafetensorsError('The header is not an object.');
  const dataOffset = 8 + header.length;
  const tensors = new Map<string, StoredTensor>();
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(json)) {
    if (name === '__metadata__') metadata = stringRecord(entry);
    else tensors.set(name, parseEntry(name, entry, dataOffset, fileBytes));
  }
  checkOverlap(tensors);
  return { tensors, metadata, dataOffset };
}

function stringRecord(value: unknown): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SafetensorsError('The metadata is not an object.');
  const entries = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') throw new SafetensorsError(`The metadata's ${quoted(key)} is not a text.`);
    return [key, text];
  });
  return Object.fromEntries(entries);
}

function parseEntry(name: string, entry: unknown, dataOffset: number, fileBytes: number): StoredTensor {
  const fail = (detail: string): never => {
    throw new SafetensorsError(`Tensor ${quoted(name)}: ${detail}.`);
  };
  if (typeof entry !== 'object' || entry === null) return fail('its entry is not an object');
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== 'string') return fail('its number format is not a text');
  if (!Object.hasOwn(BYTES, dtype)) return fail(`unknown number format ${quoted(dtype)}`);
  const whole = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  if (!Array.isArray(shape) || !shape.every(whole)) return fail('its shape is not a list of whole numbers');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole))
    return fail('its offsets are not two whole numbers');
  const [begin = 0, end = 0] = offsets;
  const bytes = shape.reduce((product, length) => product * length, BYTES[dtype] ?? 0);
  if (!Number.isSafeInteger(bytes)) return fail(`its shape ${shapeText(shape)} is impossibly large`);
  if (end - begin !== bytes)
    return fail(`shape ${shapeText(shape)} of ${dtype} takes ${bytes} bytes, but ${end - begin} are given`);
  if (dataOffset + end > fileBytes)
    return fail(`it ends at byte ${dataOffset + end}, but the file has ${fileBytes}: the file is cut short`);
  return { name, dtype, shape, begin: dataOffset + begin, end: dataOffset + end };
}

/** A hostile header may list a million lengths: a message shows the first few. */
function shapeText(shape: readonly number[]): string {
  return shape.length > 8 ? `[${shape.slice(0, 8).join(', ')}, …]` : `[${shape.join(', ')}]`;
}

function checkOverlap(tensors: ReadonlyMap<string, StoredTensor>): void {
  const sorted = [...tensors.values()].filter(({ begin, end }) => end > begin).sort((a, b) => a.begin - b.begin);
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1], sorted[i]];
    if (before && after && after.begin < before.end)
      throw new SafetensorsError(`Tensors ${quoted(before.name)} and ${quoted(after.name)} overlap in the file.`);
  }
}

/** A tensor that a file is to hold. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
}

/** A file that is still to be written: its header, then the bytes of `tensors` in this order, nothing between them. */
export interface SafetensorsLayout {
  /** The first bytes of the file. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Where each tensor goes. Wider formats come first, so that every tensor begins at a multiple of its own size. */
  readonly tensors: readonly (StoredTensor & TensorEntry)[];
  readonly fileBytes: number;
}

/**
 * Lays a file out before its numbers are there, so that a large one can be written piece by piece.
 * @throws SafetensorsError when two tensors share a name, or a size cannot be.
 */
export function safetensorsHeader(
  entries: readonly TensorEntry[],
  metadata: Readonly<Record<string, string>> = {},
): SafetensorsLayout {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set('__metadata__', metadata);
  let offset = 0;
  const sorted = [...entries].sort((a, b) => (BYTES[b.dtype] ?? 0) - (BYTES[a.dtype] ?? 0));
  const places = sorted.map(({ name, dtype, shape }) => {
    const bytes = shape.reduce((product, length) => product * length, BYTES[dtype] ?? 0);
    if (!Number.isSafeInteger(bytes) || !shape.every((length) => Number.isInteger(length) && length >= 0))
      throw new SafetensorsError(`Tensor ${quoted(name)}: its shape ${shapeText(shape)} cannot be written.`);
    if (name === '__metadata__') throw new SafetensorsError('A tensor cannot be called "__metadata__".');
    if (header.has(name)) throw new SafetensorsError(`Two tensors are called ${quoted(name)}.`);
    const begin = offset;
    offset += bytes;
    header.set(name, { dtype, shape, data_offsets: [begin, offset] });
    return { name, dtype, shape, begin, end: offset };
  });
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const length = Math.ceil(text.length / 8) * 8;
  if (length > MAX_HEADER_BYTES)
    throw new SafetensorsError(`The header would have ${length} bytes; the format allows ${MAX_HEADER_BYTES}.`);
  const first = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(first.buffer).setBigUint64(0, BigInt(length), true);
  first.set(text, 8);
  return {
    header: first,
    tensors: places.map((place) => ({
      ...place,
      begin: first.length + place.begin,
      end: first.length + place.end,
    })),
    fileBytes: first.length + offset,
  };
}

/**
 * The file in pieces, in order: its header, then what `bytesOf` gives for each tensor. Only one piece is in memory at once.
 * @throws SafetensorsError when a tensor gets more or fewer bytes than its shape has.
 */
export async function* safetensorsPieces(
  layout: SafetensorsLayout,
  bytesOf: (tensor: StoredTensor & TensorEntry) => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield layout.header;
  for (const tensor of layout.tensors) {
    let given = 0;
    for await (const piece of bytesOf(tensor)) {
      given += piece.length;
      if (given > tensor.end - tensor.begin) break;
      yield piece;
    }
    if (given !== tensor.end - tensor.begin)
      throw new SafetensorsError(
        `Tensor ${quoted(tensor.name)} takes ${tensor.end - tensor.begin} bytes, but ${given} were given.`,
      );
  }
}

/** f32 numbers as the bytes of a stored format. F32 gives a view of the numbers, no copy. */
export function encodeFloats(data: Float32Array, dtype: StoredDType): Uint8Array<ArrayBuffer> {
  if (dtype !== 'F32') return new Uint8Array((dtype === 'BF16' ? toBf16(data) : toF16(data)).buffer);
  // A Blob takes no shared memory.
  const { buffer } = data;
  return buffer instanceof ArrayBuffer
    ? new Uint8Array(buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data.slice().buffer);
}

/** A tensor to be written, as f32 unless `dtype` says otherwise. */
export interface TensorToStore {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
  readonly dtype?: StoredDType;
}

/**
 * A safetensors file as chunks to be written one after the other (a Blob takes them as they are). Chunks of f32 tensors
 * are views of the tensors' own numbers.
 * @throws SafetensorsError when a tensor's numbers do not fill its shape, or two share a name.
 */
export function safetensorsChunks(
  tensors: readonly TensorToStore[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer>[] {
  for (const { name, shape, data } of tensors)
    if (shape.reduce((product, length) => product * length, 1) !== data.length)
      throw new SafetensorsError(`Tensor ${quoted(name)}: ${data.length} numbers do not fill ${shapeText(shape)}.`);
  const layout = safetensorsHeader(
    tensors.map(({ name, shape, dtype = 'F32' }) => ({ name, shape, dtype })),
    metadata,
  );
  const byName = new Map(tensors.map(({ name, data }) => [name, data]));
  return [
    layout.header,
    ...layout.tensors.map(({ name, dtype }) => encodeFloats(byName.get(name) ?? new Float32Array(), dtype)),
  ];
}

/** A whole safetensors file. @throws SafetensorsError as safetensorsChunks. */
export function writeSafetensors(
  tensors: readonly TensorToStore[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return concatenated(safetensorsChunks(tensors, metadata));
}

/** Chunks as one array. */
export function concatenated(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
