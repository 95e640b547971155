import type { ContentSpan, RetrieverRows } from '../corpus/types.ts';
import type { Centre, Side } from '../models/centre.ts';
import type { Decoder } from '../models/decoder.ts';
import { inPass, type DropoutPass } from '../models/dropoutSites.ts';
import { preparePooledStates, type StatePooling } from '../models/pooledStates.ts';
import type { Dropout } from '../ops/core/dropout.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import { l2Normalize } from '../ops/l2Normalize.ts';
import { similarity } from '../ops/similarity.ts';
import { stackRows } from '../ops/stackRows.ts';

export interface RetrieverOptions extends StatePooling {
  readonly checkpointing: boolean;
  readonly centre?: Centre | undefined;
  /** Of the batch, where it is trained on. */
  readonly dropout?: Dropout | undefined;
}

export interface BatchSimilarity {
  /** Pooled and, where there is a centre, centred hidden states before normalisation: queries, then passages: [B + C, D]. */
  readonly embeddings: Tensor;
  /** S_ij = cos(query i, passage j): [B, C], C being B unless the batch holds other passages too. */
  readonly similarity: Tensor;
}

/** Tokens that keep a GPU busy: more than that go through the retriever in two passes, each with half the memory. */
const ONE_PASS_TOKENS = 1024;

/**
 * Embeds the queries and passages of a batch and compares them (docs/METHOD.md, step 1): as one batch of all rows, or one after the
 * other where they are large. Records on the runtime's tape.
 */
export function batchSimilarity(
  runtime: Runtime,
  retriever: Decoder,
  rows: RetrieverRows,
  options: RetrieverOptions,
): BatchSimilarity {
  return prepareSimilarity(runtime, retriever, rows, options)();
}

/** Uploads the rows; what it gives records the rest. */
export function prepareSimilarity(
  runtime: Runtime,
  retriever: Decoder,
  { queryIds, passageIds, queryContent, passageContent }: RetrieverRows,
  options: RetrieverOptions,
): () => BatchSimilarity {
  const prepare = (
    ids: readonly (readonly number[])[],
    content: readonly ContentSpan[] | undefined,
    pass: DropoutPass = 'queries',
  ) => {
    const dropout = inPass(options.dropout, pass);
    return preparePooledStates(runtime, retriever, { ids, content }, { ...options, dropout });
  };
  const all = [...queryIds, ...passageIds];
  const tokens = all.reduce((sum, row) => sum + row.length, 0);
  const { centre } = options;
  // Sides that are not equally long are centred one by one.
  const areCentredApart = centre !== undefined && passageIds.length !== queryIds.length;
  let pool: () => Tensor;
  if (areCentredApart || tokens > ONE_PASS_TOKENS) {
    const queries = prepare(queryIds, queryContent);
    const passages = prepare(passageIds, passageContent, 'passages');
    const sideOf = (pooled: Tensor, side: Side): Tensor => (areCentredApart ? centre.ofSide(pooled, side) : pooled);
    pool = () => stackRows(runtime, sideOf(queries(), 'query'), sideOf(passages(), 'passage'));
  } else pool = prepare(all, queryContent && passageContent && [...queryContent, ...passageContent]);
  return () => {
    const pooled = pool();
    const embeddings = areCentredApart ? pooled : (centre?.ofBoth(pooled) ?? pooled);
    return { embeddings, similarity: similarity(runtime, l2Normalize(runtime, embeddings), queryIds.length) };
  };
}
