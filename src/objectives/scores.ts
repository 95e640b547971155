import { effectiveDocuments, recallAt1 } from '../retrieval/metrics.ts';
import type { Observation } from './objective.ts';

/** How well similarities [B, B] find the chunks of the same document. */
export function recallScores(
  similarity: ArrayLike<number>,
  labels: readonly number[],
): { recallAt1: number | undefined; chance: number | undefined } {
  const { recall, chance } = recallAt1(similarity, labels);
  return { recallAt1: recall, chance };
}

/** Mean over the rows of A [B, B] of the effective number of documents that each reads. */
export function meanEffectiveDocuments(attention: ArrayLike<number>, size: number): number {
  return mean(effectiveDocuments(attention, size));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean of a metric over batches. */
export function meanOf(batches: readonly Pick<Observation, 'metrics'>[], metric: string): number {
  return mean(batches.map(({ metrics }) => metrics[metric] ?? NaN));
}
