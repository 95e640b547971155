/** Threads that share the rows of a reduction (shaders/lib/rowSum.wgsl). */
const ROW_THREADS = 64;

/**
 * Vectors of four in a row of `columns` numbers, for kernels that move rows as vec4.
 * @throws Error when the rows do not consist of whole vectors.
 */
export function vectorsPerRow(what: string, columns: number): number {
  if (columns < 4 || columns % 4 !== 0)
    throw new Error(`${what}: ${columns} columns; the kernels need a multiple of 4. Choose such a size for the model.`);
  return columns / 4;
}

/**
 * How a workgroup of 64 threads is shared among rows of `vectors` vec4: LANES threads per row, a power of two, so that
 * narrow rows leave few threads idle and wide ones get the whole workgroup.
 */
export function rowLanes(vectors: number): { lanes: number; rowsPerGroup: number } {
  const lanes = Math.min(ROW_THREADS, 2 ** Math.ceil(Math.log2(vectors)));
  return { lanes, rowsPerGroup: ROW_THREADS / lanes };
}
