/** Bit masks of two 16-bit numbers, or one of 32 bits, in a word. */
interface Masks {
  readonly bytes: number;
  /** The exponents: all ones in an infinity and in a NaN. */
  readonly exponent: number;
  /** Added to the exponents, carries out of those that are all ones, into their sign's place. */
  readonly lowest: number;
  readonly carry: number;
}

const MASKS: Readonly<Record<string, Masks>> = {
  F32: { bytes: 4, exponent: 0x7f800000, lowest: 0x00800000, carry: 0x80000000 | 0 },
  BF16: { bytes: 2, exponent: 0x7f807f80, lowest: 0x00800080, carry: 0x80008000 | 0 },
  F16: { bytes: 2, exponent: 0x7c007c00, lowest: 0x04000400, carry: 0x80008000 | 0 },
};

/**
 * Index of the first NaN or infinity among numbers stored as `dtype` (a safetensors format), or −1. Looks at a word at a
 * time, without a branch per number: checkpoints have hundreds of millions.
 */
export function firstNonFinite(dtype: string, bytes: Uint8Array): number {
  const masks = MASKS[dtype];
  if (!masks) throw new Error(`There are no infinities in ${dtype}.`);
  const { exponent, lowest, carry } = masks;
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, Math.floor(bytes.length / 4));
  let carried = 0;
  for (let i = 0; i < words.length; i++) carried |= ((words[i] ?? 0) & exponent) + lowest;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // All is well but for what is left behind the last whole word: look there alone.
  const first = (carried & carry) === 0 ? 4 * words.length : 0;
  for (let at = first; at + masks.bytes <= bytes.length; at += masks.bytes) {
    const pattern = masks.bytes === 4 ? view.getUint32(at, true) : view.getUint16(at, true);
    // In the lower half of a 16-bit format's masks lie those of one number.
    const own = masks.bytes === 4 ? exponent : exponent & 0xffff;
    if ((pattern & own) === own) return at / masks.bytes;
  }
  return -1;
}
