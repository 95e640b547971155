import type { BufferPool } from '../gpu/pool.ts';

/** Times the most bytes a step needed at once: beyond that, what the pool keeps for reuse is given back. */
const MOST_KEPT = 1.5;

/** Idle bytes below which buffers are not worth making again. */
const HARDLY_MATTERS = 64 * 2 ** 20;

/**
 * Batches of ragged text need buffers of many sizes, and the pool would in time keep some of each. Once all that was recorded is
 * submitted, nothing to come names an idle buffer, so they may go: those that the last step had no use for, or all where they are
 * out of proportion.
 */
export function keepWithinBounds(pool: BufferPool): void {
  const { total, peakTotal, idle } = pool.report();
  if (total > MOST_KEPT * peakTotal) pool.trim();
  else if (idle > HARDLY_MATTERS) pool.trimUnused();
}
