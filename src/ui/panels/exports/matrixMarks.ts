import type { MatrixDefinition, PairWords } from '../../../objectives/tables.ts';
import type { BatchView } from '../../../run/record.ts';
import { documentMark, TEXTURE_PATHS } from '../../components/documentMarks.ts';
import { decimal } from '../../components/format.ts';
import { FRAMES, pairsOf, type Frame } from '../../state/pairs.ts';
import type { Teaching } from '../../state/teaching.ts';
import { mixOklab } from '../matrix/oklab.ts';
import { arrows, squaresBelow, type Cells } from '../matrix/teachingMarks.ts';
import { DOCUMENTS, HAIRLINE, INK, MUTED, PAPER, VALUE_BELOW, VALUE_HIGH, VALUE_LOW } from './palette.ts';
import { element, escaped, label } from './svg.ts';

const STRIP = 8;
/** Values above which a ring is drawn in the colour of the paper. */
const DARK = 0.55;

/** What a picture is called: what its cells show, which is what teaches where that stands in place of their values. */
export function markedTitle(teaching: Teaching | undefined, matrix: string): string {
  if (!teaching) return matrix;
  return `${teaching.savings ? 'What reading saved, nats per token' : matrix}; ▲▼ where similarity goes`;
}

/** What the cells of a matrix are drawn from. */
export interface MarkedMatrix {
  readonly batch: BatchView;
  /** Row-major [B, B], with the chunks of the batch in their own order. */
  readonly values: readonly number[];
  /** Chunks in the order of the axes. */
  readonly places: readonly number[];
  readonly pairs: PairWords;
  /** Which pairs are framed; left out, those of one document. */
  readonly frames?: Readonly<Record<Frame, boolean>> | undefined;
  /** What the batch teaches: shown in place of the values. */
  readonly teaching?: Teaching | undefined;
}

const DOCUMENTS_ONLY: Readonly<Record<Frame, boolean>> = { document: true, wording: false };

/**
 * The cells of a matrix on a square of `side`, its left upper corner at (0, 0): strips and numbers of the chunks stand left of it and
 * above, in the size of type of what it is put into, with the names of the axes beyond them. Needs `documentPatterns`.
 */
export function matrixMarks(marked: MarkedMatrix, side: number): string {
  const { batch, values, places, pairs, frames = DOCUMENTS_ONLY, teaching } = marked;
  const size = places.length;
  const pitch = side / size;
  const gap = pitch > 24 ? 2 : 1;
  const isEmpty = (row: number, column: number): boolean => row === column && pairs.diagonal === 'nothing';
  const above = mixOklab(VALUE_LOW, VALUE_HIGH);
  const below = mixOklab(VALUE_LOW, VALUE_BELOW);
  const inOrder = (cells: readonly number[], largest: number): number[] =>
    places.flatMap((row) => places.map((column) => (cells[row * size + column] ?? 0) / (largest || 1)));
  const savings = teaching?.savings && inOrder(teaching.savings, teaching.largestSaving);
  const filled = savings ?? inOrder(values, 1);
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
      const value = filled[row * size + column] ?? 0;
      const x = column * pitch;
      const y = row * pitch;
      // Values without a sign are drawn from 0 on, whatever they are.
      const fill =
        value < 0 && savings
          ? below(Math.min(1, -value))
          : above(isEmpty(row, column) ? 0 : Math.min(1, Math.max(0, value)));
      parts.push(element('rect', { x, y, width: pitch - gap, height: pitch - gap, fill }));
      if (isEmpty(row, column)) {
        const slash = `M${x + 0.35 * pitch} ${y + 0.65 * pitch - gap}l${0.3 * pitch} ${-0.3 * pitch}`;
        parts.push(element('path', { d: slash, stroke: MUTED, 'stroke-opacity': 0.5 }));
      }
    }
  }
  if (teaching)
    parts.push(...teachingMarks(savings, inOrder(teaching.pulls, teaching.largestPull), { size, pitch, gap }));
  const inside = Math.max(0, pitch - 3 * gap - 2);
  for (const { frame } of FRAMES) {
    if (!frames[frame]) continue;
    for (const { row, column } of pairsOf(frame, batch, places)) {
      const stroke = Math.abs(filled[row * size + column] ?? 0) > DARK ? PAPER : INK;
      const at = { x: column * pitch + gap + 1, y: row * pitch + gap + 1, width: inside, height: inside };
      parts.push(element('rect', { ...at, fill: 'none', stroke, ...DASHES[frame] }));
    }
  }
  return parts.join('');
}

/** Frames are told apart without colour. */
const DASHES: Readonly<Record<Frame, Readonly<Record<string, string>>>> = {
  document: {},
  wording: { 'stroke-dasharray': '3 3' },
};

/** Hatches over what hurt, and arrows to where similarity goes. */
function teachingMarks(savings: readonly number[] | undefined, pulls: readonly number[], cells: Cells): string[] {
  const hatch = element('path', {
    d: 'M-1 1l2 -2M0 5l5 -5M4 6l2 -2',
    fill: 'none',
    stroke: PAPER,
    'stroke-width': 1.1,
  });
  const tile = { id: 'hurt', width: 5, height: 5, patternUnits: 'userSpaceOnUse' };
  const arrow = { fill: INK, stroke: PAPER, 'stroke-width': 2, 'stroke-linejoin': 'round', 'paint-order': 'stroke' };
  return [
    ...(savings
      ? [
          element('defs', {}, element('pattern', tile, hatch)),
          element('path', { d: squaresBelow({ ...cells, values: savings }), fill: 'url(#hurt)' }),
        ]
      : []),
    ...([1, -1] as const).map((sign) => element('path', { d: arrows({ ...cells, values: pulls }, sign), ...arrow })),
  ];
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
export function matrixLegend(
  { isShare }: MatrixDefinition,
  { frames = DOCUMENTS_ONLY, teaching }: Pick<MarkedMatrix, 'frames' | 'teaching'> = {},
): string {
  const largest = teaching?.savings && decimal(teaching.largestSaving);
  const stops = Array.from({ length: 9 }, (_, i) => {
    const at = largest === undefined ? i / 8 : i / 4 - 1;
    const colour = mixOklab(VALUE_LOW, at < 0 ? VALUE_BELOW : VALUE_HIGH)(Math.abs(at));
    return element('stop', { offset: i / 8, 'stop-color': colour });
  });
  const ramp = element('linearGradient', { id: 'ramp' }, stops.join(''));
  const [low, high] = largest === undefined ? [isShare ? '0' : '≤ 0', '1'] : [`−${largest}`, `+${largest}`];
  const start = largest === undefined ? 26 : 48;
  const shown = FRAMES.filter(({ frame }) => frames[frame]);
  return [
    element('defs', {}, ramp),
    label(low, 0, 9, { 'text-anchor': 'start' }),
    element('rect', { x: start, y: 0, width: 120, height: 10, fill: 'url(#ramp)', stroke: HAIRLINE }),
    label(high, start + 126, 9),
    ...shown.flatMap(({ frame, label: name }, i) => {
      const x = start + 158 + 116 * i + (largest === undefined ? 0 : 16);
      const box = { x, y: -1, width: 12, height: 12, rx: frame === 'document' ? 2 : 0, fill: 'none', stroke: INK };
      return [element('rect', { ...box, ...DASHES[frame] }), label(name, x + 18, 9)];
    }),
  ].join('');
}
