import { describe, expect, test } from 'vitest';
import { measure, MeasureError, measureWords, USUAL_MEASURES } from '../../../src/evaluation/measures/measures.ts';
import { compareBytes, ranked } from '../../../src/evaluation/measures/order.ts';
import { Random } from '../../../src/corpus/random.ts';

describe('compareBytes', () => {
  test('is the order of UTF-8 bytes', () => {
    const random = Random.fromSeed(3);
    const letters = ['a', 'b', 'é', '\u{FF5E}', '\u{E000}', '\u{D7FF}', '\u{1F600}', '\u{10000}'];
    const word = (): string =>
      Array.from({ length: random.integer(4) }, () => letters[random.integer(letters.length)] ?? '').join('');
    for (let i = 0; i < 500; i++) {
      const [a, b] = [word(), word()];
      expect(Math.sign(compareBytes(a, b)), `${a} ${b}`).toBe(
        Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))),
      );
    }
  });
});

describe('ranked', () => {
  const found = [
    { id: 'a', score: 1 },
    { id: 'c', score: NaN },
    { id: 'b', score: 1 + 1e-9 },
    { id: 'd', score: 2 },
  ];

  test.each([
    ['descending', 'd b a c'],
    ['ascending', 'd a b c'],
    ['given', 'd a b c'],
  ] as const)('ties %s, scores in 32 bits, NaN last', (ties, expected) => {
    expect(ranked(found, ties).join(' ')).toBe(expected);
  });
});

describe('measure', () => {
  const labels = new Map([
    ['a', 2],
    ['b', 1],
    ['c', 0],
  ]);

  test('has the level and the rank that its name says', () => {
    const order = ['b', 'x', 'a'];
    expect(measure('mrr(rel=2)').of(order, labels)).toBe(1 / 3);
    expect(measure('mrr(rel=2)@2').of(order, labels)).toBe(0);
    expect(measure('recall(rel=2)@3').of(order, labels)).toBe(1);
    expect(measure('recall@2').of(order, labels)).toBe(1 / 2);
    expect(measure('judged@3').of(order, labels)).toBe(2 / 3);
  });

  test('is 0 where nothing is relevant, and where nothing was found', () => {
    for (const name of USUAL_MEASURES) {
      expect(measure(name).of(['a'], new Map([['a', 0]])), name).toBe(0);
      expect(measure(name).of([], labels), name).toBe(0);
    }
  });

  test.each(['recall', 'rprec@5', 'ndgc@10', 'map@0', 'map(rel=0)', 'toString', ''])('refuses %j', (name) => {
    expect(() => measure(name)).toThrow(MeasureError);
  });

  test('says in words what it is', () => {
    expect(measureWords('ndcg@10')).toBe('nDCG, linear gain, of the first 10');
    expect(measureWords('map')).toBe('average precision');
  });
});
