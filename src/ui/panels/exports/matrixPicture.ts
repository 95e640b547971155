import type { MatrixDefinition, PairWords } from '../../../objectives/tables.ts';
import { matrixOf, type Picture } from '../../../run/record.ts';
import { displayOrder, type Order } from '../../state/display.ts';
import { matrixTitle, whatIfOf } from '../../state/whatIf/instead.ts';
import { axisNames, documentPatterns, matrixLegend, matrixMarks } from './matrixMarks.ts';
import { MUTED } from './palette.ts';
import { element, label, picture } from './svg.ts';

const SIDE = 480;
const LEFT = 64;
const TOP = 88;
const LEGEND = 56;

/** A matrix of a step as a picture of its own, with what it is and of which run below. */
export function matrixPicture(
  shown: Picture,
  { matrix, pairs, order }: { readonly matrix: MatrixDefinition; readonly pairs: PairWords; readonly order: Order },
  caption: string,
): string {
  const { batch } = shown;
  const marked = { batch, values: matrixOf(shown, matrix.key), places: displayOrder(batch, order), pairs };
  const whatIf = whatIfOf(shown, matrix);
  const title = `${matrixTitle(shown, matrix)}, ${whatIf === undefined ? '' : `${whatIf}, `}at step ${shown.metrics.step}`;
  const width = LEFT + SIDE + 24;
  const height = TOP + SIDE + LEGEND;
  const content = [
    label(title, 16, 28, { 'font-size': 16, 'font-weight': 600 }),
    documentPatterns(batch),
    element('g', { transform: `translate(${LEFT} ${TOP})` }, matrixMarks(marked, SIDE) + axisNames(pairs, 38)),
    element('g', { transform: `translate(${LEFT} ${TOP + SIDE + 16})` }, matrixLegend(matrix)),
    label(caption, 16, height - 10, { fill: MUTED, 'font-size': 11 }),
  ];
  return picture(title, width, height, content.join(''));
}
