import { expect, test } from 'vitest';
import { jsonPieces } from '../../../src/files/formats/jsonPieces.ts';

test.each([
  [{ a: 1, list: [1, 2.5, -0, NaN, Infinity], text: 'a "b"\n\u2028\ud800', none: null, yes: true }],
  [{ left: undefined, nested: [{ left: undefined }, undefined, [], {}, [[1], [2, undefined]]] }],
  [[1, undefined, 'x', null]],
  [Array.from({ length: 5000 }, (_, i) => i / 3)],
  [{ 'odd "key"': { deep: { deeper: ['é', '😀'] } } }],
  ['text'],
  [null],
  [[]],
  [{}],
])('says what JSON.stringify says: %j', (value) => {
  expect([...jsonPieces(value)].join('')).toBe(JSON.stringify(value));
});

test('numbers can be rounded on the way, by what they stand under', () => {
  const rounded = (value: unknown, key: string) =>
    typeof value === 'number' && key !== 'exact' ? Math.round(value) : value;
  const value = { a: 1.4, list: [1.6, { b: 2.2, exact: 2.2 }], exact: [1.2, [3.4]], text: '1.4' };
  expect([...jsonPieces(value, rounded)].join('')).toBe(
    '{"a":1,"list":[2,{"b":2,"exact":2.2}],"exact":[1.2,[3.4]],"text":"1.4"}',
  );
});

test('a text longer than a string can be comes in pieces that are not', () => {
  const text = 'x'.repeat(2 ** 18);
  const value = { snapshots: Array.from({ length: 40 }, () => ({ text })) };
  const pieces = [...jsonPieces(value)];
  expect(pieces.join('')).toBe(JSON.stringify(value));
  // However long the whole is.
  expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(2 ** 19);
});
