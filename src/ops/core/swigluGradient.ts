import type { GradientTarget } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import type { Tensor } from './tensor.ts';

const THREADS = 256;

/** Operations per number of the activation, forward and back; the latter's exponential counts for about eight. */
export const SWIGLU_FLOPS = 6;
export const SWIGLU_GRADIENT_FLOPS = 13;

/** dgateUp (+)= the gradient of silu(gate) · up, gateUp [T, 2F], when dout [T, F] has arrived. Not recorded on the tape. */
export function swigluGradient(
  runtime: Runtime,
  gateUp: Tensor,
  dout: Tensor,
  { tensor, accumulate }: GradientTarget,
): void {
  runtime.dispatch({
    kernel: 'swiglu/gradient',
    params: { count: dout.size, columns: gateUp.columns / 2, accumulate: Number(accumulate) },
    bindings: { gateUp: gateUp.slice, dout: dout.slice, dgateUp: tensor.slice },
    groups: [Math.ceil(dout.size / THREADS)],
    flops: SWIGLU_GRADIENT_FLOPS * dout.size,
    bytes: (accumulate ? 28 : 20) * dout.size,
  });
}
