import type { MatrixDefinition, PairWords } from '../../../objectives/tables.ts';
import { matrixOf, type StepRecord } from '../../../run/record.ts';
import { documentMark, TEXTURE_PATHS } from '../../components/documentMarks.ts';
import { displayOrder, matrixName, type Order } from '../../state/display.ts';
import { mixOklab } from '../matrix/oklab.ts';
import { DOCUMENTS, HAIRLINE, INK, MUTED, PAPER, VALUE_HIGH, VALUE_LOW } from './palette.ts';
import { element, escaped, label, picture } from './svg.ts';

const SIDE = 480;
const LEFT = 64;
const TOP = 88;
const STRIP = 8;
const LEGEND = 56;
/** Values above which a ring is drawn in the colour of the paper. */
const DARK = 0.55;

/** A matrix of a step as a picture of its own, with what it is and of which run below. */
export function matrixPicture(
  record: StepRecord,
  { matrix, pairs, order }: { readonly matrix: MatrixDefinition; readonly pairs: PairWords; readonly order: Order },
  caption: string,
): string {
  const places = displayOrder(record.batch, order);
  const size = places.length;
  const pitch = SIDE / size;
  const gap = pitch > 24 ? 2 : 1;
  const values = matrixOf(record, matrix.key);
  const isEmpty = (row: number, column: number): boolean => row === column && pairs.diagonal === 'nothing';
  const colour = mixOklab(VALUE_LOW, VALUE_HIGH);
  const document = (place: number): number => record.batch.chunks[places[place] ?? 0]?.document ?? 0;
  const strip = (place: number): string => `url(#document-${document(place)})`;
  const every = pitch < 15 ? 2 : 1;
  const parts: string[] = [];
  for (let i = 0; i < size; i++) {
    const at = i * pitch;
    const middle = at + (pitch - gap) / 2;
    parts.push(
      element('rect', { x: at, y: -STRIP - 3, width: pitch - gap, height: STRIP, fill: strip(i) }),
      element('rect', { x: -STRIP - 3, y: at, width: STRIP, height: pitch - gap, fill: strip(i) }),
    );
    if (i % every !== 0) continue;
    const number = String(i + 1);
    parts.push(label(number, middle, -STRIP - 8, { fill: MUTED, 'text-anchor': 'middle' }));
    parts.push(label(number, -STRIP - 8, middle, { fill: MUTED, 'text-anchor': 'end', dy: '0.35em' }));
  }
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const value = values[(places[row] ?? 0) * size + (places[column] ?? 0)] ?? 0;
      const x = column * pitch;
      const y = row * pitch;
      const fill = colour(isEmpty(row, column) ? 0 : Math.min(1, Math.max(0, value)));
      parts.push(element('rect', { x, y, width: pitch - gap, height: pitch - gap, fill }));
      if (isEmpty(row, column)) {
        const slash = `M${x + 0.35 * pitch} ${y + 0.65 * pitch - gap}l${0.3 * pitch} ${-0.3 * pitch}`;
        parts.push(element('path', { d: slash, stroke: MUTED, 'stroke-opacity': 0.5 }));
      } else if (row !== column && document(row) === document(column)) {
        const inside = Math.max(0, pitch - 3 * gap - 2);
        const stroke = value > DARK ? PAPER : INK;
        parts.push(
          element('rect', { x: x + gap + 1, y: y + gap + 1, width: inside, height: inside, fill: 'none', stroke }),
        );
      }
    }
  }
  const name = `${matrixName(matrix)} ${matrix.formula}`;
  const width = LEFT + SIDE + 24;
  const height = TOP + SIDE + LEGEND;
  const content = [
    label(`${name}, at step ${record.metrics.step}`, 16, 28, { 'font-size': 16, 'font-weight': 600 }),
    label(`${pairs.column.axis} →`, LEFT, 52, { fill: MUTED }),
    element(
      'text',
      { transform: `translate(20 ${TOP}) rotate(-90)`, 'text-anchor': 'end', fill: MUTED },
      escaped(`← ${pairs.row.axis}`),
    ),
    element('defs', {}, [...new Set(record.batch.chunks.map((chunk) => chunk.document))].map(pattern).join('')),
    element('g', { transform: `translate(${LEFT} ${TOP})` }, parts.join('')),
    legend(matrix, LEFT, TOP + SIDE + 16),
    label(caption, 16, height - 10, { fill: MUTED, 'font-size': 11 }),
  ];
  return picture(`${name}, at step ${record.metrics.step}`, width, height, content.join(''));
}

/** The mark of a document: a hue and a texture, as on the page. */
function pattern(document: number): string {
  const { hue, texture } = documentMark(document);
  const tile = { id: `document-${document}`, width: 8, height: 8, patternUnits: 'userSpaceOnUse' };
  const lines = element('path', {
    d: TEXTURE_PATHS[texture] ?? '',
    fill: 'none',
    stroke: PAPER,
    'stroke-width': texture === 2 ? 2.6 : 1.6,
    'stroke-opacity': 0.7,
    'stroke-linecap': texture === 2 ? 'round' : 'butt',
  });
  return element('pattern', tile, element('rect', { width: 8, height: 8, fill: DOCUMENTS[hue] ?? INK }) + lines);
}

function legend({ isShare }: MatrixDefinition, x: number, y: number): string {
  const stops = Array.from({ length: 9 }, (_, i) => {
    const colour = mixOklab(VALUE_LOW, VALUE_HIGH)(i / 8);
    return element('stop', { offset: i / 8, 'stop-color': colour });
  });
  const ramp = element('linearGradient', { id: 'ramp' }, stops.join(''));
  return [
    element('defs', {}, ramp),
    label(isShare ? '0' : '≤ 0', x, y + 9, { 'text-anchor': 'start' }),
    element('rect', { x: x + 26, y, width: 120, height: 10, fill: 'url(#ramp)', stroke: HAIRLINE }),
    label('1', x + 152, y + 9),
    element('rect', { x: x + 184, y: y - 1, width: 12, height: 12, rx: 2, fill: 'none', stroke: INK }),
    label('same document', x + 202, y + 9),
  ].join('');
}
