/**
 * The two 16-bit floating formats, as arrays of their bit patterns. bf16 is the upper half of an f32 (8 exponent bits, 7 of
 * mantissa); f16 is IEEE 754 binary16 (5 and 10). Narrowing rounds to nearest, ties to even.
 */

const bits = new Uint32Array(1);
const number = new Float32Array(bits.buffer);

/** f32 to bf16. NaN stays NaN; what is too large becomes infinite. */
export function toBf16(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    number[0] = values[i] ?? NaN;
    const word = bits[0] ?? 0;
    // Rounding up could carry a NaN's mantissa into infinity: set its quiet bit instead.
    if ((word & 0x7fffffff) > 0x7f800000) result[i] = (word >>> 16) | 0x40;
    else result[i] = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return result;
}

/** bf16 to f32, exactly. */
export function fromBf16(patterns: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(patterns.length);
  for (let i = 0; i < patterns.length; i++) words[i] = (patterns[i] ?? 0) << 16;
  return new Float32Array(words.buffer);
}

/** f32 to f16. NaN stays NaN; what is too large becomes infinite (from 65520 on). */
export function toF16(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    number[0] = values[i] ?? NaN;
    const word = bits[0] ?? 0;
    const sign = (word >>> 16) & 0x8000;
    const exponent = (word >>> 23) & 0xff;
    const mantissa = word & 0x7fffff;
    result[i] = sign | (exponent === 0xff ? (mantissa ? 0x7e00 : 0x7c00) : roundToF16(exponent - 127, mantissa));
  }
  return result;
}

/** Magnitude of 2^exponent · (1 + mantissa / 2^23) as f16. A carry out of the mantissa moves into the exponent, as it should. */
function roundToF16(exponent: number, mantissa: number): number {
  if (exponent > 15) return 0x7c00;
  // Below 2^-25 all rounds to zero; f32's own subnormals are far below.
  if (exponent < -25) return 0;
  const normal = exponent >= -14;
  const significand = normal ? mantissa : mantissa | 0x800000;
  const drop = normal ? 13 : -1 - exponent;
  const kept = significand >>> drop;
  const rest = significand & ((1 << drop) - 1);
  const half = 1 << (drop - 1);
  const up = rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0;
  return (normal ? (exponent + 15) << 10 : 0) + kept + up;
}

/** f16 to f32, exactly. */
export function fromF16(patterns: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const result = new Float32Array(patterns.length);
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i] ?? 0;
    const sign = pattern & 0x8000 ? -1 : 1;
    const exponent = (pattern >>> 10) & 0x1f;
    const mantissa = pattern & 0x3ff;
    if (exponent === 0x1f) result[i] = mantissa ? NaN : sign * Infinity;
    else if (exponent === 0) result[i] = sign * mantissa * 2 ** -24;
    else result[i] = sign * (1024 + mantissa) * 2 ** (exponent - 25);
  }
  return result;
}
