import type { StepRecord } from '../../lab/run.ts';
import { decimal } from '../format.ts';
import type { Cell } from '../run/view.svelte.ts';

/** What one of two matrices beside one another shows. */
export interface ComparedPicture {
  readonly record: StepRecord | undefined;
  /** Chunks in the order of the axes. */
  readonly places: readonly number[];
}

/** A cell in words; a cell that this matrix does not have (the other one is larger) as such. */
export function cellWords({ record, places }: ComparedPicture, { row, column }: Cell): string {
  const reader = places[row];
  const read = places[column];
  if (!record || reader === undefined || read === undefined) return 'has no such cell';
  if (row === column) return 'no chunk reads itself';
  const at = reader * places.length + read;
  const { chunks } = record.batch;
  const partner = chunks[reader]?.document === chunks[read]?.document ? ', same document' : '';
  return `A ${decimal(record.attention[at] ?? 0)}, S ${decimal(record.similarity[at] ?? 0)}${partner}`;
}
