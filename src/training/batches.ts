import type { TokenBatch } from '../corpus/types.ts';

/** A batch ready for the models, with what its scores need. */
export interface TrainingBatch {
  readonly tokens: TokenBatch;
  /** Equal labels belong together. */
  readonly labels: readonly number[];
  /** A fixed batch attention [B, B] (controls); undefined where the retriever's is used. */
  readonly fixedAttention?: Float32Array<ArrayBuffer> | undefined;
}

/** Where a trainer gets its batches. Batch n depends on n alone, so the position of a run is one number. */
export interface BatchFeed<T extends TrainingBatch = TrainingBatch> {
  batchAt(position: number): T;
  /** Batches that training never sees; the same at every call. */
  heldOut(): readonly T[];
}
