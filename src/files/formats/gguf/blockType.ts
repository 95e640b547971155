import { fromF16 } from '../../../ops/core/halfPrecision.ts';

/**
 * How ggml packs the numbers of a row: blocks of so many numbers, each with scales of its own. All arithmetic is in f64 and
 * rounded once to f32 on storing, which gives ggml's own bits: its products of scales and numbers are exact in f32 wherever a
 * sum follows, so that there too only one rounding is left.
 */
export interface BlockType {
  /** Numbers of a block. */
  readonly numbers: number;
  /** Its bytes. */
  readonly bytes: number;
  /** Where in a block its f16 scales stand: a block's numbers are finite exactly when they are. */
  readonly scales: readonly number[];
  /** Unpacks the block that begins at byte `at` into `out`, from place `to` on. */
  unpack(bytes: Uint8Array, at: number, out: Float32Array, to: number): void;
}

let halves: Float32Array | undefined;

/** The f16 at byte `at`, little-endian, from a table of all 65,536. */
export function half(bytes: Uint8Array, at: number): number {
  halves ??= fromF16(Uint16Array.from({ length: 65536 }, (_, pattern) => pattern));
  return halves[(bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)] ?? NaN;
}

/** Whole blocks as f32. */
export function unpackBlocks(type: BlockType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const blocks = Math.floor(bytes.length / type.bytes);
  const out = new Float32Array(blocks * type.numbers);
  for (let block = 0; block < blocks; block++) type.unpack(bytes, block * type.bytes, out, block * type.numbers);
  return out;
}

/** Place of the first number of the first block with a scale that is NaN or infinite, or −1. */
export function firstNonFiniteBlock(type: BlockType, bytes: Uint8Array): number {
  for (let at = 0, place = 0; at + type.bytes <= bytes.length; at += type.bytes, place += type.numbers)
    for (const scale of type.scales) if (((bytes[at + scale + 1] ?? 0) & 0x7c) === 0x7c) return place;
  return -1;
}
