import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';
import { linear, type LinearOptions } from './linear.ts';
import { swiglu } from './swiglu.ts';

/**
 * The second half of the decoder's MLP: y = swiglu(gateUp) · Wᵀ (+ LoRA, bias, residual), gateUp [T, 2F], W [N, F], y [T, N]. As swiglu and
 * linear one after the other; backward, the gradient of the activation goes from the product with W straight into that of gateUp.
 * Saved: gateUp, and the activation where W or A is trained.
 */
export function swigluLinear(runtime: Runtime, gateUp: Tensor, weight: Tensor, options: LinearOptions = {}): Tensor {
  return runtime.scope(() => {
    const activated = runtime.withTape(undefined, () => swiglu(runtime, gateUp));
    return linear(runtime, activated, weight, { ...options, swigluOf: gateUp });
  });
}
