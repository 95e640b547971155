import type { Runtime } from './runtime.ts';

/** As many as the kernels that use subgroups have threads at most in a row. */
const THREADS = 64;

/**
 * Whether threads stand in subgroups in the order in which a workgroup numbers them, as reductions within subgroups take for granted
 * (lib/rowSum.subgroups.wgsl): threads add up their own numbers, in rows of two, of four and so on. Each row's sum is right only if each
 * exchanged with the one it should, given that the rows of half the length are right.
 * False where the device has no subgroups. Nothing may be recorded that is not to be sent.
 * @throws the GPU's errors
 */
export async function hasOrderedSubgroups(runtime: Runtime): Promise<boolean> {
  const { subgroupSize } = runtime.gpu;
  if (subgroupSize === undefined) return false;
  const reach = Math.min(THREADS, subgroupSize);
  const sizes = Array.from({ length: Math.log2(reach) }, (_, i) => 2 ** (i + 1));
  const sums = await runtime.compute(() => {
    const found = runtime.tensor([sizes.length, THREADS]);
    sizes.forEach((LANES, row) =>
      runtime.dispatch({
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
  return sums.every((sum, at) => {
    const size = sizes[Math.floor(at / THREADS)] ?? 0;
    const first = (at % THREADS) - (at % size);
    return sum === size * first + (size * (size - 1)) / 2;
  });
}
