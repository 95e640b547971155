import { rmsNorm } from './rmsNorm.ts';

/** Each query and key head of qkv [T, (H + 2G)·hd] normalised by itself, values as they are, in f64; weight: [2·hd], q then k. */
export function headNorm(
  qkv: ArrayLike<number>,
  { heads, kvHeads, headDim }: { heads: number; kvHeads: number; headDim: number },
  weight: ArrayLike<number>,
  epsilon: number,
): Float64Array {
  const y = Float64Array.from(qkv);
  const weights = [0, 1].map((which) => Array.from(weight).slice(which * headDim, (which + 1) * headDim));
  for (let at = 0, head = 0; at < y.length; at += headDim, head++) {
    const place = head % (heads + 2 * kvHeads);
    if (place < heads + kvHeads)
      y.set(rmsNorm(y.subarray(at, at + headDim), weights[place < heads ? 0 : 1]!, epsilon), at);
  }
  return y;
}
