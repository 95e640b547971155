import { FactStream } from '../../corpus/sources/factStream.ts';
import type { LabelledCollection } from './collection.ts';

const USUAL_FACTS = 128;

/**
 * Facts that training never sees as a labelled collection: one telling asks for the other, among all of them. Whatever a run's batches
 * are, its retriever is judged on the same queries and documents.
 */
export function factCollection(facts = USUAL_FACTS): LabelledCollection {
  const pairs = FactStream.labelled(facts);
  return {
    title: `${facts} held-out facts`,
    documents: pairs.map(([, text], i) => ({ id: `fact-${i}`, title: '', text })),
    queries: pairs.map(([text], i) => ({ id: `asked-${i}`, text })),
    qrels: new Map(pairs.map((_, i) => [`asked-${i}`, new Map([[`fact-${i}`, 1]])])),
    notices: [],
  };
}
