export interface InBatchAttentionShape {
  lengths: readonly number[];
  heads: number;
  kvHeads: number;
  headDim: number;
  vNorm: boolean;
  gate: number;
}

/**
 * In-batch attention by plain loops in f64, straight from the definition (docs/METHOD.md, step 4: P, then O = P V, then O / (N + 1e-6)).
 * self, q: [T, H, headDim]; k, v: [T, G, headDim]; attention: [B, B].
 */
export function inBatchAttentionReference(
  self: ArrayLike<number>,
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  attention: ArrayLike<number>,
  { lengths, heads, kvHeads, headDim, vNorm, gate }: InBatchAttentionShape,
): Float64Array {
  const out = Float64Array.from(self);
  const starts = lengths.map((_, i) => lengths.slice(0, i).reduce((sum, length) => sum + length, 0));
  const at = (values: ArrayLike<number>, index: number) => values[index] ?? NaN;
  lengths.forEach((queryLength, i) => {
    lengths.forEach((contextLength, j) => {
      const weight = at(attention, i * lengths.length + j);
      if (i === j || weight === 0) return;
      for (let t = starts[i] ?? NaN, end = t + queryLength; t < end; t++)
        for (let h = 0; h < heads; h++) {
          const query = (t * heads + h) * headDim;
          const kvHead = Math.floor(h / (heads / kvHeads));
          const scores: number[] = [];
          for (let m = 0; m < contextLength; m++) {
            const key = (((starts[j] ?? NaN) + m) * kvHeads + kvHead) * headDim;
            let score = 0;
            for (let d = 0; d < headDim; d++) score += at(q, query + d) * at(k, key + d);
            scores.push(score / Math.sqrt(headDim));
          }
          const highest = Math.max(...scores);
          const sum = scores.reduce((total, score) => total + Math.exp(score - highest), 0);
          const o = new Float64Array(headDim);
          let norm = 0;
          scores.forEach((score, m) => {
            const p = Math.exp(score - highest) / sum;
            const value = (((starts[j] ?? NaN) + m) * kvHeads + kvHead) * headDim;
            let squares = 0;
            for (let d = 0; d < headDim; d++) {
              o[d] = (o[d] ?? NaN) + p * at(v, value + d);
              squares += at(v, value + d) ** 2;
            }
            norm += p * Math.sqrt(squares);
          });
          const divisor = vNorm ? norm + 1e-6 : 1;
          for (let d = 0; d < headDim; d++) out[query + d] = at(out, query + d) + (gate * weight * at(o, d)) / divisor;
        }
    });
  });
  return out;
}
