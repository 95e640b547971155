import { expect, it } from 'vitest';
import { cellWords } from '../../../src/ui/panels/runs/compare/comparedPicture.ts';
import { INFO_NCE, reads, record, REVELA, uniform } from '../records.ts';

it('a cell of compared matrices in words, by its place on the axes', () => {
  const first = {
    table: REVELA,
    number: 1,
    picture: record(1, { attention: reads([2, 3, 0, 1]) }),
    places: [0, 2, 1, 3],
  };
  const second = { table: REVELA, number: 4, picture: record(1, { documents: [0, 1] }), places: [0, 1] };
  const words = (row: number, column: number) => cellWords({ row, column }, [first, second]);
  expect(words(0, 1)).toBe('Chunk 1 reads chunk 2. Run 1: A 0.90, S 0.50, same document. Run 4: A 0.33, S 0.50.');
  expect(words(0, 2)).toBe('Chunk 1 reads chunk 3. Run 1: A 0.05, S 0.50. Run 4: has no such cell.');
  expect(words(3, 3)).toBe('Chunk 4: no chunk reads itself.');
  expect(cellWords({ row: 0, column: 1 }, [{ table: REVELA, number: 2, picture: undefined, places: [] }])).toMatch(
    /no such cell/,
  );
});

it('says of each run what a cell is where they were trained for different things', () => {
  const places = [0, 1, 2, 3];
  const first = { table: REVELA, number: 1, picture: record(1, { attention: reads([2, 3, 0, 1]) }), places };
  const second = { table: INFO_NCE, number: 2, picture: record(1, { attention: uniform(4).map(() => 0.25) }), places };
  expect(cellWords({ row: 0, column: 2 }, [first, second])).toBe(
    'Run 1: Chunk 1 reads chunk 3: A 0.90, S 0.50, same document. ' +
      'Run 2: Query crop 1 meets passage crop 3: P 0.25, S 0.50, same document.',
  );
  expect(cellWords({ row: 1, column: 1 }, [first, second])).toMatch(
    /^Run 1: .*Run 2: Query crop 2 meets passage crop 2: P 0\.25/,
  );
  expect(cellWords({ row: 1, column: 1 }, [first])).toBe('Chunk 2: no chunk reads itself.');
});
