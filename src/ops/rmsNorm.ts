import { columnSums } from './core/sums.ts';
import type { Runtime } from './core/runtime.ts';
import { rowLanes } from './core/rowLanes.ts';
import type { OpTape } from './core/opTape.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

/** Rows whose share of the weight's gradient one workgroup adds up. */
const ROWS_PER_BLOCK = 32;
const COLUMNS_PER_GROUP = 64;

/**
 * Root mean square normalisation (Zhang & Sennrich 2019): y = x · 1/√(mean(x²) + epsilon) · weight over the last dimension.
 * x, y: [T, D], any D; weight: f32 [D]. Backward to x and to a trainable weight.
 * @throws Error when the shapes do not match.
 */
export function rmsNorm(runtime: Runtime, x: Tensor, weight: Tensor, epsilon: number): Tensor {
  const { rows, columns } = x;
  expectShape('The weight of rmsNorm', weight, [columns]);
  const { constants, rowsPerGroup } = rowLanes(runtime, columns);
  const y = runtime.tensor(x.shape);
  const inverseRms = runtime.tensor([rows]);
  const groups = [Math.ceil(rows / rowsPerGroup)] as const;
  runtime.dispatch({
    kernel: 'rmsNorm/forward',
    constants,
    params: { rows, columns, epsilon },
    bindings: { x: x.slice, weight: weight.slice, y: y.slice, inverseRms: inverseRms.slice },
    groups,
    flops: 4 * rows * columns,
    bytes: 8 * rows * columns + 4 * (rows + columns),
  });
  runtime.tape?.record({
    name: 'rmsNorm',
    inputs: [x, weight],
    outputs: [y],
    saved: [x, weight, inverseRms],
    backward([dy], tape) {
      if (!dy) return;
      if (weight.requiresGrad) weightGradient(runtime, x, inverseRms, dy, weight, tape);
      if (!x.requiresGrad) return;
      const { tensor: dx, accumulate } = tape.target(x);
      runtime.dispatch({
        kernel: 'rmsNorm/gradient',
        constants,
        params: { rows, columns, accumulate: Number(accumulate) },
        bindings: {
          x: x.slice,
          weight: weight.slice,
          inverseRms: inverseRms.slice,
          dy: dy.slice,
          dx: dx.slice,
        },
        groups,
        flops: 7 * rows * columns,
        bytes: (accumulate ? 16 : 12) * rows * columns + 4 * (rows + columns),
      });
    },
  });
  return y;
}

function weightGradient(
  runtime: Runtime,
  x: Tensor,
  inverseRms: Tensor,
  dy: Tensor,
  weight: Tensor,
  tape: OpTape,
): void {
  const { rows, columns } = x;
  const blocks = Math.ceil(rows / ROWS_PER_BLOCK);
  const partials = runtime.tensor([blocks, columns], 'f32', 'scratch');
  runtime.dispatch({
    kernel: 'rmsNorm/weightGradient',
    params: { rows, columns, rowsPerBlock: ROWS_PER_BLOCK },
    bindings: { x: x.slice, inverseRms: inverseRms.slice, dy: dy.slice, partials: partials.slice },
    groups: [Math.ceil(columns / COLUMNS_PER_GROUP), blocks],
    flops: 3 * rows * columns,
    bytes: 4 * columns * (2 * rows + blocks) + 4 * rows,
  });
  columnSums(runtime, partials, tape.target(weight));
}
