import { half, type BlockType } from './blockType.ts';

/**
 * The "K" types: blocks of 256 numbers in groups, whose scales are small whole numbers times f16 scales of the block.
 * Q4_K and Q5_K: eight groups of 32, value = (d · s) · q − (dmin · m), with s and m of 6 bits each.
 */

const GROUPS = 8;

/** Eight s and eight m of 6 bits in 12 bytes: the first four of each whole, the upper bits of the others in their top bits. */
function groupScales(bytes: Uint8Array, at: number, group: number): { s: number; m: number } {
  const byte = (i: number): number => bytes[at + i] ?? 0;
  if (group < 4) return { s: byte(group) & 63, m: byte(group + 4) & 63 };
  return {
    s: (byte(group + 4) & 15) | ((byte(group - 4) >> 6) << 4),
    m: (byte(group + 4) >> 4) | ((byte(group) >> 6) << 4),
  };
}

/**
 * d, dmin f16; 12 bytes of s and m; q in 128 bytes from `lower` on: of 32 bytes the lower halves are one group, the upper the next.
 * Where there are fifth bits, those of all groups lie in 32 bytes from `fifth` on: bit `group` of byte i belongs to its number i.
 */
function groupsOf32(size: number, lower: number, fifth?: number): BlockType {
  return {
    numbers: 256,
    bytes: size,
    scales: [0, 2],
    unpack(bytes, at, out, to) {
      const d = half(bytes, at);
      const dmin = half(bytes, at + 2);
      for (let group = 0; group < GROUPS; group++) {
        const { s, m } = groupScales(bytes, at + 4, group);
        const [scale, least] = [d * s, dmin * m];
        const first = at + lower + 32 * (group >> 1);
        const shift = 4 * (group & 1);
        for (let i = 0; i < 32; i++) {
          const high = fifth === undefined ? 0 : ((bytes[at + fifth + i] ?? 0) >> group) & 1;
          out[to + 32 * group + i] = scale * ((((bytes[first + i] ?? 0) >> shift) & 15) | (high << 4)) - least;
        }
      }
    },
  };
}

const Q4_K = groupsOf32(144, 16);
const Q5_K = groupsOf32(176, 48, 16);

/**
 * Sixteen groups of 16, value = (d · s) · (q − 32) with s an i8. In each half of 128 numbers: 64 bytes of lower four bits, the
 * first 64 numbers in the lower halves of the bytes; 32 bytes of upper two bits, those of numbers i, i + 32, i + 64, i + 96 in
 * byte i. The product d · s is exact in f32, so the value is rounded once, as in ggml.
 */
const Q6_K: BlockType = {
  numbers: 256,
  bytes: 210,
  scales: [208],
  unpack(bytes, at, out, to) {
    const d = half(bytes, at + 208);
    for (let part = 0; part < 2; part++) {
      const [low, high, scales] = [at + 64 * part, at + 128 + 32 * part, at + 192 + 8 * part];
      for (let quarter = 0; quarter < 4; quarter++) {
        const first = low + 32 * (quarter & 1);
        const shift = 4 * (quarter >> 1);
        for (let i = 0; i < 32; i++) {
          const upper = ((bytes[high + i] ?? 0) >> (2 * quarter)) & 3;
          const q = (((bytes[first + i] ?? 0) >> shift) & 15) | (upper << 4);
          const s = ((bytes[scales + 2 * quarter + (i >> 4)] ?? 0) << 24) >> 24;
          out[to + 128 * part + 32 * quarter + i] = d * s * (q - 32);
        }
      }
    }
  },
};

export const BLOCKS_OF_256 = { Q4_K, Q5_K, Q6_K } as const;
