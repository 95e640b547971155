import type { Context } from './context.ts';
import type { Tensor } from './tensor.ts';

const THREADS = 256;
/** Columns that one workgroup of the forward pass takes, at most. */
const GROUP_COLUMNS = 64;
/** Rows that one workgroup adds up; taller matrices take a second pass over the blocks' sums. */
const ROWS_PER_BLOCK = 256;

/** Mean over the rows: [N, D] → [D], any N and D; so a column [N, 1] gives its mean [1]. Backward: an N-th to each row. */
export function meanRows(context: Context, x: Tensor): Tensor {
  const { rows, columns } = x;
  const mean = context.tensor([columns]);
  const blocks = Math.ceil(rows / ROWS_PER_BLOCK);
  if (blocks === 1) {
    scaledSums(context, x, rows, mean, 1 / rows);
  } else {
    context.scope(() => {
      const partials = context.tensor([blocks, columns], 'f32', 'scratch');
      scaledSums(context, x, ROWS_PER_BLOCK, partials, 1);
      scaledSums(context, partials, blocks, mean, 1 / rows);
    });
  }
  context.tape?.record({
    name: 'meanRows',
    inputs: [x],
    outputs: [mean],
    saved: [],
    backward([dmean], tape) {
      if (!dmean) return;
      const { tensor: dx, accumulate } = tape.target(x);
      context.dispatch({
        kernel: 'meanRowsGradient',
        params: { count: x.size, columns, scale: 1 / rows, accumulate: Number(accumulate) },
        bindings: { dmean: dmean.slice, dx: dx.slice },
        groups: [Math.ceil(x.size / THREADS)],
        flops: x.size,
        bytes: (accumulate ? 8 : 4) * x.size + 4 * columns,
      });
    },
  });
  return mean;
}

/** sums[b, c] = scale · Σ of column c over block b's rows. */
function scaledSums(context: Context, values: Tensor, rowsPerBlock: number, sums: Tensor, scale: number): void {
  const { rows, columns } = values;
  const columnsPerGroup = Math.min(GROUP_COLUMNS, 2 ** Math.ceil(Math.log2(columns)));
  context.dispatch({
    kernel: 'meanRows',
    constants: { COLUMNS: columnsPerGroup },
    params: { rows, columns, rowsPerBlock, scale },
    bindings: { values: values.slice, sums: sums.slice },
    groups: [Math.ceil(columns / columnsPerGroup), Math.ceil(rows / rowsPerBlock)],
    flops: rows * columns,
    bytes: 4 * (values.size + sums.size),
  });
}
