import { expect, it } from 'vitest';
import { cellWords } from '../../src/ui/runs/comparedPicture.ts';
import { reads, record } from './records.ts';

it('a cell of a compared matrix in words, by its place on the axes', () => {
  const picture = { record: record(1, { attention: reads([2, 3, 0, 1]) }), places: [0, 2, 1, 3] };
  expect(cellWords(picture, { row: 0, column: 1 })).toBe('A 0.90, S 0.50, same document');
  expect(cellWords(picture, { row: 0, column: 2 })).toBe('A 0.05, S 0.50');
  expect(cellWords(picture, { row: 3, column: 3 })).toBe('no chunk reads itself');
  expect(cellWords(picture, { row: 4, column: 0 })).toBe('has no such cell');
  expect(cellWords({ record: undefined, places: [] }, { row: 0, column: 1 })).toBe('has no such cell');
});
