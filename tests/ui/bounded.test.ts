import { expect, it } from 'vitest';
import { checkBounds } from '../../src/ui/components/bounded.ts';

const BOUNDS = { fields: 3, entries: 4, characters: 5, depth: 3 };
const problemOf = (value: unknown): string | undefined => {
  try {
    checkBounds(value, BOUNDS);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

it('names the first place that is too large, and takes what is not', () => {
  expect(problemOf({ a: [1, 2, 3, 4], b: 'abcde', c: { d: null } })).toBeUndefined();
  expect(problemOf({ a: [1, 2, 3, 4, 5] })).toBe('a has more than 4 entries.');
  expect(problemOf({ a: [1, { b: 'abcdef' }] })).toBe('a[1].b is longer than 5 characters.');
  expect(problemOf({ a: 1, b: 2, c: 3, d: 4 })).toBe('The file has more than 3 fields.');
  expect(problemOf({ a: { abcdef: 1 } })).toBe('a has a field with a name of 6 characters: "abcdef".');
  expect(problemOf([[[1]]])).toBeUndefined();
  expect(problemOf([[[[1]]]])).toBe('[0][0][0] is inside more than 3 lists and objects.');
  let nested: unknown = 1;
  for (let i = 0; i < 100_000; i++) nested = [nested];
  expect(problemOf(nested)).toMatch(/inside more than 3/);
});
