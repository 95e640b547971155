import type { EncoderPooling } from './knownEncoders.ts';

/**
 * One vector of a text's states: their mean over all tokens, begin and end tokens too, as sentence-transformers has it, or the state of
 * the first or the last token; then scaled to length 1.
 * @param states [tokens, width] in row-major order.
 */
export function pooled(states: ArrayLike<number>, width: number, pooling: EncoderPooling): Float32Array {
  const tokens = states.length / width;
  if (!Number.isInteger(tokens) || tokens === 0)
    throw new RangeError(`${states.length} numbers are no rows of ${width}.`);
  const sums = new Float64Array(width);
  const [begin, end] = { mean: [0, tokens], first: [0, 1], eos: [tokens - 1, tokens] }[pooling] as [number, number];
  for (let token = begin; token < end; token++)
    for (let d = 0; d < width; d++) sums[d] = (sums[d] ?? 0) + (states[token * width + d] ?? NaN);
  const length = Math.sqrt(sums.reduce((sum, value) => sum + value * value, 0));
  return Float32Array.from(sums, (value) => (length > 0 ? value / length : 0));
}
