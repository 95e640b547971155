import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

const THREADS = 256;

/** Residual connection: out = a + b, same shape. Backward: the gradient goes to both unchanged. */
export function add(runtime: Runtime, a: Tensor, b: Tensor): Tensor {
  if (a.size !== b.size) throw new Error(`add: ${a.size} and ${b.size} elements do not match.`);
  const out = runtime.tensor(a.shape);
  runtime.dispatch({
    kernel: 'add',
    params: { count: a.size },
    bindings: { a: a.slice, b: b.slice, out: out.slice },
    groups: [Math.ceil(a.size / (4 * THREADS))],
    flops: a.size,
    bytes: 12 * a.size,
  });
  runtime.tape?.record({
    name: 'add',
    inputs: [a, b],
    outputs: [out],
    saved: [],
    backward([gradient], tape) {
      if (!gradient) return;
      tape.add(a, gradient);
      tape.add(b, gradient);
    },
  });
  return out;
}

/** target += source, in place. Not recorded on the tape: this is how the tape itself sums gradients. */
export function addInto(runtime: Runtime, target: Tensor, source: Tensor): void {
  runtime.dispatch({
    kernel: 'addInto',
    params: { count: target.size },
    bindings: { values: target.slice, addend: source.slice },
    groups: [Math.ceil(target.size / (4 * THREADS))],
    flops: target.size,
    bytes: 12 * target.size,
  });
}
