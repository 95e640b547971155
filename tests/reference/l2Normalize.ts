/** x / max(‖x‖, 1e-12) for rows of x [B, columns], in f64. */
export function l2Normalize(x: ArrayLike<number>, columns: number): Float64Array {
  const y = Float64Array.from(x);
  for (let at = 0; at < y.length; at += columns) {
    const row = y.subarray(at, at + columns);
    const norm = Math.max(Math.hypot(...row), 1e-12);
    row.forEach((value, c) => (row[c] = value / norm));
  }
  return y;
}
