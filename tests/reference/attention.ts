/**
 * Causal attention inside each row, written out: q [T, H·D]; k, v [T, G·D]; result [T, H·D], all row-major, T the sum
 * of `lengths`.
 */
export function referenceCausalAttention(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  lengths: readonly number[],
  { heads, kvHeads, headDim }: { heads: number; kvHeads: number; headDim: number },
): Float64Array {
  const out = new Float64Array(q.length);
  let start = 0;
  for (const length of lengths) {
    for (let h = 0; h < heads; h++) {
      const g = Math.floor(h / (heads / kvHeads));
      for (let t = 0; t < length; t++) {
        const query = ((start + t) * heads + h) * headDim;
        const scores = Array.from({ length: t + 1 }, (_, s) => {
          const key = ((start + s) * kvHeads + g) * headDim;
          let dot = 0;
          for (let d = 0; d < headDim; d++) dot += (q[query + d] ?? NaN) * (k[key + d] ?? NaN);
          return dot / Math.sqrt(headDim);
        });
        const maximum = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - maximum));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        weights.forEach((weight, s) => {
          const value = ((start + s) * kvHeads + g) * headDim;
          for (let d = 0; d < headDim; d++)
            out[query + d] = (out[query + d] ?? NaN) + (weight / total) * (v[value + d] ?? NaN);
        });
      }
    }
    start += length;
  }
  return out;
}
