import type { StepRecord } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import { readRows } from '../../state/display.ts';

/** A matrix as a table for those who do not see it: of each row the largest value off the diagonal. */
export interface MatrixTable {
  readonly caption: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const WORDS = {
  A: { caption: 'What each chunk reads most', most: 'Reads most' },
  S: { caption: 'What each chunk is most similar to', most: 'Most similar to' },
};

/** `places`: chunks in the order of the axes. The caption names the step of the picture. */
export function matrixTable(record: StepRecord | undefined, places: readonly number[], mode: 'A' | 'S'): MatrixTable {
  const { caption, most } = WORDS[mode];
  const heads = ['Chunk', most, mode, 'Same document'];
  if (!record) return { caption, heads, rows: [] };
  const values = mode === 'A' ? record : { ...record, attention: record.similarity };
  const rows = readRows(values, places).map((row) => [
    String(row.row + 1),
    String(row.most + 1),
    decimal(row.attention),
    row.isPartner ? 'yes' : 'no',
  ]);
  return { caption: `${caption}, step ${record.metrics.step}`, heads, rows };
}
