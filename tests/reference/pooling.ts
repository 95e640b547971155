/** One vector per row of hidden [T, columns]: the last token's, the mean, or the first token's; f64. */
export function poolRows(
  hidden: ArrayLike<number>,
  lengths: readonly number[],
  columns: number,
  pooling: 'eos' | 'mean' | 'first',
): Float64Array {
  const pooled = new Float64Array(lengths.length * columns);
  let start = 0;
  lengths.forEach((length, b) => {
    const from = pooling === 'eos' ? start + length - 1 : start;
    const end = pooling === 'first' ? start + 1 : start + length;
    for (let t = from; t < end; t++)
      for (let c = 0; c < columns; c++) pooled[b * columns + c]! += hidden[t * columns + c]! / (end - from);
    start += length;
  });
  return pooled;
}
