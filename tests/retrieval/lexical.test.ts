import { describe, expect, it } from 'vitest';
import { Bm25 } from '../../src/retrieval/bm25.ts';
import { best, terms } from '../../src/retrieval/terms.ts';
import { TfIdf } from '../../src/retrieval/tfidf.ts';

describe('terms', () => {
  it.each([
    ['The heron, waits: isn’t it?', ['the', 'heron', 'waits', 'isn', 't', 'it']],
    ['CAFÉ cafe\u0301 3,412 ΣΟΦΙΑ', ['café', 'café', '3', '412', 'σοφια']],
    ['数学はMath', ['数', '学', 'は', 'math']],
    [' …!', []],
  ])('of %j', (text, expected) => {
    expect(terms(text)).toEqual(expected);
  });
});

describe('best', () => {
  it('keeps the highest, ties in document order, none at or below 0', () => {
    const scores = new Map([
      [5, 1],
      [0, 0],
      [3, 2],
      [2, 1],
      [1, -1],
      [4, 3],
    ]);
    expect(best(scores, 10).map(({ index }) => index)).toEqual([4, 3, 2, 5]);
    expect(best(scores, 2)).toEqual([
      { index: 4, score: 3 },
      { index: 3, score: 2 },
    ]);
  });
});

// a b b · a c · d: N = 3, mean length 2.
const TEXTS = ['a b b', 'a c', 'd'];

describe('Bm25', () => {
  it('gives the scores of the formula', () => {
    const index = new Bm25(TEXTS);
    const idfA = Math.log(1 + 1.5 / 2.5);
    const idfB = Math.log(1 + 2.5 / 1.5);
    const norm = [0.9 * (0.6 + (0.4 * 3) / 2), 0.9 * (0.6 + (0.4 * 2) / 2)] as const;
    const scores = index.scores('a b zzz');
    expect(scores.get(0)).toBeCloseTo(idfA / (1 + norm[0]) + (idfB * 2) / (2 + norm[0]), 12);
    expect(scores.get(1)).toBeCloseTo(idfA / (1 + norm[1]), 12);
    expect(scores.has(2)).toBe(false);
    expect(index.search('a b').map(({ index: document }) => document)).toEqual([0, 1]);
    expect(index.scores('b b').get(0)).toBeCloseTo(2 * (index.scores('b').get(0) ?? NaN), 12);
  });

  it('takes k1 and b, and an empty corpus', () => {
    expect(new Bm25(TEXTS, { k1: 0 }).scores('b').get(0)).toBeCloseTo(Math.log(1 + 2.5 / 1.5), 12);
    expect(new Bm25(TEXTS, { k1: 2, b: 0 }).scores('b').get(0)).toBeCloseTo(Math.log(1 + 2.5 / 1.5) * (2 / 4), 12);
    expect(new Bm25([]).search('a')).toEqual([]);
    expect(new Bm25(['', '!']).search('a')).toEqual([]);
  });
});

describe('TfIdf', () => {
  const idf = (documents: number): number => Math.log(4 / (1 + documents)) + 1;
  const unit = (...weights: number[]): number[] => weights.map((weight) => weight / Math.hypot(...weights));

  it('gives cosines of the formula', () => {
    const index = new TfIdf(TEXTS);
    const [a0 = 0] = unit(idf(2), 2 * idf(1));
    const [a1 = 0] = unit(idf(2), idf(1));
    const matrix = index.similarityMatrix(TEXTS);
    const expected = [1, a0 * a1, 0, a0 * a1, 1, 0, 0, 0, 1];
    expected.forEach((value, i) => expect(matrix[i]).toBeCloseTo(value, 12));
    const found = index.search('a');
    expect(found.map(({ index: document }) => document)).toEqual([1, 0]);
    expect(found[0]?.score).toBeCloseTo(a1, 12);
  });

  it('counts unknown words as the rarest and empty texts as like nothing', () => {
    const index = new TfIdf(TEXTS);
    const [a = 0] = unit(idf(2), idf(0));
    const [a1 = 0] = unit(idf(2), idf(1));
    expect(index.search('a new')[0]?.score).toBeCloseTo(a * a1, 12);
    expect([...index.similarityMatrix(['', 'a'])]).toEqual([0, 0, 0, expect.closeTo(1, 12)]);
  });
});
