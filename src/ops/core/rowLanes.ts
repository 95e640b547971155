import type { Runtime } from './runtime.ts';

/** Threads of a workgroup whose rows are reduced (shaders/lib/rowSum.wgsl). */
const ROW_THREADS = 64;
/** Threads that a software GPU runs as one vector, so that a barrier between them costs nothing. */
const SOFTWARE_THREADS = 4;

/**
 * Threads of a workgroup that adds up numbers: `usual` on a GPU. A software GPU runs threads in vectors of four and
 * changes between vectors at every barrier, which costs far more than the sum itself: there it is one vector.
 */
export function reductionThreads(runtime: Runtime, usual: number): number {
  return runtime.gpu.info.software ? SOFTWARE_THREADS : usual;
}

export interface RowLanes {
  /** Constants of the kernel: threads of a workgroup, and of a row. */
  readonly constants: { readonly THREADS: number; readonly LANES: number };
  readonly rowsPerGroup: number;
}

/**
 * How a workgroup is shared among rows of `columns` numbers: LANES threads per row, a power of two, so that narrow rows
 * leave few threads idle and wide ones get the whole workgroup.
 */
export function rowLanes(runtime: Runtime, columns: number): RowLanes {
  const THREADS = reductionThreads(runtime, ROW_THREADS);
  const LANES = Math.min(THREADS, 2 ** Math.ceil(Math.log2(columns)));
  return { constants: { THREADS, LANES }, rowsPerGroup: THREADS / LANES };
}
