import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

const THREADS = 256;

/** Chains of a thread, and multiply-adds of a chain in a round, as shaders/devicePeak/fma.wgsl has them. */
export const CHAINS = 16;
export const STEPS_A_ROUND = 4;

/**
 * What a device computes at most: in each of `out`'s threads sixteen chains x ← a·x + b (b times the thread's index mod 7), summed up at
 * the end. Nothing but registers is used. Not recorded on the tape.
 * @param seeds [16] first x of the chains. @param factors [4]: a, b, and two that nobody reads
 */
export function multiplyAdd(
  runtime: Runtime,
  { seeds, factors, out, rounds }: { seeds: Tensor; factors: Tensor; out: Tensor; rounds: number },
): void {
  if (seeds.size !== CHAINS || factors.size !== 4)
    throw new Error(`multiplyAdd: ${seeds.size} seeds and ${factors.size} factors instead of ${CHAINS} and 4.`);
  runtime.dispatch({
    kernel: 'devicePeak/fma',
    params: { count: out.size, rounds },
    bindings: { seeds: seeds.slice, factors: factors.slice, out: out.slice },
    groups: [Math.ceil(out.size / THREADS)],
    flops: 2 * CHAINS * STEPS_A_ROUND * rounds * out.size,
    bytes: 4 * out.size,
  });
}

/** What a device moves at most: out = numbers, f32 of the same size. Not recorded on the tape. */
export function copyNumbers(runtime: Runtime, numbers: Tensor, out: Tensor): void {
  if (numbers.size !== out.size) throw new Error(`copyNumbers: ${numbers.size} numbers do not fit ${out.size}.`);
  runtime.dispatch({
    kernel: 'devicePeak/copy',
    params: { count: out.size },
    bindings: { numbers: numbers.slice, out: out.slice },
    groups: [Math.ceil(out.size / (4 * THREADS))],
    flops: 0,
    bytes: 8 * out.size,
  });
}
