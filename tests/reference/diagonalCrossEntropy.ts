/** Mean cross-entropy of the rows of S [B, B] with the diagonal as labels, in f64, and P = softmax(S / τ). */
export function diagonalCrossEntropyReference(
  similarity: ArrayLike<number>,
  rows: number,
  temperature: number,
): { loss: number; probabilities: Float64Array } {
  const probabilities = new Float64Array(rows * rows);
  let loss = 0;
  for (let i = 0; i < rows; i++) {
    const row = Array.from({ length: rows }, (_, j) => similarity[i * rows + j]! / temperature);
    const highest = Math.max(...row);
    const sum = row.reduce((total, value) => total + Math.exp(value - highest), 0);
    row.forEach((value, j) => (probabilities[i * rows + j] = Math.exp(value - highest) / sum));
    loss += Math.log(sum) + highest - row[i]!;
  }
  return { loss: loss / rows, probabilities };
}
