import type { StepRecord } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import type { Cell } from '../../state/view.svelte.ts';

/** What stands in a cell of both matrices. */
export interface CellValues {
  readonly attention: number;
  readonly similarity: number;
  /** Whether both chunks are of one document. */
  readonly isPartner: boolean;
}

/** The values of a cell; undefined where there is no such cell. `places`: chunks in the order of the axes. */
export function cellValues(
  record: StepRecord | undefined,
  places: readonly number[],
  { row, column }: Cell,
): CellValues | undefined {
  const reader = places[row];
  const read = places[column];
  if (!record || reader === undefined || read === undefined) return undefined;
  const at = reader * places.length + read;
  const { chunks } = record.batch;
  return {
    attention: record.attention[at] ?? 0,
    similarity: record.similarity[at] ?? 0,
    isPartner: chunks[reader]?.document === chunks[read]?.document,
  };
}

/** "A 0.81, S 0.44, same document". */
export function valueWords({ attention, similarity, isPartner }: CellValues): string {
  return `A ${decimal(attention)}, S ${decimal(similarity)}${isPartner ? ', same document' : ''}`;
}
