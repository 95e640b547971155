import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';
import type { Gated } from './gatedLinear.ts';
import { linear, type LinearOptions } from './linear.ts';

/**
 * The second half of the decoder's MLP: y = activated · Wᵀ (+ LoRA, bias, residual), activated [T, F], W [N, F], y [T, N]. Backward, the
 * gradient of the activation goes from the product with W straight into that of gates and values.
 * Saved: gates and values, and the activation where W or A is trained.
 */
export function swigluLinear(
  runtime: Runtime,
  { gateUp, activated }: Gated,
  weight: Tensor,
  options: LinearOptions = {},
): Tensor {
  return linear(runtime, activated, weight, { ...options, swigluOf: gateUp });
}
