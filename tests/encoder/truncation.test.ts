import { expect, test } from 'vitest';
import { surroundingOf, truncated } from '../../src/encoder/truncation.ts';

test('begin and end tokens stay where a text is cut', () => {
  const surrounding = surroundingOf([101, 7, 8, 102], [7, 8]);
  expect(surrounding).toEqual({ before: [101], after: [102] });
  expect(truncated([1, 2, 3, 4], surrounding, 4)).toEqual([101, 1, 2, 102]);
  expect(truncated([1], surrounding, 4)).toEqual([101, 1, 102]);
  expect(truncated([1, 2], surrounding, 1)).toEqual([101, 102]);
});

test('a tokenizer that puts nothing around a text, or only something behind it', () => {
  expect(truncated([1, 2, 3], surroundingOf([7], [7]), 2)).toEqual([1, 2]);
  expect(truncated([1, 2, 3], surroundingOf([7, 0], [7]), 2)).toEqual([1, 0]);
});
