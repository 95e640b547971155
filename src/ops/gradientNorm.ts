import type { Runtime } from './core/runtime.ts';
import { reductionThreads } from './core/rowLanes.ts';
import type { Tensor } from './core/tensor.ts';

/** Numbers that one workgroup of the first stage squares and adds. */
const CHUNK = 16_384;

/**
 * Length of all gradients taken as one vector: √(Σ g²) over flat f32 tensors of any shape, as a tensor [1]. Two stages in
 * a fixed order, so the result is the same every time. Infinity, never NaN, when a gradient is NaN or infinite or the sum
 * of squares overflows: read it back and test Number.isFinite; adamw() leaves everything alone then.
 * @throws Error for no gradients.
 */
export function gradientNorm(runtime: Runtime, gradients: readonly Tensor[]): Tensor {
  const chunks = gradients.map(({ size }) => Math.ceil(size / CHUNK));
  const count = chunks.reduce((sum, n) => sum + n, 0);
  if (count === 0) throw new Error('gradientNorm: there are no gradients.');
  const constants = { THREADS: reductionThreads(runtime, 256) };
  const norm = runtime.tensor([1]);
  const partials = runtime.tensor([count], 'u32', 'scratch');
  let firstPartial = 0;
  gradients.forEach((gradient, i) => {
    const groups = chunks[i] ?? 0;
    runtime.dispatch({
      kernel: 'gradientNorm/squaredSums',
      constants,
      params: { count: gradient.size, firstPartial },
      bindings: { values: gradient.slice, partials: partials.slice },
      groups: [groups],
      flops: 2 * gradient.size,
      bytes: 4 * (gradient.size + groups),
    });
    firstPartial += groups;
  });
  runtime.dispatch({
    kernel: 'gradientNorm/norm',
    constants,
    params: { count },
    bindings: { partials: partials.slice, norm: norm.slice },
    groups: [1],
    flops: count,
    bytes: 4 * (count + 1),
  });
  return norm;
}
