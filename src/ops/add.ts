import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

const THREADS = 256;

/** Residual connection: out = a + b, same shape. Backward: the gradient goes to both unchanged. */
export function add(runtime: Runtime, a: Tensor, b: Tensor): Tensor {
  if (a.size !== b.size) throw new Error(`add: ${a.size} and ${b.size} elements do not match.`);
  const out = runtime.tensor(a.shape);
  runtime.dispatch({
    kernel: 'add/forward',
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
