import type { Context } from './context.ts';
import type { GradientTarget } from './tape.ts';
import type { Tensor } from './tensor.ts';

const THREADS = 64;
/** Rows that one workgroup adds up; taller matrices take a second pass over the blocks' sums. */
const ROWS_PER_BLOCK = 256;

/**
 * target[c] (+)= scale · Σ_t values[t, c] for values [N, D], any N and D; target has D elements. In two stages and a fixed
 * order, so that the result is the same every time. Not recorded on the tape.
 */
export function columnSums(
  context: Context,
  values: Tensor,
  { tensor: target, accumulate }: GradientTarget,
  scale = 1,
): void {
  const { rows, columns } = values;
  const blocks = Math.ceil(rows / ROWS_PER_BLOCK);
  if (blocks === 1) {
    sumBlocks(context, values, rows, target, scale, accumulate);
    return;
  }
  const partials = context.tensor([blocks, columns], 'f32', 'scratch');
  sumBlocks(context, values, ROWS_PER_BLOCK, partials, 1, false);
  sumBlocks(context, partials, blocks, target, scale, accumulate);
}

function sumBlocks(
  context: Context,
  values: Tensor,
  rowsPerBlock: number,
  sums: Tensor,
  scale: number,
  accumulate: boolean,
): void {
  const { rows, columns } = values;
  const columnsPerGroup = Math.min(THREADS, 2 ** Math.ceil(Math.log2(columns)));
  const blocks = Math.ceil(rows / rowsPerBlock);
  context.dispatch({
    kernel: 'columnSums',
    constants: { COLUMNS: columnsPerGroup },
    params: { rows, columns, rowsPerBlock, scale, accumulate: Number(accumulate) },
    bindings: { values: values.slice, sums: sums.slice },
    groups: [Math.ceil(columns / columnsPerGroup), blocks],
    flops: rows * columns,
    bytes: 4 * columns * (rows + (accumulate ? 2 : 1) * blocks),
  });
}
