import { columnSums } from './core/sums.ts';
import type { Runtime } from './core/runtime.ts';
import { reducing } from './core/reductions.ts';
import { rowLanes } from './core/rowLanes.ts';
import type { GradientTarget, OpTape } from './core/opTape.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

/**
 * Rows whose share of the weight's gradient one thread adds up. A batch of that many at most is one block, which needs no second
 * stage; of more, blocks keep a GPU busy.
 */
const ROWS_PER_BLOCK = 512;

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
    ...reducing(runtime, 'rmsNorm/forward', constants),
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
      gradients(runtime, { x, weight, inverseRms, dy }, tape);
    },
  });
  return y;
}

interface Saved {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly inverseRms: Tensor;
  readonly dy: Tensor;
}

/** Those of rows and weight that are wanted, in one dispatch; a second one where there are several blocks of rows. */
function gradients(runtime: Runtime, { x, weight, inverseRms, dy }: Saved, tape: OpTape): void {
  const { rows, columns } = x;
  const { constants, rowsPerGroup } = rowLanes(runtime, columns);
  const blocks = Math.ceil(rows / ROWS_PER_BLOCK);
  // Every binding needs a buffer of its own, also one that nothing is written to.
  const unwanted = (): GradientTarget => ({ tensor: runtime.tensor([1], 'f32', 'scratch'), accumulate: false });
  const dx = x.requiresGrad ? tape.target(x) : unwanted();
  const total = weight.requiresGrad ? tape.target(weight) : unwanted();
  const staged = weight.requiresGrad && blocks > 1;
  const parts = staged ? { tensor: runtime.tensor([blocks, columns], 'f32', 'scratch'), accumulate: false } : total;
  const rowGroups = x.requiresGrad ? Math.ceil(rows / rowsPerGroup) : 0;
  const columnGroups = Math.ceil(columns / constants.THREADS);
  const perNumber = (x.requiresGrad ? (dx.accumulate ? 16 : 12) : 0) + (weight.requiresGrad ? 8 : 0);
  runtime.dispatch({
    ...reducing(runtime, 'rmsNorm/gradient', constants),
    params: {
      rows,
      columns,
      rowGroups,
      columnGroups,
      rowsPerBlock: ROWS_PER_BLOCK,
      accumulate: Number(dx.accumulate),
      accumulateWeight: Number(parts.accumulate),
    },
    bindings: {
      x: x.slice,
      weight: weight.slice,
      inverseRms: inverseRms.slice,
      dy: dy.slice,
      dx: dx.tensor.slice,
      weightGradient: parts.tensor.slice,
    },
    groups: [rowGroups + (weight.requiresGrad ? blocks * columnGroups : 0)],
    flops: ((x.requiresGrad ? 7 : 0) + (weight.requiresGrad ? 3 : 0)) * rows * columns,
    bytes: perNumber * rows * columns + 4 * (rows + columns * (weight.requiresGrad ? 1 + blocks : 1)),
  });
  if (staged) columnSums(runtime, parts.tensor, total);
}
