import type { GGUFTypedMetadata, GGUFValueType } from '@huggingface/gguf';

/** Bytes of a value of each fixed-size type, by GGUF's number for it. */
const FIXED: readonly (number | undefined)[] = [1, 1, 2, 2, 4, 4, 4, 1, undefined, undefined, 8, 8, 8];
const STRING = 8;
const ARRAY = 9;
interface Entry {
  readonly value?: unknown;
  readonly type: GGUFValueType | number;
  readonly subType?: GGUFValueType | undefined;
}

/** What the library adds to the entries of the file. */
const NOT_ENTRIES = new Set(['version', 'tensor_count', 'kv_count']);

/**
 * Bytes that parsed metadata take in a file: what the library has read of it is whole where that is what it has passed over. NaN
 * where lists hold lists, whose types it does not tell.
 */
export function typedMetadataBytes(metadata: GGUFTypedMetadata): number {
  let bytes = 0;
  for (const [key, entry] of Object.entries(metadata))
    if (!NOT_ENTRIES.has(key)) bytes += textBytes(key) + 4 + entryBytes(entry);
  return bytes;
}

function entryBytes({ value, type, subType }: Entry): number {
  if (type !== ARRAY) return valueBytes(value, type);
  if (!Array.isArray(value) || subType === undefined) return NaN;
  let bytes = 4 + 8;
  for (const item of value) bytes += valueBytes(item, subType);
  return bytes;
}

function valueBytes(value: unknown, type: number): number {
  if (type === STRING) return typeof value === 'string' ? textBytes(value) : NaN;
  return FIXED[type] ?? NaN;
}

/** Its length and its UTF-8. */
function textBytes(text: string): number {
  let bytes = 8;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Each half of a surrogate pair stands for two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
