/** Threads of a workgroup whose rows are reduced (shaders/lib/rowSum.wgsl). */
const ROW_THREADS = 64;

/**
 * How a workgroup of 64 threads is shared among rows of `columns` numbers: LANES threads per row, a power of two, so that
 * narrow rows leave few threads idle and wide ones get the whole workgroup.
 */
export function rowLanes(columns: number): { lanes: number; rowsPerGroup: number } {
  const lanes = Math.min(ROW_THREADS, 2 ** Math.ceil(Math.log2(columns)));
  return { lanes, rowsPerGroup: ROW_THREADS / lanes };
}
