import { expect, test } from 'vitest';
import type { StepRecord } from '../../src/run/record.ts';
import { matrixTable } from '../../src/ui/panels/matrix/inWords.ts';
import { matrixNamed } from '../../src/ui/state/display.ts';
import { reads, record, REVELA } from './records.ts';

/** Rows of A read their partner most; rows of S are nearest to a stranger. */
const PICTURE = {
  ...record(193, { documents: [0, 1, 0, 1], attention: reads([2, 3, 0, 1]) }),
  similarity: reads([1, 0, 3, 2]),
};

const tableOfMatrix = (picture: StepRecord | undefined, places: readonly number[], symbol: string) =>
  matrixTable({
    picture,
    places,
    matrix: matrixNamed(REVELA, symbol),
    pairs: REVELA.pairs,
    moment: `step ${picture?.metrics.step}`,
  });

test('of A: who is read most, at the step of the picture', () => {
  const { caption, heads, rows } = tableOfMatrix(PICTURE, [0, 1, 2, 3], 'A');
  expect(caption).toBe('What each chunk reads most, step 193');
  expect(heads).toEqual(['Chunk', 'Reads most', 'A', 'Same document']);
  expect(rows).toEqual([
    ['1', '3', '0.90', 'yes'],
    ['2', '4', '0.90', 'yes'],
    ['3', '1', '0.90', 'yes'],
    ['4', '2', '0.90', 'yes'],
  ]);
});

test('of S: who is most similar', () => {
  const { caption, heads, rows } = tableOfMatrix(PICTURE, [0, 1, 2, 3], 'S');
  expect(caption).toBe('What each chunk is most similar to, step 193');
  expect(heads).toEqual(['Chunk', 'Most similar to', 'S', 'Same document']);
  expect(rows.map(([, most, , partner]) => [most, partner])).toEqual([
    ['2', 'no'],
    ['1', 'no'],
    ['4', 'no'],
    ['3', 'no'],
  ]);
});

test('places are those of the axes', () => {
  expect(tableOfMatrix(PICTURE, [0, 2, 1, 3], 'A').rows.map(([, most]) => most)).toEqual(['2', '1', '4', '3']);
});

test('before any picture there are no rows', () => {
  expect(tableOfMatrix(undefined, [], 'A')).toMatchObject({ caption: 'What each chunk reads most', rows: [] });
});
