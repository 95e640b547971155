import { memorySource, type FileLookup } from '../../src/files/formats/byteSource.ts';
import { toBf16, toF16 } from '../../src/ops/core/halfPrecision.ts';
import type { NamedTensor } from '../harness/tinyDecoder.ts';

/** A safetensors file with this header, JSON or as it stands, and `dataBytes` bytes after it. */
export function fileWithHeader(header: unknown, dataBytes = 0): Uint8Array<ArrayBuffer> {
  const text =
    header instanceof Uint8Array
      ? header
      : new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  return file;
}

export type StoredType = 'F32' | 'BF16' | 'F16';

/** A safetensors file whose tensors are stored as `dtype` says; written here anew, so that reading is not checked against our writer alone. */
export function storedFile(
  tensors: readonly NamedTensor[],
  dtype: (name: string) => StoredType,
): Uint8Array<ArrayBuffer> {
  const pieces = tensors.map(({ name, shape, data }) => {
    const type = dtype(name);
    const numbers = type === 'F32' ? data.slice() : type === 'BF16' ? toBf16(data) : toF16(data);
    return { name, shape, dtype: type, bytes: new Uint8Array(numbers.buffer) };
  });
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const { name, shape, dtype: type, bytes } of pieces) {
    header[name] = { dtype: type, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  const file = fileWithHeader(header, offset);
  let at = file.length - offset;
  for (const { bytes } of pieces) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/** A folder in memory; objects become JSON. */
export function folder(files: Readonly<Record<string, unknown>>): FileLookup {
  return (name) => {
    if (!Object.hasOwn(files, name)) return Promise.resolve(undefined);
    const content = files[name];
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    return Promise.resolve(
      memorySource(name, content instanceof Uint8Array ? content : new TextEncoder().encode(text)),
    );
  };
}
