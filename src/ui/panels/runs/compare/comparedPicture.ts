import type { StepRecord } from '../../../../run/record.ts';
import { cellValues, valueWords } from '../../matrix/cell.ts';
import type { Cell } from '../../../state/view.svelte.ts';

/** What one of two matrices beside one another shows. */
export interface ComparedPicture {
  readonly record: StepRecord | undefined;
  /** Chunks in the order of the axes. */
  readonly places: readonly number[];
}

/** A cell of several matrices in words, each under the number of its run. */
export function cellWords(cell: Cell, pictures: readonly (ComparedPicture & { readonly number: number })[]): string {
  const { row, column } = cell;
  if (row === column) return `Chunk ${row + 1}: no chunk reads itself.`;
  const values = pictures.map(({ record, places, number }) => {
    // The other matrix may be larger.
    const found = cellValues(record, places, cell);
    return `Run ${number}: ${found ? valueWords(found) : 'has no such cell'}.`;
  });
  return [`Chunk ${row + 1} reads chunk ${column + 1}.`, ...values].join(' ');
}
