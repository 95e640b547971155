import type { Runtime } from '../ops/core/runtime.ts';
import type { RowSpan } from '../ops/core/rows.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import { poolRows, type Pooling } from '../ops/pooling.ts';
import type { Decoder, ForwardOptions } from './decoder.ts';

/** How hidden states become one vector a row. */
export interface StatePooling {
  readonly pooling: Pooling;
}

/** Rows of token ids, and where the content of each stands; pooling `content` needs to know. */
export interface MarkedRows {
  readonly ids: readonly (readonly number[])[];
  readonly content?: readonly RowSpan[] | undefined;
}

type PoolingOptions = StatePooling & Pick<ForwardOptions, 'checkpointing' | 'dropout'>;

/**
 * One vector per row from a decoder's last hidden states (docs/METHOD.md, step 1), as long as they come: [B, D]. Records on the
 * runtime's tape, in the caller's scope.
 * @throws Error when the content of rows is to be pooled and was not named.
 */
export function pooledStates(runtime: Runtime, decoder: Decoder, rows: MarkedRows, options: PoolingOptions): Tensor {
  return preparePooledStates(runtime, decoder, rows, options)();
}

/** Uploads the rows; what it gives records the rest. */
export function preparePooledStates(
  runtime: Runtime,
  decoder: Decoder,
  { ids, content }: MarkedRows,
  { pooling, checkpointing = false, dropout }: PoolingOptions,
): () => Tensor {
  // Layers that are computed again read their input rows once more: those stay until the step is done.
  const input = decoder.prepare(runtime, ids, pooling === 'content' ? content : undefined);
  return () =>
    runtime.scope(() => {
      const { hidden } = decoder.forward(runtime, input, { checkpointing, dropout });
      return poolRows(runtime, hidden, input.rows, pooling);
    });
}
