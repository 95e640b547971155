import { describe, expect, test } from 'vitest';
import { loadBuiltIn } from '../../../src/evaluation/collections/builtIn.ts';
import { measure } from '../../../src/evaluation/measures/measures.ts';
import { scoresOf } from '../../../src/evaluation/measures/scores.ts';
import { bm25System, CollectionWords } from '../../../src/evaluation/systems/lexical.ts';
import { USUAL_DEPTH } from '../../../src/evaluation/systems/system.ts';

/** nDCG@10 by pytrec_eval of a reference BM25 (Lucene's form, lower-cased [a-z0-9]+, no stemming, no stop words). */
const REFERENCE = [
  ['python-faq', { k1: 0.9, b: 0.4 }, 0.61],
  ['python-faq', { k1: 1.2, b: 0.75 }, 0.652],
  ['stdlib-code', { k1: 0.9, b: 0.4 }, 0.591],
  ['stdlib-code', { k1: 1.2, b: 0.75 }, 0.62],
] as const;

describe('BM25', () => {
  test.each(REFERENCE)('on %s with %j has the reference’s nDCG@10', async (id, constants, expected) => {
    const collection = await loadBuiltIn(id);
    const rankings = await bm25System(new CollectionWords(collection), constants).rank({ depth: USUAL_DEPTH });
    const { means, queries, missing } = scoresOf(rankings, collection.qrels, [measure('ndcg@10')]);
    expect([queries.length, missing]).toEqual([collection.queries.length, 0]);
    expect(means.get('ndcg@10')?.toFixed(3)).toBe(expected.toFixed(3));
  });
});
