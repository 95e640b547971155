/** Attention of L_i query tokens to the L_j tokens of another chunk, head by head. */
export interface PairAttention {
  /** L_i and L_j. */
  readonly queryTokens: number;
  readonly contextTokens: number;
  /** P = softmax(q Kᵀ / √headDim): [H, L_i, L_j]. */
  readonly probabilities: Float32Array<ArrayBuffer>;
  /** N = Σ_m P_m ‖V_m‖: what V-normalisation divides by: [H, L_i]. */
  readonly valueNorms: Float32Array<ArrayBuffer>;
  /** ‖O‖ = ‖Σ_m P_m V_m‖ ≤ N, equal where all that is read points one way: [H, L_i]. */
  readonly outputNorms: Float32Array<ArrayBuffer>;
}

/** H query heads share G = kvHeads key/value heads. */
export interface HeadShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * The in-batch attention of one pair (docs/METHOD.md, step 4) in f64: q [L_i, H, headDim]; k and v [L_j, G, headDim], after RoPE.
 * Full, not causal.
 */
export function pairAttention(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  { heads, kvHeads, headDim }: HeadShape,
): PairAttention {
  const queryTokens = q.length / (heads * headDim);
  const contextTokens = k.length / (kvHeads * headDim);
  const probabilities = new Float32Array(heads * queryTokens * contextTokens);
  const valueNorms = new Float32Array(heads * queryTokens);
  const outputNorms = new Float32Array(heads * queryTokens);
  const lengths = Float64Array.from({ length: contextTokens * kvHeads }, (_, row) =>
    Math.sqrt(dot(v, row * headDim, v, row * headDim, headDim)),
  );
  const weights = new Float64Array(contextTokens);
  const output = new Float64Array(headDim);
  for (let h = 0; h < heads; h++) {
    const kvHead = Math.floor((h * kvHeads) / heads);
    for (let t = 0; t < queryTokens; t++) {
      const from = (t * heads + h) * headDim;
      for (let m = 0; m < contextTokens; m++)
        weights[m] = dot(q, from, k, (m * kvHeads + kvHead) * headDim, headDim) / Math.sqrt(headDim);
      normalise(weights);
      const row = h * queryTokens + t;
      probabilities.set(weights, row * contextTokens);
      let norm = 0;
      output.fill(0);
      weights.forEach((p, m) => {
        const value = m * kvHeads + kvHead;
        norm += p * (lengths[value] ?? 0);
        for (let d = 0; d < headDim; d++) output[d] = (output[d] ?? 0) + p * (v[value * headDim + d] ?? 0);
      });
      valueNorms[row] = norm;
      outputNorms[row] = Math.hypot(...output);
    }
  }
  return { queryTokens, contextTokens, probabilities, valueNorms, outputNorms };
}

/** Softmax in place. */
function normalise(scores: Float64Array): void {
  const highest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
  let sum = 0;
  scores.forEach((score, m) => (sum += scores[m] = Math.exp(score - highest)));
  scores.forEach((score, m) => (scores[m] = score / sum));
}

function dot(a: Float32Array, aFrom: number, b: Float32Array, bFrom: number, length: number): number {
  let sum = 0;
  for (let d = 0; d < length; d++) sum += (a[aFrom + d] ?? 0) * (b[bFrom + d] ?? 0);
  return sum;
}
