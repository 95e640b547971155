/** Rows of `length` tokens with as many different ids as there may be: what a planner takes for a batch. */
export function fullRows(rows: number, length: number, vocabulary: number): number[][] {
  return Array.from({ length: rows }, (_, row) => Array.from({ length }, (__, t) => (row * length + t) % vocabulary));
}
