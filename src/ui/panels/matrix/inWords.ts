import type { MatrixDefinition, PairWords } from '../../../objectives/tables.ts';
import { matrixOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import { readRows } from '../../state/display.ts';

/** A matrix as a table for those who do not see it: of each row the largest value, an empty diagonal left out. */
export interface MatrixTable {
  readonly caption: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** `places`: chunks in the order of the axes. The caption names the step of the picture. */
export function matrixTable(
  picture: Picture | undefined,
  places: readonly number[],
  { key, symbol, most }: MatrixDefinition,
  pairs: PairWords,
): MatrixTable {
  const { caption } = most;
  const heads = ['Chunk', most.head, symbol, 'Same document'];
  if (!picture) return { caption, heads, rows: [] };
  const rows = readRows(picture.batch, matrixOf(picture, key), places, pairs).map((row) => [
    String(row.row + 1),
    String(row.most + 1),
    decimal(row.value),
    row.most === row.row ? 'itself' : row.isPartner ? 'yes' : 'no',
  ]);
  return { caption: `${caption}, step ${picture.metrics.step}`, heads, rows };
}
