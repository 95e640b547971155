import { expect, it } from 'vitest';
import { cellWords } from '../../../src/ui/panels/runs/compare/comparedPicture.ts';
import { reads, record } from '../records.ts';

it('a cell of compared matrices in words, by its place on the axes', () => {
  const first = { number: 1, record: record(1, { attention: reads([2, 3, 0, 1]) }), places: [0, 2, 1, 3] };
  const second = { number: 4, record: record(1, { documents: [0, 1] }), places: [0, 1] };
  const words = (row: number, column: number) => cellWords({ row, column }, [first, second]);
  expect(words(0, 1)).toBe('Chunk 1 reads chunk 2. Run 1: A 0.90, S 0.50, same document. Run 4: A 0.33, S 0.50.');
  expect(words(0, 2)).toBe('Chunk 1 reads chunk 3. Run 1: A 0.05, S 0.50. Run 4: has no such cell.');
  expect(words(3, 3)).toBe('Chunk 4: no chunk reads itself.');
  expect(cellWords({ row: 0, column: 1 }, [{ number: 2, record: undefined, places: [] }])).toMatch(/no such cell/);
});
