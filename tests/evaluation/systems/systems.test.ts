import { describe, expect, test } from 'vitest';
import type { LabelledCollection } from '../../../src/evaluation/collections/collection.ts';
import { measure } from '../../../src/evaluation/measures/measures.ts';
import { scoresOf } from '../../../src/evaluation/measures/scores.ts';
import { CollectionVectors, denseSystem } from '../../../src/evaluation/systems/dense.ts';
import type { Embedder } from '../../../src/retrieval/embedder.ts';
import { feedbackSystem } from '../../../src/evaluation/systems/feedback.ts';
import { rankFusion } from '../../../src/evaluation/systems/fusion.ts';
import { interpolation } from '../../../src/evaluation/systems/interpolation.ts';
import { bm25System, CollectionWords, tfIdfSystem } from '../../../src/evaluation/systems/lexical.ts';
import { remembered, type RetrievalSystem } from '../../../src/evaluation/systems/system.ts';
import type { Rankings } from '../../../src/evaluation/types.ts';

const DEPTH = { depth: 10 };

function collection(
  documents: readonly string[],
  queries: readonly string[],
  relevant: readonly string[],
): LabelledCollection {
  return {
    title: 'made up',
    documents: documents.map((text, i) => ({ id: `d${i + 1}`, title: '', text })),
    queries: queries.map((text, i) => ({ id: `q${i + 1}`, text })),
    qrels: new Map(relevant.map((document, i) => [`q${i + 1}`, new Map([[document, 1]])])),
    notices: [],
  };
}

/** Vectors in a plane, written as the texts: "1 0". */
const PLANE: Embedder = {
  dimensions: 2,
  embed: (_role, texts) =>
    Promise.resolve(
      Float32Array.from(
        texts.flatMap((text) => {
          const [x = 0, y = 0] = text === '' ? [1, 0] : text.split(' ').map(Number);
          return [x / Math.hypot(x, y), y / Math.hypot(x, y)];
        }),
      ),
    ),
};

const fixed = (
  id: string,
  rankings: Readonly<Record<string, readonly (readonly [string, number])[]>>,
): RetrievalSystem => ({
  id,
  words: id,
  rank: () =>
    Promise.resolve(
      new Map(
        Object.entries(rankings).map(([query, list]) => [query, list.map(([doc, score]) => ({ id: doc, score }))]),
      ),
    ),
});

const ids = (rankings: Rankings, query = 'q1'): string => (rankings.get(query) ?? []).map(({ id }) => id).join(' ');

describe('lexical systems', () => {
  const texts = collection(['the sea', 'a cold sea', '', 'boats'], ['cold sea', 'mountains'], ['d2', 'd1']);

  test.each([bm25System, tfIdfSystem])('find what shares a word, and nothing else', async (make) => {
    const rankings = await make(new CollectionWords(texts)).rank(DEPTH);
    expect([ids(rankings), ids(rankings, 'q2')]).toEqual(['d2 d1', '']);
    expect((await make(new CollectionWords(texts)).rank({ depth: 1 })).get('q1')).toHaveLength(1);
  });

  test('count words once, and again after they were stopped', async () => {
    const words = new CollectionWords(texts);
    const stop = AbortSignal.abort();
    await expect(bm25System(words).rank({ ...DEPTH, signal: stop })).rejects.toMatchObject({ code: 'aborted' });
    const index = await words.index(DEPTH);
    expect(index.texts).toBe(4);
    expect(await words.index(DEPTH)).toBe(index);
  });
});

describe('dense systems', () => {
  const plane = collection(['0 1', '', '1 1', '1 0'], ['1 0.1', '', '0 1'], ['d4', 'd4', 'd1']);
  const vectors = () => new CollectionVectors(plane, PLANE, 'the plane');

  test('rank by cosine; texts without a word find nothing and are not found', async () => {
    const rankings = await denseSystem('dense', vectors()).rank(DEPTH);
    expect([ids(rankings), ids(rankings, 'q2'), ids(rankings, 'q3')]).toEqual(['d4 d3 d1', '', 'd1 d3 d4']);
    expect(rankings.get('q3')?.[1]?.score).toBeCloseTo(Math.SQRT1_2, 6);
  });

  test('embed each side once', async () => {
    let calls = 0;
    const counting: Embedder = { ...PLANE, embed: (...given) => (calls++, PLANE.embed(...given)) };
    const shared = new CollectionVectors(plane, counting, 'the plane');
    await denseSystem('dense', shared).rank(DEPTH);
    await feedbackSystem('prf', shared, 'average').rank(DEPTH);
    expect(calls).toBe(2);
  });

  test('feedback searches with what was found first', async () => {
    // The query is (1, 0): of the found ones (0.8, 0.6) is nearest, then (0, 1) and (0, −1).
    const turned = collection(['8 6', '0 1', '0 -1'], ['1 0'], ['d1']);
    const shared = new CollectionVectors(turned, PLANE, 'the plane');
    const average = await feedbackSystem('a', shared, 'average').rank(DEPTH);
    // (1 + 0.8 + 0 + 0) / 4 and (0 + 0.6 + 1 − 1) / 4: inner product with the first.
    expect(average.get('q1')?.[0]?.score).toBeCloseTo(0.8 * 0.45 + 0.6 * 0.15, 6);
    const rocchio = await feedbackSystem('r', shared, 'rocchio').rank(DEPTH);
    // 0.4 (1, 0) + 0.6 · (0.8, 0.6) / 3: only three are found.
    expect(rocchio.get('q1')?.[0]?.score).toBeCloseTo(0.8 * (0.4 + 0.2 * 0.8) + 0.6 * 0.2 * 0.6, 6);
    // With one document the average weighs it as much as the query.
    const alone = new CollectionVectors(collection(['8 6'], ['1 0'], ['d1']), PLANE, 'the plane');
    const one = await feedbackSystem('a', alone, 'average').rank(DEPTH);
    expect(one.get('q1')?.[0]?.score).toBeCloseTo(0.8 * 0.9 + 0.6 * 0.3, 6);
  });
});

