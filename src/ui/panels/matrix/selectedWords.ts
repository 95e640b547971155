import { describeTeaching } from '../../state/sentences/teaching.ts';
import type { View } from '../../state/view.svelte.ts';
import { cellWords, isEmptyCell, placeOf } from './cell.ts';

/** The selected cell in words, with what it teaches where that is known. */
export function selectedWords(view: View): string {
  const { table, picture, places, selected } = view;
  return [cellWords(table, picture, places, selected), taughtWords(view, selected)]
    .filter((one) => one !== '')
    .join(' ');
}

/** What a cell teaches, in words; empty where that is not known, and where nothing stands in the cell. */
export function taughtWords({ table, places, teaching, subject }: View, cell: View['selected']): string {
  const at = placeOf(places, cell);
  if (!teaching || at === undefined || isEmptyCell(table, cell)) return '';
  return describeTeaching({ row: cell.row + 1, column: cell.column + 1, at }, teaching, { subject });
}
