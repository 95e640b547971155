import type { MatrixDefinition } from '../../../objectives/tables.ts';
import type { RunChart } from '../charts/runCharts.ts';
import { chartMarks } from './chartPicture.ts';
import {
  axisNames,
  documentPaint,
  documentPatterns,
  matrixLegend,
  matrixMarks,
  type MarkedMatrix,
} from './matrixMarks.ts';
import { INK, MUTED } from './palette.ts';
import { element, label, picture } from './svg.ts';
import { textWidth, wrapped } from './textWidth.ts';

/** What a slide shows, all of one step. */
export interface Slide extends MarkedMatrix {
  readonly matrix: MatrixDefinition;
  /** What it is, and how its cells were made: "Attention A = softmax(S / τ)". */
  readonly what: string;
  readonly step: number;
  /** What stands in place of the matrix and the step. */
  readonly title?: string;
  /** What the picture shows, in words. */
  readonly sentence: string;
  /** Whose batch is shown, with which weights: "Held-out batch, after 312 updates". */
  readonly subject: string;
  /** What is drawn in place of what was computed: "what if τ were 0.02". */
  readonly lens?: string | undefined;
  /** Which run it is, and what it is made from. */
  readonly run: readonly string[];
  /** The curve beside the matrix, and the last step of the run. */
  readonly chart: RunChart;
  readonly last: number;
}

/** In units of the drawing: 16:9, as slides are. */
export const SLIDE = { width: 1600, height: 900 } as const;
/** 1200 : 630, as previews of links are. */
export const CARD = { width: 1600, height: 840 } as const;

const MARGIN = 56;
const TOP = 232;
const LEFT = MARGIN + 56;
/** Where texts and curve begin. */
const BESIDE = 736;
const FOOT = 100;
/** The curve's room for the numbers of its axis: they stand left of the texts. */
const LEFT_OF_CHART = 16;
/** How much larger the curve is than among others. */
const ENLARGED = 1.5;

/** The matrix with the texts of its chunks and a curve, as one picture that can be read from the back of a room. */
export function slidePicture(slide: Slide, { width, height }: typeof SLIDE | typeof CARD = SLIDE): string {
  const { matrix, step, lens, pairs } = slide;
  const side = height - TOP - FOOT;
  const right = width - MARGIN;
  const title = slide.title ?? `${slide.what}, step ${step}${lens === undefined ? '' : ` · ${lens}`}`;
  const room = width - 2 * MARGIN;
  // The step stands at its end. A little less than all of the room: sums of widths are rounded.
  const large = Math.max(30, Math.min(40, Math.floor((0.999 * room) / textWidth(title, 1))));
  const said = wrapped(slide.sentence, 26, room, 2);
  const chartHeight = Math.round(0.44 * side);
  const textsHeight = side - chartHeight - 16;
  const content = [
    documentPatterns(slide.batch),
    label(wrapped(title, large, room, 1)[0] ?? '', MARGIN, 72, { 'font-size': large, 'font-weight': 600 }),
    ...said.map((one, i) => label(one, MARGIN, 120 + 34 * i, { 'font-size': 26 })),
    element(
      'g',
      { transform: `translate(${LEFT} ${TOP})`, 'font-size': 18 },
      matrixMarks(slide, side) + axisNames(pairs, 44),
    ),
    element('g', { transform: `translate(${LEFT} ${TOP + side + 14}) scale(1.4)` }, matrixLegend(matrix, slide)),
    element('g', { transform: `translate(${BESIDE} ${TOP})` }, texts(slide, right - BESIDE, textsHeight)),
    element(
      'g',
      { transform: `translate(${BESIDE - LEFT_OF_CHART * ENLARGED} ${TOP + side - chartHeight}) scale(${ENLARGED})` },
      chartMarks(slide.chart, {
        width: (right - BESIDE) / ENLARGED + LEFT_OF_CHART,
        height: chartHeight / ENLARGED,
        last: slide.last,
        at: step,
        id: 'curve',
      }),
    ),
    ...footer(slide).map((one, i) =>
      label(wrapped(one, 17, room, 1)[0] ?? '', MARGIN, height - 42 + 24 * i, {
        fill: MUTED,
        'font-size': 17,
      }),
    ),
  ];
  return picture(title, width, height, content.join(''));
}

function footer({ subject, lens, run }: Slide): string[] {
  const shown = lens === undefined ? subject : `${subject} · ${lens}, not what the run had`;
  return [`Shown: ${shown}`, run.join(' · ')];
}

/** Most chunks under each other in one column. */
const COLUMN = 16;

/** Smallest type of a text that is cut rather than broken. */
const SMALLEST = 12;

/** Texts of all chunks with their numbers and marks, in one size of type: on one line each where they fit, else on two smaller ones. */
function texts({ batch, places }: Slide, width: number, height: number): string {
  const columns = places.length > COLUMN ? 2 : 1;
  const rows = Math.ceil(places.length / columns);
  const pitch = Math.min(44, height / rows);
  const across = width / columns;
  const indent = 58;
  const room = across - indent - 16;
  const chunks = places.map((chunk) => batch.chunks[chunk] ?? { text: '', document: 0 });
  const widest = Math.max(...chunks.map(({ text }) => textWidth(text, 1)), 1);
  const large = Math.max(SMALLEST, Math.min(20, 0.62 * pitch));
  const small = Math.max(SMALLEST, Math.min(0.8 * large, pitch / 2.6));
  const fits = room / widest >= small;
  // A little less than all of the room: sums of widths are rounded.
  const size = fits ? Math.min(large, (0.999 * room) / widest) : small;
  const most = pitch >= 2.3 * size ? 2 : 1;
  return chunks
    .map(({ text, document }, place) => {
      const x = Math.floor(place / rows) * across;
      const y = (place % rows) * pitch;
      const lines = wrapped(text, size, room, fits ? 1 : most);
      const middle = y + pitch / 2 - 2;
      const first = middle - 0.575 * size * (lines.length - 1);
      const number = { 'text-anchor': 'end', 'font-size': large, dy: '0.35em', fill: MUTED };
      return [
        label(String(place + 1), x + 24, middle, number),
        element('rect', { x: x + 34, y: y + 2, width: 12, height: pitch - 8, fill: documentPaint(document) }),
        ...lines.map((one, i) =>
          label(one, x + indent, first + 1.15 * size * i, { 'font-size': size, dy: '0.35em', fill: INK }),
        ),
      ].join('');
    })
    .join('');
}
