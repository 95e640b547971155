import { Random } from '../../corpus/random.ts';
import type { LabelledCollection } from '../collections/collection.ts';
import { hasRelevant } from '../measures/scores.ts';
import type { Labels } from '../types.ts';

const FOLDS = 5;

/** Of a query that nobody judged. */
export const NO_LABELS: Labels = new Map();

/**
 * The queries that have a relevant document, dealt out by a seed: five folds, fewer where there are fewer queries. What is learnt or chosen
 * by labels is learnt on the other folds than the one it is used for.
 */
export function foldsOf({ queries, qrels }: LabelledCollection, seed: number): string[][] {
  const judged = queries.map(({ id }) => id).filter((id) => hasRelevant(qrels.get(id) ?? NO_LABELS));
  const shuffled = Random.fromSeed(seed).fork('folds').shuffle(judged);
  const count = Math.max(1, Math.min(FOLDS, shuffled.length));
  return Array.from({ length: count }, (_, fold) => shuffled.filter((_query, i) => i % count === fold));
}
