import type { StepRecord } from '../../lab/run.ts';
import { decimal } from '../format.ts';
import type { Cell } from '../run/view.svelte.ts';

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
  const values = pictures.map((picture) => `Run ${picture.number}: ${valueWords(picture, cell)}.`);
  return [`Chunk ${row + 1} reads chunk ${column + 1}.`, ...values].join(' ');
}

/** What stands in a cell; one that this matrix does not have (the other one is larger) as such. */
function valueWords({ record, places }: ComparedPicture, { row, column }: Cell): string {
  const reader = places[row];
  const read = places[column];
  if (!record || reader === undefined || read === undefined) return 'has no such cell';
  const at = reader * places.length + read;
  const { chunks } = record.batch;
  const partner = chunks[reader]?.document === chunks[read]?.document ? ', same document' : '';
  return `A ${decimal(record.attention[at] ?? 0)}, S ${decimal(record.similarity[at] ?? 0)}${partner}`;
}
