/** Number formats of a safetensors file that we read. */
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
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
}

const BYTES: Readonly<Record<string, number>> = {
  F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1,
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
    if (typeof text !== 'string') throw new SafetensorsError(`The metadata's ${JSON.stringify(key)} is not a text.`);
    return [key, text];
  });
  return Object.fromEntries(entries);
}

function parseEntry(name: string, entry: unknown, dataOffset: number, fileBytes: number): StoredTensor {
  const fail = (detail: string): never => {
    throw new SafetensorsError(`Tensor ${JSON.stringify(name)}: ${detail}.`);
  };
  if (typeof entry !== 'object' || entry === null) return fail('its entry is not an object');
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== 'string') return fail('its number format is not a text');
  if (!Object.hasOwn(BYTES, dtype)) return fail(`unknown number format ${JSON.stringify(dtype)}`);
  const whole = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  if (!Array.isArray(shape) || !shape.every(whole)) return fail('its shape is not a list of whole numbers');
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(whole))
    return fail('its offsets are not two whole numbers');
  const [begin = 0, end = 0] = offsets;
  const bytes = shape.reduce((product, length) => product * length, BYTES[dtype] ?? 0);
  if (!Number.isSafeInteger(bytes)) return fail(`its shape [${shape.join(', ')}] is impossibly large`);
  if (end - begin !== bytes)
    return fail(`shape [${shape.join(', ')}] of ${dtype} takes ${bytes} bytes, but ${end - begin} are given`);
  if (dataOffset + end > fileBytes)
    return fail(`it ends at byte ${dataOffset + end}, but the file has ${fileBytes}: the file is cut short`);
  return { name, dtype, shape, begin: dataOffset + begin, end: dataOffset + end };
}

function checkOverlap(tensors: ReadonlyMap<string, StoredTensor>): void {
  const sorted = [...tensors.values()].filter(({ begin, end }) => end > begin).sort((a, b) => a.begin - b.begin);
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1], sorted[i]];
    if (before && after && after.begin < before.end)
      throw new SafetensorsError(
        `Tensors ${JSON.stringify(before.name)} and ${JSON.stringify(after.name)} overlap in the file.`,
      );
  }
}

/** A tensor to be written, as f32. */
export interface TensorToStore {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A safetensors file of f32 tensors. @throws SafetensorsError when a tensor's numbers do not fill its shape, or two share a name. */
export function writeSafetensors(
  tensors: readonly TensorToStore[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  let offset = 0;
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  for (const { name, shape, data } of tensors) {
    if (shape.reduce((product, length) => product * length, 1) !== data.length)
      throw new SafetensorsError(
        `Tensor ${JSON.stringify(name)}: ${data.length} numbers do not fill [${shape.join(', ')}].`,
      );
    if (Object.hasOwn(header, name)) throw new SafetensorsError(`Two tensors are called ${JSON.stringify(name)}.`);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + padded + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.fill(0x20, 8, 8 + padded);
  file.set(text, 8);
  let at = 8 + padded;
  for (const { data } of tensors) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}
