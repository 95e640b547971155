import type { Tensor } from './tensor.ts';

/** A row-major matrix inside a tensor: element (row, column) at offset + row · stride + column, all in elements. */
export interface Matrix {
  readonly tensor: Tensor;
  /** Default 0. */
  readonly offset?: number;
  /** From one row to the next. Default: the tensor's last dimension. */
  readonly stride?: number;
}

/**
 * A matrix of `rows` rows and stretches · rank columns that is zero but for a block per stretch of its rows: block p stands in columns
 * p · rank …. The blocks lie one below the other in `stacked`, f32 [Σ rows of the stretches, rank] (shaders/lib/gemmMore.wgsl).
 */
export interface Blocks {
  readonly stacked: Tensor;
  readonly rank: number;
  /** In order, without overlap; at most three. */
  readonly stretches: readonly { readonly rowOffset: number; readonly rows: number }[];
}

/** Stretches that the kernels have parameters for. */
const MOST_BLOCKS = 3;

export function isBlocks(matrix: Matrix | Blocks): matrix is Blocks {
  return 'stacked' in matrix;
}

/** Where a matrix lies in its tensor, in elements. */
export interface Place {
  readonly offset: number;
  readonly stride: number;
}

/** @throws Error when a matrix of that size, read so, does not fit into its tensor. `what` names it. */
export function place(what: string, matrix: Matrix, rows: number, columns: number): Place {
  const { tensor, offset = 0, stride = tensor.columns } = matrix;
  const end = rows === 0 || columns === 0 ? 0 : offset + (rows - 1) * stride + columns;
  if (end > tensor.size || (rows > 1 && stride < columns))
    throw new Error(
      `gemm: ${what}, ${rows} × ${columns} from element ${offset} with rows ${stride} apart, does not fit into a tensor of shape ` +
        `[${tensor.shape.join(', ')}].`,
    );
  return { offset, stride };
}

/** Whether rows of `columns` numbers can be read as whole vectors of four. */
export function vectors({ offset, stride }: Place, columns: number): boolean {
  return offset % 4 === 0 && stride % 4 === 0 && columns % 4 === 0;
}

/** Numbers that stand in the blocks: what a product with them multiplies by, per row or column of the other side. */
export function blockSize({ rank, stretches }: Blocks): number {
  return stretches.reduce((sum, { rows }) => sum + rows, 0) * rank;
}

/** @throws Error unless blocks fit a matrix of `rows` × `columns`, and into their tensor. */
export function checkBlocks(blocks: Blocks, rows: number, columns: number): void {
  const { stacked, rank, stretches } = blocks;
  if (stretches.length > MOST_BLOCKS)
    throw new Error(`gemm: a matrix of blocks has ${MOST_BLOCKS} at most, not ${stretches.length}.`);
  if (stacked.dtype !== 'f32' || stacked.size !== blockSize(blocks) || columns !== stretches.length * rank)
    throw new Error(
      `gemm: ${stretches.length} blocks of ${rank} columns do not fit a tensor of shape [${stacked.shape.join(', ')}] (${stacked.dtype}) ` +
        `or ${columns} columns.`,
    );
  let end = 0;
  for (const { rowOffset, rows: own } of stretches) {
    if (rowOffset < end || rowOffset + own > rows)
      throw new Error(
        `gemm: a block for rows ${rowOffset} to ${rowOffset + own} does not fit a matrix of ${rows} rows.`,
      );
    end = rowOffset + own;
  }
}

/** The kernels' parameters of blocks; of none, all are zero. */
export function blockParams(blocks: Blocks | undefined) {
  const [first, second, third] = blocks?.stretches ?? [];
  const end = (stretch: Blocks['stretches'][number] | undefined) => (stretch ? stretch.rowOffset + stretch.rows : 0);
  return {
    rank: blocks?.rank ?? 0,
    start0: first?.rowOffset ?? 0,
    end0: end(first),
    start1: second?.rowOffset ?? 0,
    end1: end(second),
    start2: third?.rowOffset ?? 0,
    end2: end(third),
  };
}