test('reciprocal rank fusion adds 1 / (60 + rank) over the lists that a document is in', async () => {
  const one = fixed('one', {
    q1: [
      ['a', 9],
      ['b', 8],
      ['c', 7],
    ],
  });
  const two = fixed('two', {
    q1: [
      ['c', 1],
      ['d', 0.5],
    ],
    q2: [['a', 1]],
  });
  const rankings = await rankFusion('rrf', [one, two]).rank(DEPTH);
  expect(ids(rankings)).toBe('c a d b');
  const score = (id: string) => rankings.get('q1')?.find((document) => document.id === id)?.score;
  expect(score('c')).toBeCloseTo(1 / 63 + 1 / 61, 7);
  expect(score('d')).toBeCloseTo(1 / 62, 7);
  expect(ids(rankings, 'q2')).toBe('a');
});

describe('interpolation', () => {
  const QUERIES = Array.from({ length: 20 }, (_, i) => `q${i + 1}`);
  const judged = collection(
    ['x', 'y', 'z'],
    QUERIES,
    QUERIES.map(() => 'd1'),
  );
  const all = (list: readonly (readonly [string, number])[]) =>
    Object.fromEntries(QUERIES.map((query) => [query, list]));
  const right = all([
    ['d1', 3],
    ['d2', 2],
    ['d3', 1],
  ]);
  const wrong = all([
    ['d3', 30],
    ['d2', 20],
    ['d1', 10],
  ]);
  const options = { collection: judged, measure: measure('mrr@10') };

  test('gives all weight to the system that is right, on either side', async () => {
    const dense = interpolation('h', { ...options, sparse: fixed('bm25', wrong), dense: fixed('dense', right) });
    expect(ids(await dense.rank(DEPTH))).toBe('d1 d2 d3');
    expect(dense.weights).toEqual([0, 0, 0, 0, 0]);
    const sparse = interpolation('h', { ...options, sparse: fixed('bm25', right), dense: fixed('dense', wrong) });
    expect(ids(await sparse.rank(DEPTH))).toBe('d1 d2 d3');
    expect(sparse.weights?.every((weight) => weight > 0.5)).toBe(true);
  });

  test('never chooses by the query that it is used for', async () => {
    // BM25 is right for one query alone and wrong for all others: chosen by that query, the weight would be 1 there.
    const sparse = fixed('bm25', { ...wrong, q7: right['q7'] ?? [] });
    const dense = fixed('dense', { ...right, q7: wrong['q7'] ?? [] });
    const hybrid = interpolation('h', { ...options, sparse, dense });
    const rankings = await hybrid.rank(DEPTH);
    expect(hybrid.weights).toEqual([0, 0, 0, 0, 0]);
    expect(ids(rankings, 'q7')).toBe('d3 d2 d1');
    const { means } = scoresOf(rankings, judged.qrels, [measure('mrr@10')]);
    expect(means.get('mrr@10')).toBeCloseTo((19 + 1 / 3) / 20, 9);
  });

  test('scales each list from 0 to 1, a missing document counting as the last', async () => {
    const two = collection(['x', 'y'], ['a'], ['d1']);
    const sparse = fixed('bm25', {
      q1: [
        ['d1', 30],
        ['d2', 10],
      ],
    });
    const dense = fixed('dense', {
      q1: [
        ['d3', 0.9],
        ['d2', 0.8],
        ['d1', 0.5],
      ],
    });
    // A single query has no others: half of each.
    const rankings = await interpolation('h', { ...options, collection: two, sparse, dense }).rank(DEPTH);
    expect(rankings.get('q1')).toEqual([
      { id: 'd3', score: 0.5 },
      { id: 'd1', score: 0.5 },
      { id: 'd2', score: Math.fround(0.5 * 0.75) },
    ]);
  });
});

test('a system whose lists are kept is asked once for each depth', async () => {
  let asked = 0;
  const kept = remembered({ id: 'a', words: 'a', rank: () => (asked++, Promise.resolve(new Map())) });
  expect(await kept.rank(DEPTH)).toBe(await kept.rank(DEPTH));
  await kept.rank({ depth: 2 });
  expect(asked).toBe(2);
});
