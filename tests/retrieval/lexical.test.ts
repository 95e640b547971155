import { describe, expect, it } from 'vitest';
import { Random } from '../../src/corpus/random.ts';
import { loadProse } from '../../src/corpus/sources/prose.ts';
import { Bm25, bm25Matrix } from '../../src/retrieval/bm25.ts';
import { best, terms } from '../../src/retrieval/terms.ts';
import { TermStatistics } from '../../src/retrieval/termStatistics.ts';
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
    const scores = Float64Array.of(0, -1, 1, 2, 3, 1);
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
    expect(scores[0]).toBeCloseTo(idfA / (1 + norm[0]) + (idfB * 2) / (2 + norm[0]), 12);
    expect(scores[1]).toBeCloseTo(idfA / (1 + norm[1]), 12);
    expect(scores[2]).toBe(0);
    expect(index.search('a b').map(({ index: document }) => document)).toEqual([0, 1]);
    expect(index.scores('b b')[0]).toBeCloseTo(2 * (index.scores('b')[0] ?? NaN), 12);
  });

  it('takes k1 and b, and an empty corpus', () => {
    expect(new Bm25(TEXTS, { k1: 0 }).scores('b')[0]).toBeCloseTo(Math.log(1 + 2.5 / 1.5), 12);
    expect(new Bm25(TEXTS, { k1: 2, b: 0 }).scores('b')[0]).toBeCloseTo(Math.log(1 + 2.5 / 1.5) * (2 / 4), 12);
    expect(new Bm25([]).search('a')).toEqual([]);
    expect(new Bm25(['', '!']).search('a')).toEqual([]);
  });
});

describe('bm25Matrix', () => {
  it('has the scores, to the bit, of an index over corpus and batch together', async () => {
    const documents = await loadProse('shore');
    const texts = documents.flatMap(({ paragraphs }) => paragraphs);
    const random = Random.fromSeed(5);
    for (const corpus of [texts, texts.slice(0, 3), ['', '…'], []]) {
      // Some that the corpus holds as well, some that it lacks, one without words.
      const batch = [...random.shuffle(texts).slice(0, 6), 'Wörter, die sonst fehlen: Wörter', 'the the sea', '—'];
      const together = new Bm25([...corpus, ...batch]);
      const expected = batch.flatMap((query) => [...together.scores(query).slice(corpus.length)]);
      expect([...bm25Matrix(new TermStatistics(corpus), batch)]).toEqual(expected);
    }
    expect([...bm25Matrix(new TermStatistics([]), [])]).toEqual([]);
  });
});

describe('TfIdf', () => {
  const idf = (documents: number): number => Math.log(4 / (1 + documents)) + 1;
  const unit = (...weights: number[]): number[] => weights.map((weight) => weight / Math.hypot(...weights));

  it('gives cosines of the formula', () => {
    const index = new TfIdf(new TermStatistics(TEXTS));
    const [a0 = 0] = unit(idf(2), 2 * idf(1));
    const [a1 = 0] = unit(idf(2), idf(1));
    const matrix = index.similarityMatrix(TEXTS);
    const expected = [1, a0 * a1, 0, a0 * a1, 1, 0, 0, 0, 1];
    expected.forEach((value, i) => expect(matrix[i]).toBeCloseTo(value, 12));
  });

  it('counts unknown words as the rarest and empty texts as like nothing', () => {
    const index = new TfIdf(new TermStatistics(TEXTS));
    const [a = 0] = unit(idf(2), idf(0));
    const [a1 = 0] = unit(idf(2), idf(1));
    const matrix = index.similarityMatrix(['', 'a new', 'a c']);
    [0, 0, 0, 0, 1, a * a1, 0, a * a1, 1].forEach((value, i) => expect(matrix[i]).toBeCloseTo(value, 12));
  });

  it('searches many texts as it compares a few', () => {
    const ranker = new TfIdf(new TermStatistics(TEXTS));
    const texts = [...TEXTS, '', 'a new', 'a c'];
    const index = ranker.index(texts);
    for (const query of ['a b', 'c new c', '', 'nowhere']) {
      const expected = ranker.similarityMatrix(texts, [query]);
      index.scores(query).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 12));
    }
  });
});
