import type { ObjectiveTable } from '../../../objectives/tables.ts';
import { matrixOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import { isPair } from '../../state/pairs.ts';
import type { Cell } from '../../state/view.svelte.ts';
import { insteadOf, insteadWords } from '../../state/whatIf/instead.ts';

/** What stands in a cell of all matrices. */
export interface CellValues {
  readonly values: readonly { readonly symbol: string; readonly value: number }[];
  /** Whether both chunks are of one document. */
  readonly isPartner: boolean;
  /** Whether they tell different documents in one wording. */
  readonly isSameWording: boolean;
}

/** The place of a cell in the matrices of a batch; undefined where there is no such cell. `places`: chunks in the order of the axes. */
export function placeOf(places: readonly number[], { row, column }: Cell): number | undefined {
  const [query, context] = [places[row], places[column]];
  return query === undefined || context === undefined ? undefined : query * places.length + context;
}

/** The values of a cell; undefined where there is no such cell. `places`: chunks in the order of the axes. */
export function cellValues(
  { matrices }: Pick<ObjectiveTable, 'matrices'>,
  picture: Picture | undefined,
  places: readonly number[],
  cell: Cell,
): CellValues | undefined {
  const at = placeOf(places, cell);
  if (!picture || at === undefined) return undefined;
  const { chunks } = picture.batch;
  const [query, context] = [cell.row, cell.column].map((place) => chunks[places[place] ?? -1]);
  return {
    values: matrices.map(({ key, symbol }) => ({ symbol, value: matrixOf(picture, key)[at] ?? 0 })),
    isPartner: query?.document === context?.document,
    isSameWording: isPair('wording', query, context),
  };
}

/** "A 0.81, S 0.44, same document". */
export function valueWords({ values, isPartner, isSameWording }: CellValues): string {
  const numbers = values.map(({ symbol, value }) => `${symbol} ${decimal(value)}`).join(', ');
  return `${numbers}${isPartner ? ', same document' : ''}${isSameWording ? ', same wording' : ''}`;
}

/** "Chunk 1 reads chunk 2". Numbers are those on the axes. */
export function pairWords({ pairs }: Pick<ObjectiveTable, 'pairs'>, { row, column }: Cell): string {
  const { noun } = pairs.row;
  return `${noun.charAt(0).toUpperCase()}${noun.slice(1)} ${row + 1} ${pairs.verb} ${pairs.column.noun} ${column + 1}`;
}

/** Whether nothing stands in a cell, since it is on an empty diagonal. */
export function isEmptyCell({ pairs }: Pick<ObjectiveTable, 'pairs'>, { row, column }: Cell): boolean {
  return row === column && pairs.diagonal === 'nothing';
}

/** What is said of a cell on an empty diagonal. */
export function emptyCellWords({ row }: Cell): string {
  return `Chunk ${row + 1}: no chunk reads itself.`;
}

/** A cell in words, for those who do not see it; empty where there is none. */
export function cellWords(
  table: ObjectiveTable,
  picture: Picture | undefined,
  places: readonly number[],
  cell: Cell,
): string {
  const found = cellValues(table, picture, places, cell);
  if (!found) return '';
  if (isEmptyCell(table, cell)) return emptyCellWords(cell);
  const instead = insteadOf(picture);
  const end = instead ? `, ${insteadWords(instead)}.` : '.';
  if (cell.row !== cell.column) return `${pairWords(table, cell)}: ${valueWords(found)}${end}`;
  return `${pairWords(table, cell)}, the right answer: ${valueWords({ ...found, isPartner: false })}${end}`;
}
