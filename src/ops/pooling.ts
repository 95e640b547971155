import type { Runtime } from './core/runtime.ts';
import type { Rows } from './core/rows.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

/**
 * Which tokens of a row make its embedding: the last (where the end-of-sequence token stands), all, the first, or its content: those
 * that were named when the rows were made (of a text, its own tokens without begin token, prefix and end token).
 */
export const POOLINGS = ['eos', 'mean', 'first', 'content'] as const;
export type Pooling = (typeof POOLINGS)[number];

/** Value of the kernels' MODE constant. */
const MODE: Readonly<Record<Pooling, number>> = { mean: 0, first: 1, eos: 2, content: 3 };
const THREADS = 256;
/** Columns of one workgroup of the forward pass. */
const GROUP_COLUMNS = 32;

/**
 * One vector per row, the mean over the tokens that are pooled: hidden [T, D] → [B, D], any D.
 * @throws Error when hidden does not belong to these rows, or their content is asked for and was not named.
 */
export function poolRows(runtime: Runtime, hidden: Tensor, rows: Rows, pooling: Pooling): Tensor {
  const { columns } = hidden;
  expectShape('The input of pooling', hidden, [rows.tokens, columns]);
  const constants = { MODE: MODE[pooling] };
  if (pooling === 'content' && !rows.contentTensor) throw new Error('What of these rows is content was not said.');
  // Bound in any case, read for content only.
  const content = (rows.contentTensor ?? rows.startsTensor).slice;
  const pooled = runtime.tensor([rows.count, columns]);
  const tokensRead = pooling === 'mean' || pooling === 'content' ? rows.tokens : rows.count;
  runtime.dispatch({
    kernel: 'pooling/forward',
    constants,
    params: { columns },
    bindings: { hidden: hidden.slice, starts: rows.startsTensor.slice, content, pooled: pooled.slice },
    groups: [Math.ceil(columns / GROUP_COLUMNS), rows.count],
    flops: tokensRead * columns,
    bytes: 4 * columns * (tokensRead + rows.count),
  });
  runtime.tape?.record({
    name: 'pooling',
    inputs: [hidden],
    outputs: [pooled],
    saved: [rows.startsTensor, rows.rowOfToken, ...(rows.contentTensor ? [rows.contentTensor] : [])],
    backward([dpooled], tape) {
      if (!dpooled) return;
      const { tensor: dhidden, accumulate } = tape.target(hidden);
      runtime.dispatch({
        kernel: 'pooling/gradient',
        constants,
        params: { count: hidden.size, columns, accumulate: Number(accumulate) },
        bindings: {
          dpooled: dpooled.slice,
          rowOfToken: rows.rowOfToken.slice,
          starts: rows.startsTensor.slice,
          content,
          dhidden: dhidden.slice,
        },
        groups: [Math.ceil(hidden.size / THREADS)],
        flops: hidden.size,
        bytes: 4 * pooled.size + (accumulate ? 8 : 4) * hidden.size,
      });
    },
  });
  return pooled;
}
