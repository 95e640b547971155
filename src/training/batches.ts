/** Where a trainer gets its batches. Batch n depends on n alone, so the position of a run is one number. */
export interface BatchFeed<B> {
  batchAt(position: number): B;
  /** Batches that training never sees; the same at every call. */
  heldOut(): readonly B[];
}
