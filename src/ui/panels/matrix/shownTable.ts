import { whole } from '../../components/format.ts';
import { pictureMoment } from '../../state/pairs.ts';
import type { View } from '../../state/view.svelte.ts';
import { matrixTable, type MatrixTable } from './inWords.ts';

/** The matrix that is shown as a table, for those who do not see it. */
export function shownTable({ picture, places, matrix, table, subject, probeOf, step, teaching }: View): MatrixTable {
  const moment = pictureMoment(subject, probeOf, whole(step));
  return matrixTable({ picture, places, matrix, pairs: table.pairs, moment, teaching });
}
