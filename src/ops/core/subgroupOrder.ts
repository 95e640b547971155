import { Runtime } from './runtime.ts';

/** As many as the kernels that use subgroups have threads at most in a row. */
const THREADS = 64;

/**
 * Whether threads stand in subgroups in the order in which a workgroup numbers them, as reductions within subgroups take for granted
 * (lib/rowSum.subgroups.wgsl): threads add up their own numbers, in rows of two, of four and so on. False where the device has no subgroups.
 * Nothing of `runtime` is touched.
 * @throws the GPU's errors
 */
export async function hasOrderedSubgroups(runtime: Runtime): Promise<boolean> {
  const { subgroupSize } = runtime.gpu;
  if (subgroupSize === undefined) return false;
  const sizes = rowSizes(subgroupSize);
  const own = new Runtime(runtime.gpu, runtime);
  try {
    const sums = await own.compute(() => {
      const found = own.tensor([sizes.length, THREADS]);
      sizes.forEach((LANES, row) =>
        own.dispatch({
          kernel: 'subgroupOrder/check+subgroups',
          constants: { THREADS, LANES, SUBGROUP: subgroupSize },
          params: { row },
          bindings: { sums: found.slice },
          groups: [1],
          flops: THREADS * (row + 1),
          bytes: 4 * THREADS,
        }),
      );
      return found;
    });
    return areInOrder(sums, subgroupSize);
  } finally {
    own.close();
  }
}

/** 2, 4, … up to what subgroups or workgroups reach. */
function rowSizes(subgroupSize: number): number[] {
  return Array.from({ length: Math.log2(Math.min(THREADS, subgroupSize)) }, (_, i) => 2 ** (i + 1));
}

/**
 * Whether these are the sums of the numbers of threads, [sizes of rows, THREADS]. Each row's is right only if each thread exchanged with the
 * one it should, given that the rows of half the length are right.
 */
export function areInOrder(sums: Float32Array, subgroupSize: number): boolean {
  const sizes = rowSizes(subgroupSize);
  return sums.every((sum, at) => {
    const size = sizes[Math.floor(at / THREADS)] ?? 0;
    const first = (at % THREADS) - (at % size);
    return sum === size * first + (size * (size - 1)) / 2;
  });
}
