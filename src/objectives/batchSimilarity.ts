import type { Decoder, TokenRows } from '../models/decoder.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import { l2Normalize } from '../ops/l2Normalize.ts';
import { poolRows, type Pooling } from '../ops/pooling.ts';
import { similarity } from '../ops/similarity.ts';
import { stackRows } from '../ops/stackRows.ts';

export interface RetrieverOptions {
  readonly pooling: Pooling;
  readonly checkpointing: boolean;
}

export interface BatchSimilarity {
  /** Pooled hidden states before normalisation: queries, then passages: [2B, D]. */
  readonly embeddings: Tensor;
  /** S_ij = cos(query i, passage j): [B, B]. */
  readonly similarity: Tensor;
}

/** Tokens that keep a GPU busy: more than that go through the retriever in two passes, each with half the memory. */
const ONE_PASS_TOKENS = 1024;

/**
 * Embeds the queries and passages of a batch and compares them (docs/METHOD.md, step 1): as one batch of 2B rows, or one after the
 * other where they are large. Records on the runtime's tape.
 */
export function batchSimilarity(
  runtime: Runtime,
  retriever: Decoder,
  { queryIds, passageIds }: { queryIds: readonly (readonly number[])[]; passageIds: readonly (readonly number[])[] },
  { pooling, checkpointing }: RetrieverOptions,
): BatchSimilarity {
  const embed = (ids: readonly (readonly number[])[]): Tensor => {
    // Layers that are computed again read their input rows once more: those stay until the step is done.
    const input: TokenRows = retriever.prepare(runtime, ids);
    return runtime.scope(() => {
      const { hidden } = retriever.forward(runtime, input, { checkpointing });
      return poolRows(runtime, hidden, input.rows, pooling);
    });
  };
  const all = [...queryIds, ...passageIds];
  const tokens = all.reduce((sum, row) => sum + row.length, 0);
  const embeddings = tokens > ONE_PASS_TOKENS ? stackRows(runtime, embed(queryIds), embed(passageIds)) : embed(all);
  return { embeddings, similarity: similarity(runtime, l2Normalize(runtime, embeddings)) };
}
