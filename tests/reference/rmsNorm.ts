/** y = x · 1/√(mean(x²) + ε) · g for rows of x [T, D], in f64. */
export function rmsNorm(x: ArrayLike<number>, weight: ArrayLike<number>, epsilon: number): Float64Array {
  const columns = weight.length;
  const y = new Float64Array(x.length);
  for (let t = 0; t < x.length / columns; t++) {
    let squares = 0;
    for (let c = 0; c < columns; c++) squares += x[t * columns + c]! ** 2;
    const inverseRms = 1 / Math.sqrt(squares / columns + epsilon);
    for (let c = 0; c < columns; c++) y[t * columns + c] = x[t * columns + c]! * inverseRms * weight[c]!;
  }
  return y;
}
