import type { Picture, ScoredText } from '../../../../run/record.ts';
import type { ObjectiveTable } from '../../../../objectives/tables.ts';
import { cellValues, emptyCellWords, isEmptyCell, pairWords, valueWords } from '../../matrix/cell.ts';
import type { Subject } from '../../../state/history/history.ts';
import type { Cell } from '../../../state/view.svelte.ts';

/** What one of two matrices beside one another shows. */
export interface ComparedPicture {
  readonly table: ObjectiveTable;
  readonly picture: Picture | undefined;
  /** Which batch that is. */
  readonly subject: Subject;
  /** What the batch is that stays the same, where it is that one. */
  readonly of: ScoredText | undefined;
  /** Chunks in the order of the axes. */
  readonly places: readonly number[];
}

/** A cell of several matrices in words, each under the number of its run. */
export function cellWords(
  cell: Cell,
  pictures: readonly (Pick<ComparedPicture, 'table' | 'picture' | 'places'> & { readonly number: number })[],
): string {
  if (pictures.every(({ table }) => isEmptyCell(table, cell))) return emptyCellWords(cell);
  // What a cell is is said once, unless the runs were trained for different things.
  const said = new Set(pictures.map(({ table }) => pairWords(table, cell)));
  const values = pictures.map(({ table, picture, places, number }) => {
    // The other matrix may be larger.
    const found = cellValues(table, picture, places, cell);
    const what = said.size > 1 ? `${pairWords(table, cell)}: ` : '';
    return `Run ${number}: ${found ? what + valueWords(found) : 'has no such cell'}.`;
  });
  return [...(said.size > 1 ? [] : [`${[...said].join('')}.`]), ...values].join(' ');
}
