import { half, type BlockType } from './blockType.ts';

/**
 * The types with blocks of 32 numbers and f16 scales. Four-bit numbers lie in 16 bytes, the first half of the block in the
 * lower halves of the bytes; fifth bits in a word of 32 bits, number by number.
 */

/** value = d · (q − 8). d f16, q 4 bits. */
const Q4_0: BlockType = {
  numbers: 32,
  bytes: 18,
  scales: [0],
  unpack(bytes, at, out, to) {
    const d = half(bytes, at);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 2 + i] ?? 0;
      out[to + i] = d * ((pair & 15) - 8);
      out[to + 16 + i] = d * ((pair >> 4) - 8);
    }
  },
};

/** value = d · q + m. d and m f16, q 4 bits. */
const Q4_1: BlockType = {
  numbers: 32,
  bytes: 20,
  scales: [0, 2],
  unpack(bytes, at, out, to) {
    const d = half(bytes, at);
    const m = half(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 4 + i] ?? 0;
      out[to + i] = d * (pair & 15) + m;
      out[to + 16 + i] = d * (pair >> 4) + m;
    }
  },
};

/** The fifth bits of a block, one per number. */
function highBits(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

/** value = d · (q − 16). d f16, q 5 bits. */
const Q5_0: BlockType = {
  numbers: 32,
  bytes: 22,
  scales: [0],
  unpack(bytes, at, out, to) {
    const d = half(bytes, at);
    const high = highBits(bytes, at + 2);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 6 + i] ?? 0;
      out[to + i] = d * (((pair & 15) | (((high >>> i) & 1) << 4)) - 16);
      out[to + 16 + i] = d * (((pair >> 4) | (((high >>> (16 + i)) & 1) << 4)) - 16);
    }
  },
};

/** value = d · q + m. d and m f16, q 5 bits. */
const Q5_1: BlockType = {
  numbers: 32,
  bytes: 24,
  scales: [0, 2],
  unpack(bytes, at, out, to) {
    const d = half(bytes, at);
    const m = half(bytes, at + 2);
    const high = highBits(bytes, at + 4);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[at + 8 + i] ?? 0;
      out[to + i] = d * ((pair & 15) | (((high >>> i) & 1) << 4)) + m;
      out[to + 16 + i] = d * ((pair >> 4) | (((high >>> (16 + i)) & 1) << 4)) + m;
    }
  },
};

/** value = d · q. d f16, q an i8. */
const Q8_0: BlockType = {
  numbers: 32,
  bytes: 34,
  scales: [0],
  unpack(bytes, at, out, to) {
    const d = half(bytes, at);
    for (let i = 0; i < 32; i++) out[to + i] = d * (((bytes[at + 2 + i] ?? 0) << 24) >> 24);
  },
};

export const BLOCKS_OF_32 = { Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 } as const;
