import type { GradientTarget } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import type { Tensor } from './tensor.ts';

/** Dropout of a batch: what all its masks share. */
export interface Dropout {
  /** Share of the numbers that are dropped, from 0 to below 1; the others are multiplied by 1 / (1 − rate). */
  readonly rate: number;
  /** u32 [2], drawn for the batch. Data as its tokens are: else a step has the same commands as any other. */
  readonly key: Tensor;
}

/** One of a batch's masks: those of different sites (any 32 bits) are independent. */
export interface DropoutMask extends Dropout {
  readonly site: number;
}

const THREADS = 256;

/** What kernels that include lib/dropoutMask.wgsl take of a rate. @throws Error for a rate that keeps nothing, or is none */
export function rateParams(rate: number): { readonly threshold: number; readonly factor: number } {
  if (!(rate >= 0 && rate < 1)) throw new Error(`dropout: a rate of ${rate} is not from 0 to below 1.`);
  return { threshold: Math.floor(rate * 2 ** 32), factor: 1 / (1 - rate) };
}

/**
 * out (+)= x ⊙ mask, x and out [T, K]: inverted dropout (Srivastava et al. 2014, with the scale in training). Not recorded on the tape: a
 * gradient goes back through the same product.
 */
export function applyDropout(
  runtime: Runtime,
  x: Tensor,
  { rate, key, site }: DropoutMask,
  { tensor, accumulate }: GradientTarget,
): void {
  const { size, columns } = x;
  runtime.dispatch({
    kernel: 'dropout/apply',
    constants: { ACCUMULATE: accumulate, VECTOR: columns % 4 === 0 },
    params: { count: size, columns, site, ...rateParams(rate) },
    bindings: { x: x.slice, out: tensor.slice, key: key.slice },
    groups: [Math.ceil(size / (4 * THREADS))],
    // The hash is of whole numbers, which are not counted.
    flops: (accumulate ? 2 : 1) * size,
    bytes: (accumulate ? 12 : 8) * size,
  });
}
