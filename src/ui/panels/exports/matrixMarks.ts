import type { MatrixDefinition, PairWords } from '../../../objectives/tables.ts';
import type { BatchView } from '../../../run/record.ts';
import { documentMark, TEXTURE_PATHS } from '../../components/documentMarks.ts';
import { mixOklab } from '../matrix/oklab.ts';
import { DOCUMENTS, HAIRLINE, INK, MUTED, PAPER, VALUE_HIGH, VALUE_LOW } from './palette.ts';
import { element, escaped, label } from './svg.ts';

const STRIP = 8;
/** Values above which a ring is drawn in the colour of the paper. */
const DARK = 0.55;

/** What the cells of a matrix are drawn from. */
export interface MarkedMatrix {
  readonly batch: BatchView;
  /** Row-major [B, B], with the chunks of the batch in their own order. */
  readonly values: readonly number[];
  /** Chunks in the order of the axes. */
  readonly places: readonly number[];
  readonly pairs: PairWords;
}

/**
 * The cells of a matrix on a square of `side`, its left upper corner at (0, 0): strips and numbers of the chunks stand left of it and
 * above, in the size of type of what it is put into, with the names of the axes beyond them. Needs `documentPatterns`.
 */
export function matrixMarks({ batch, values, places, pairs }: MarkedMatrix, side: number): string {
  const size = places.length;
  const pitch = side / size;
  const gap = pitch > 24 ? 2 : 1;
  const isEmpty = (row: number, column: number): boolean => row === column && pairs.diagonal === 'nothing';
  const colour = mixOklab(VALUE_LOW, VALUE_HIGH);
  const document = (place: number): number => batch.chunks[places[place] ?? 0]?.document ?? 0;
  const every = pitch < 15 ? 2 : 1;
  const parts: string[] = [];
  for (let i = 0; i < size; i++) {
    const at = i * pitch;
    const middle = at + (pitch - gap) / 2;
    const fill = documentPaint(document(i));
    parts.push(
      element('rect', { x: at, y: -STRIP - 3, width: pitch - gap, height: STRIP, fill }),
      element('rect', { x: -STRIP - 3, y: at, width: STRIP, height: pitch - gap, fill }),
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
  return parts.join('');
}

/** The names of both axes, `away` from the square whose corner is at (0, 0). */
export function axisNames({ column, row }: PairWords, away: number): string {
  const down = { transform: `translate(${-away} 0) rotate(-90)`, 'text-anchor': 'end', fill: MUTED };
  return label(`${column.axis} →`, 0, -away, { fill: MUTED }) + element('text', down, escaped(`← ${row.axis}`));
}

/** The paint of a document's mark. */
export function documentPaint(document: number): string {
  return `url(#document-${document})`;
}

/** The marks of a batch's documents: a hue and a texture each, as on the page. */
export function documentPatterns({ chunks }: BatchView): string {
  return element('defs', {}, [...new Set(chunks.map(({ document }) => document))].map(pattern).join(''));
}

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

/** What the colours and rings mean, in a line whose left upper corner is at (0, 0). */
export function matrixLegend({ isShare }: MatrixDefinition): string {
  const stops = Array.from({ length: 9 }, (_, i) => {
    const colour = mixOklab(VALUE_LOW, VALUE_HIGH)(i / 8);
    return element('stop', { offset: i / 8, 'stop-color': colour });
  });
  const ramp = element('linearGradient', { id: 'ramp' }, stops.join(''));
  return [
    element('defs', {}, ramp),
    label(isShare ? '0' : '≤ 0', 0, 9, { 'text-anchor': 'start' }),
    element('rect', { x: 26, y: 0, width: 120, height: 10, fill: 'url(#ramp)', stroke: HAIRLINE }),
    label('1', 152, 9),
    element('rect', { x: 184, y: -1, width: 12, height: 12, rx: 2, fill: 'none', stroke: INK }),
    label('same document', 202, 9),
  ].join('');
}
