import type { MatrixDefinition, PairWords } from '../../../objectives/tables.ts';
import { matrixOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import { readRows } from '../../state/display.ts';
import { PULL_WORDS, pullSign, savingNumber } from '../../state/sentences/teaching.ts';
import type { Teaching } from '../../state/teaching.ts';
import { placeOf } from './cell.ts';
import { whatIfOf } from '../../state/whatIf/instead.ts';

/** A matrix as a table for those who do not see it: of each row the largest value, an empty diagonal left out. */
export interface MatrixTable {
  readonly caption: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a table is made of. */
export interface Tabled {
  readonly picture: Picture | undefined;
  /** Chunks in the order of the axes. */
  readonly places: readonly number[];
  readonly matrix: MatrixDefinition;
  readonly pairs: PairWords;
  /** When the picture is of, and of which batch: "held-out batch, step 60". */
  readonly moment: string;
  /** What the batch teaches, where that is known. */
  readonly teaching?: Teaching | undefined;
}

export function matrixTable({ picture, places, matrix, pairs, moment, teaching }: Tabled): MatrixTable {
  const { key, symbol, most } = matrix;
  const whatIf = whatIfOf(picture, matrix);
  const caption = whatIf === undefined ? most.caption : `${most.caption}, ${whatIf}`;
  const taught = teaching ? [...(teaching.savings ? ['Saves, nats per token'] : []), 'S goes'] : [];
  const heads = ['Chunk', most.head, symbol, 'Same document', ...taught];
  if (!picture) return { caption, heads, rows: [] };
  const rows = readRows(picture.batch, matrixOf(picture, key), places, pairs).map((row) => [
    String(row.row + 1),
    String(row.most + 1),
    decimal(row.value),
    row.most === row.row ? 'itself' : row.isPartner ? 'yes' : 'no',
    ...(teaching ? taughtWords(teaching, placeOf(places, { row: row.row, column: row.most }) ?? 0) : []),
  ]);
  return { caption: `${caption}, ${moment}`, heads, rows };
}

function taughtWords(teaching: Teaching, at: number): string[] {
  const saving = teaching.savings?.[at];
  const goes = PULL_WORDS[pullSign(teaching.pulls[at] ?? 0, teaching)];
  return [...(saving === undefined ? [] : [savingNumber(saving)]), goes];
}
