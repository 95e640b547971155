import { columnSums } from './columnSums.ts';
import type { Context } from './context.ts';
import { rowLanes } from './rowLanes.ts';
import type { Tape } from './tape.ts';
import { expectShape, type Tensor } from './tensor.ts';

/** Rows whose share of the weight's gradient one workgroup adds up. */
const ROWS_PER_BLOCK = 32;
const COLUMNS_PER_GROUP = 64;

/**
 * Root mean square normalisation (Zhang & Sennrich 2019): y = x · 1/√(mean(x²) + epsilon) · weight over the last dimension.
 * x, y: [T, D], any D; weight: f32 [D]. Backward to x and to a trainable weight.
 * @throws Error when the shapes do not match.
 */
export function rmsNorm(context: Context, x: Tensor, weight: Tensor, epsilon: number): Tensor {
  const { rows, columns } = x;
  expectShape('The weight of rmsNorm', weight, [columns]);
  const { constants, rowsPerGroup } = rowLanes(context, columns);
  const y = context.tensor(x.shape);
  const inverseRms = context.tensor([rows]);
  const groups = [Math.ceil(rows / rowsPerGroup)] as const;
  context.dispatch({
    kernel: 'rmsNorm',
    constants,
    params: { rows, columns, epsilon },
    bindings: { x: x.slice, weight: weight.slice, y: y.slice, inverseRms: inverseRms.slice },
    groups,
    flops: 4 * rows * columns,
    bytes: 8 * rows * columns + 4 * (rows + columns),
  });
  context.tape?.record({
    name: 'rmsNorm',
    inputs: [x, weight],
    outputs: [y],
    saved: [x, weight, inverseRms],
    backward([dy], tape) {
      if (!dy) return;
      if (weight.requiresGrad) weightGradient(context, x, inverseRms, dy, weight, tape);
      if (!x.requiresGrad) return;
      const { tensor: dx, accumulate } = tape.target(x);
      context.dispatch({
        kernel: 'rmsNormGradient',
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

function weightGradient(context: Context, x: Tensor, inverseRms: Tensor, dy: Tensor, weight: Tensor, tape: Tape): void {
  const { rows, columns } = x;
  const blocks = Math.ceil(rows / ROWS_PER_BLOCK);
  const partials = context.tensor([blocks, columns], 'f32', 'scratch');
  context.dispatch({
    kernel: 'rmsNormWeightGradient',
    params: { rows, columns, rowsPerBlock: ROWS_PER_BLOCK },
    bindings: { x: x.slice, inverseRms: inverseRms.slice, dy: dy.slice, partials: partials.slice },
    groups: [Math.ceil(columns / COLUMNS_PER_GROUP), blocks],
    flops: 3 * rows * columns,
    bytes: 4 * columns * (2 * rows + blocks) + 4 * rows,
  });
  columnSums(context, partials, tape.target(weight));
}
