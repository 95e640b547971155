import { describe, expect, test } from 'vitest';
import type { ComparisonView, SystemRequest } from '../../src/lab/door/evaluationViews.ts';
import {
  bestOf,
  chance,
  collectionFiles,
  kindOf,
  lastBeside,
  measureName,
  rankWords,
  requestsOf,
  seconds,
  share,
  signed,
  verdictWords,
} from '../../src/ui/panels/evaluation/words.ts';

const COMPARISON: ComparisonView = {
  difference: 0.04,
  better: 30,
  worse: 12,
  same: 133,
  p: 0.003,
  pOfT: 0.01,
  verdict: 'better',
};

describe('figures', () => {
  test('are told in three digits', () => {
    expect([share(0.61), share(1), share(0), share(undefined), share(NaN)]).toEqual([
      '.610',
      '1.000',
      '.000',
      '–',
      '–',
    ]);
    expect([signed(0.0421), signed(-0.5), signed(0), signed(-0.0001), signed(-1)]).toEqual([
      '+.042',
      '−.500',
      '.000',
      '.000',
      '−1.000',
    ]);
    expect(['ndcg@10', 'mrr@10', 'map', 'recall@100'].map(measureName)).toEqual([
      'nDCG@10',
      'MRR@10',
      'MAP',
      'recall@100',
    ]);
    expect([chance(0.0004), chance(0.04)]).toEqual(['p < .001', 'p .040']);
    expect([seconds(0.04), seconds(12.3), seconds(250)]).toEqual(['0.0 s', '12 s', '4 min']);
  });

  test('are called better only where the test says so', () => {
    expect(verdictWords(COMPARISON, 'bm25', 175)).toBe('better than bm25: 30 better, 12 worse of 175 queries (p .003)');
    expect(verdictWords({ ...COMPARISON, p: 0.4, verdict: 'no difference' }, 'bm25', 1)).toBe(
      'no difference to bm25 that 1 query can show: 30 better, 12 worse (p .400)',
    );
    expect(verdictWords({ ...COMPARISON, better: 0, worse: 0, p: 1, verdict: 'no difference' }, 'bm25', 6)).toBe(
      'the same as bm25 on all 6 queries',
    );
  });
});

test('what was dropped is known by its names', () => {
  const kind = (...paths: string[]) => kindOf(paths.map((path) => ({ path })));
  expect([kind('sea.zip'), kind('sea/corpus.jsonl', 'sea/x.txt'), kind('queries.jsonl')]).toEqual(
    Array(3).fill('collection'),
  );
  expect([kind('run.trec'), kind('run.txt'), kind('mycorpus.jsonl')]).toEqual(Array(3).fill('rankings'));
  const files = ['a/corpus.jsonl', 'a/.DS_Store', '__MACOSX/a/corpus.jsonl'].map((path) => ({ path }));
  expect(collectionFiles(files)).toEqual([{ path: 'a/corpus.jsonl' }]);
});

test('systems are asked for in the order of the table, with what they need', () => {
  const names = new Set<SystemRequest['name']>(['rrf', 'run', 'bm25', 'tfidf']);
  expect(requestsOf({ names, k1: 1.2, b: 0.75, of: 'untrained' })).toEqual([
    { name: 'bm25', k1: 1.2, b: 0.75 },
    { name: 'tfidf' },
    { name: 'run' },
    { name: 'rrf', of: 'untrained', k1: 1.2, b: 0.75 },
  ]);
});

test('a query’s best systems are marked, unless all do alike', () => {
  expect([...bestOf([0.5, 1, 1])]).toEqual([1, 2]);
  expect([...bestOf([0, 0])]).toEqual([]);
  expect([lastBeside([{ id: 'a' }, { id: 'b' }], 'b'), lastBeside([{ id: 'a' }], 'a')]).toEqual(['a', undefined]);
  expect(rankWords({ ranks: [1, undefined] }, ['bm25', 'step-20'])).toBe('rank 1 by bm25, not found by step-20');
});
