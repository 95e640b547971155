import type { MatrixDefinition, PairWords } from '../../../objectives/tables.ts';
import { matrixOf, type Picture } from '../../../run/record.ts';
import { displayOrder, type Order } from '../../state/display.ts';
import { matrixTitle, whatIfOf } from '../../state/whatIf/instead.ts';
import {
  axisNames,
  documentPatterns,
  markedTitle,
  matrixLegend,
  matrixMarks,
  type MarkedMatrix,
} from './matrixMarks.ts';
import { MUTED } from './palette.ts';
import { element, label, picture } from './svg.ts';

const SIDE = 480;
const LEFT = 64;
const TOP = 88;
const LEGEND = 56;

/** How a matrix is to be shown. */
export interface MatrixChoice extends Pick<MarkedMatrix, 'frames' | 'teaching'> {
  readonly matrix: MatrixDefinition;
  readonly pairs: PairWords;
  readonly order: Order;
  /** When the picture is of, and of which batch: "held-out batch, step 60". */
  readonly moment: string;
}

/** A matrix of a step as a picture of its own, with what it is and of which run below. */
export function matrixPicture(
  shown: Picture,
  { matrix, pairs, order, moment, frames, teaching }: MatrixChoice,
  caption: string,
): string {
  const { batch } = shown;
  const places = displayOrder(batch, order);
  const marked = { batch, values: matrixOf(shown, matrix.key), places, pairs, frames, teaching };
  const whatIf = whatIfOf(shown, matrix);
  const what = markedTitle(teaching, matrixTitle(shown, matrix));
  const title = `${what}, ${whatIf === undefined ? '' : `${whatIf}, `}${moment}`;
  const width = LEFT + SIDE + 24;
  const height = TOP + SIDE + LEGEND;
  const content = [
    label(title, 16, 28, { 'font-size': 16, 'font-weight': 600 }),
    documentPatterns(batch),
    element('g', { transform: `translate(${LEFT} ${TOP})` }, matrixMarks(marked, SIDE) + axisNames(pairs, 38)),
    element('g', { transform: `translate(${LEFT} ${TOP + SIDE + 16})` }, matrixLegend(matrix, marked)),
    label(caption, 16, height - 10, { fill: MUTED, 'font-size': 11 }),
  ];
  return picture(title, width, height, content.join(''));
}
