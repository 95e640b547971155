import type { Runtime } from './core/runtime.ts';
import { reductionThreads } from './core/rowLanes.ts';
import type { Tensor } from './core/tensor.ts';

/** Numbers that one workgroup of the first stage squares and adds. */
const CHUNK = 16_384;

/** Groups of gradients that one call can tell apart (shaders/gradientNorm/norm.wgsl). */
const MOST_GROUPS = 4;

/**
 * Lengths of gradients, each taken as one vector: √(Σ g²) over flat f32 tensors of any shape. Result: [1 + groups], first that of all
 * groups together, then that of each. Two stages in a fixed order, so the result is the same every time. Infinity, never NaN, when a
 * gradient is NaN or infinite or the sum of squares overflows: read it back and test Number.isFinite; adamw() leaves everything
 * alone then.
 * @throws Error for no gradients, or for more than four groups.
 */
export function gradientNorms(runtime: Runtime, groups: readonly (readonly Tensor[])[]): Tensor {
  const chunks = groups.map((group) => group.reduce((sum, { size }) => sum + Math.ceil(size / CHUNK), 0));
  const count = chunks.reduce((sum, n) => sum + n, 0);
  if (count === 0) throw new Error('gradientNorms: there are no gradients.');
  if (groups.length > MOST_GROUPS)
    throw new Error(`gradientNorms tells ${MOST_GROUPS} groups apart, not ${groups.length}.`);
  const constants = { THREADS: reductionThreads(runtime, 256) };
  const norms = runtime.tensor([1 + groups.length]);
  const partials = runtime.tensor([count], 'u32', 'scratch');
  let firstPartial = 0;
  for (const gradient of groups.flat()) {
    const workgroups = Math.ceil(gradient.size / CHUNK);
    runtime.dispatch({
      kernel: 'gradientNorm/squaredSums',
      constants,
      params: { count: gradient.size, firstPartial },
      bindings: { values: gradient.slice, partials: partials.slice },
      groups: [workgroups],
      flops: 2 * gradient.size,
      bytes: 4 * (gradient.size + workgroups),
    });
    firstPartial += workgroups;
  }
  const end = (group: number) => chunks.slice(0, group).reduce((sum, n) => sum + n, 0);
  runtime.dispatch({
    kernel: 'gradientNorm/norm',
    constants,
    params: { count, end1: end(1), end2: end(2), end3: end(3) },
    bindings: { partials: partials.slice, norms: norms.slice },
    groups: [1 + groups.length],
    flops: 2 * count,
    bytes: 4 * (2 * count + norms.size),
  });
  return norms;
}
