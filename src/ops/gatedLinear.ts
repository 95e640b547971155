import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';
import { linear, type LinearOptions } from './linear.ts';
import { swiglu } from './swiglu.ts';

/** Gates and values of a gated unit, and what it makes of them. */
export interface Gated {
  /** [T, 2F], gates first; where no gradient is wanted, it may hold nothing. */
  readonly gateUp: Tensor;
  /** silu(gate) · up, [T, F]. Its gradient goes to gateUp: it takes no part in the graph. */
  readonly activated: Tensor;
}

/**
 * The first half of the decoder's MLP (SwiGLU, Shazeer 2020): gateUp = x · Wᵀ (+ LoRA, bias), W [2F, K], and its activation, where
 * the shapes allow it by the product itself: gates and values are not read again for it, nor written where nobody wants their gradient.
 * @throws Error for shapes that do not fit, or a weight without halves.
 */
export function gatedLinear(
  runtime: Runtime,
  x: Tensor,
  weight: Tensor,
  options: Omit<LinearOptions, 'residual' | 'swigluOf' | 'activated'> = {},
): Gated {
  if (weight.rows % 4 !== 0 || options.bias) {
    const gateUp = linear(runtime, x, weight, options);
    return { gateUp, activated: runtime.withTape(undefined, () => swiglu(runtime, gateUp)) };
  }
  const activated = runtime.tensor([...x.shape.slice(0, -1), weight.rows / 2]);
  return { gateUp: linear(runtime, x, weight, { ...options, activated }), activated };
}
