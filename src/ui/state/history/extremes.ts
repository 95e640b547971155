/** Index of the lowest and of the highest value of a column; −1 where it has none. */
export function extremesOf(values: ArrayLike<number>): readonly [lowest: number, highest: number] {
  let lowest = -1;
  let highest = -1;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN;
    if (!Number.isFinite(value)) continue;
    if (lowest < 0 || value < (values[lowest] ?? 0)) lowest = i;
    if (highest < 0 || value > (values[highest] ?? 0)) highest = i;
  }
  return [lowest, highest];
}

/**
 * Rows to keep when a table of columns is halved: the first and the last, the rows that hold an extreme of any column, and
 * of every four rows those with the lowest and the highest value of `shape`, in order, so that its line looks the same.
 */
export function halve(columns: readonly Float64Array[], shape: Float64Array): number[] {
  const { length } = shape;
  const kept = new Set(length > 0 ? [0, length - 1] : []);
  for (const column of columns) for (const row of extremesOf(column)) if (row >= 0) kept.add(row);
  for (let start = 0; start < length; start += 4) {
    const [lowest, highest] = extremesOf(shape.subarray(start, start + 4));
    kept.add(start + Math.max(0, lowest));
    // A flat stretch keeps its ends.
    kept.add(start + (highest === lowest ? Math.min(3, length - 1 - start) : highest));
  }
  return [...kept].sort((a, b) => a - b);
}
