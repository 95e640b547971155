import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

/** A factor that is learnt: number `index` of `factors` [n], f32. */
export interface LearntGate {
  readonly factors: Tensor;
  readonly index: number;
}

/** A factor: fixed, or learnt. */
export type Gate = number | LearntGate;

/**
 * out = factors[index] · values, shape of `values`. Gradients go to `values` and to that one factor:
 * ∂L/∂factor = Σ_i values_i · ∂L/∂out_i, summed in a fixed order.
 * @throws Error when there is no such factor.
 */
export function gated(runtime: Runtime, values: Tensor, { factors, index }: LearntGate): Tensor {
  if (!Number.isInteger(index) || index < 0 || index >= factors.size)
    throw new Error(`There is no gate ${index}: ${factors.size} are learnt.`);
  const out = runtime.tensor(values.shape);
  const count = values.size;
  runtime.dispatch({
    kernel: 'gate/forward',
    params: { count, index },
    bindings: { values: values.slice, factors: factors.slice, out: out.slice },
    groups: [Math.ceil(count / 64)],
    flops: count,
    bytes: 8 * count,
  });
  runtime.tape?.record({
    name: 'gate',
    inputs: [values, factors],
    outputs: [out],
    saved: [values, factors],
    backward([gradient], tape) {
      if (!gradient) return;
      const target = (tensor: Tensor) =>
        tensor.requiresGrad
          ? tape.target(tensor)
          : { tensor: runtime.tensor(tensor.shape, 'f32', 'scratch'), accumulate: false };
      const [valuesTarget, factorsTarget] = [target(values), target(factors)];
      // Only one number of it is written below.
      if (!factorsTarget.accumulate) runtime.recorder.clear(factorsTarget.tensor.slice);
      runtime.dispatch({
        kernel: 'gate/gradient',
        params: {
          count,
          index,
          accumulateValues: Number(valuesTarget.accumulate),
          accumulateFactor: Number(factorsTarget.accumulate),
        },
        bindings: {
          values: values.slice,
          factors: factors.slice,
          gradient: gradient.slice,
          valuesGradient: valuesTarget.tensor.slice,
          factorsGradient: factorsTarget.tensor.slice,
        },
        groups: [1],
        flops: 4 * count,
        bytes: 12 * count,
      });
    },
  });
  return out;
}
