/** A [B, B] = softmax over j ≠ i of S_ij / τ, diagonal 0, in f64; what f32 has no normal number for is 0. */
export function batchAttentionReference(
  similarity: ArrayLike<number>,
  chunks: number,
  temperature: number,
): Float64Array {
  const attention = new Float64Array(chunks * chunks);
  for (let i = 0; i < chunks; i++) {
    const others = Array.from({ length: chunks }, (_, j) => j).filter((j) => j !== i);
    const scores = others.map((j) => (similarity[i * chunks + j] ?? NaN) / temperature);
    const highest = Math.max(...scores);
    const sum = scores.reduce((total, score) => total + Math.exp(score - highest), 0);
    others.forEach((j, n) => {
      const value = Math.exp((scores[n] ?? NaN) - highest) / sum;
      attention[i * chunks + j] = value < 2 ** -126 ? 0 : value;
    });
  }
  return attention;
}
