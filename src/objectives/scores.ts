import { combineRecall, effectiveDocuments, recallAt1 } from '../retrieval/metrics.ts';
import type { WordSimilarity } from './objective.ts';

/** How well similarities [B, B] find the chunks of the same document. */
export function recallScores(
  similarity: ArrayLike<number>,
  labels: readonly number[],
): { recallAt1: number | undefined; chance: number | undefined } {
  const { recall, chance } = recallAt1(similarity, labels);
  return { recallAt1: recall, chance };
}

/** The same over several batches, each row weighing the same, with what shared words find on the same rows. */
export function heldOutRecall(
  batches: readonly {
    readonly similarity: ArrayLike<number>;
    readonly labels: readonly number[];
    readonly texts: readonly string[];
  }[],
  byWords: WordSimilarity,
): { recallAt1: number | undefined; chance: number | undefined; tfidfRecallAt1: number | undefined } {
  const found = combineRecall(batches.map(({ similarity, labels }) => recallAt1(similarity, labels)));
  const words = combineRecall(batches.map(({ texts, labels }) => recallAt1(byWords(texts), labels)));
  return { recallAt1: found.recall, chance: found.chance, tfidfRecallAt1: words.recall };
}

/** Mean over the rows of A [B, B] of the effective number of documents that each reads. */
export function meanEffectiveDocuments(attention: ArrayLike<number>, size: number): number {
  return mean(effectiveDocuments(attention, size));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
