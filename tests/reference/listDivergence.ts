/** Mean of KL(softmax(T / τ_T) ‖ softmax(S / τ_S)) over the rows, each over j ≠ i, in f64, and both softmaxes. */
export function listDivergenceReference(
  scores: ArrayLike<number>,
  targets: ArrayLike<number>,
  rows: number,
  temperature: number,
  targetTemperature: number,
): { loss: number; shares: Float64Array; wanted: Float64Array } {
  const shares = new Float64Array(rows * rows);
  const wanted = new Float64Array(rows * rows);
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const others = Array.from({ length: rows }, (_, j) => j).filter((j) => j !== i);
    const logSoftmax = (values: ArrayLike<number>, tau: number): number[] => {
      const scaled = others.map((j) => values[i * rows + j]! / tau);
      const highest = Math.max(...scaled);
      const log = highest + Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - highest), 0));
      return scaled.map((value) => value - log);
    };
    const [q, p] = [logSoftmax(scores, temperature), logSoftmax(targets, targetTemperature)];
    others.forEach((j, n) => {
      shares[i * rows + j] = Math.exp(q[n]!);
      wanted[i * rows + j] = Math.exp(p[n]!);
      loss += Math.exp(p[n]!) * (p[n]! - q[n]!);
    });
  }
  return { loss: loss / rows, shares, wanted };
}
