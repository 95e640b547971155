import { requireInteger } from '../errors.ts';
import type { Batch, BatchSource } from '../types.ts';

/** Reads training batches one after the other. Its whole state is `position`. */
export class BatchCursor {
  private upcoming = 0;

  constructor(
    private readonly source: BatchSource,
    position = 0,
  ) {
    this.position = position;
  }

  /** Number of the next batch; set it to what was saved to continue exactly there. */
  get position(): number {
    return this.upcoming;
  }

  set position(value: number) {
    requireInteger('Position', value, 0);
    this.upcoming = value;
  }

  next(): Batch {
    return this.source.batchAt(this.upcoming++);
  }
}
