import { line, scaleLinear } from 'd3';
import { roundUp, spread, thin } from '../charts/geometry.ts';
import { runCharts, type RunChart } from '../charts/runCharts.ts';
import { valueAt, type Series } from '../charts/series.ts';
import { verticalScale, verticalTicks } from '../charts/verticalScale.ts';
import { compact, decimal } from '../../components/format.ts';
import type { History } from '../../state/history/history.ts';
import { ACCENT, ALONE, HAIRLINE, INK, MUTED } from './palette.ts';
import { element, escaped, label, picture } from './svg.ts';

/** A chart among others, with its labels. */
const SIZE = { width: 440, height: 200 };
const LEFT = 48;
const RIGHT = 120;
const TOP = 40;
const UNDER = 32;
const COLUMNS = 2;
/** How visible is what came after the step looked at. */
const FUTURE = 0.25;
const STROKES: Readonly<Record<Series['tone'], string>> = {
  accent: ACCENT,
  alone: ALONE,
  strong: INK,
  faint: HAIRLINE,
};

/** The charts of a run as one picture. */
export function chartsPicture(history: History, chunks: number, caption: string): string {
  const charts = runCharts({ history, chunks, step: history.lastStep });
  const rows = Math.ceil(charts.length / COLUMNS);
  const content = charts.map((chart, i) => {
    const x = (i % COLUMNS) * SIZE.width;
    const y = Math.floor(i / COLUMNS) * SIZE.height + 8;
    const marks = chartMarks(chart, { ...SIZE, last: history.lastStep, id: `plot-${i}` });
    return element('g', { transform: `translate(${x} ${y})` }, marks);
  });
  const height = rows * SIZE.height + 40;
  const said = label(caption, 16, height - 12, { fill: MUTED, 'font-size': 11 });
  return picture('Charts of a run', COLUMNS * SIZE.width, height, content.join('') + said);
}

interface ChartFrame {
  readonly width: number;
  readonly height: number;
  /** Last step of the run. */
  readonly last: number;
  /** Not that of another chart in the same picture. */
  readonly id: string;
  /** The step that is looked at: it is marked, what came later is faint, and the labels say what was then. */
  readonly at?: number;
}

/** A chart of a run, its left upper corner at (0, 0). */
export function chartMarks(chart: RunChart, { width, height, last, id, at }: ChartFrame): string {
  const { title, fullUnit, series, references = [], logarithmic = false } = chart;
  const right = width - RIGHT;
  const bottom = height - UNDER;
  const x = scaleLinear([0, roundUp(Math.max(last, 1))], [LEFT, right]);
  const lines = series.map((one) => ({ ...one, points: thin(one.xs, one.ys, (right - LEFT) / 1.5) }));
  const values = lines.flatMap(({ points }) => points.map((point) => point.y));
  const y = verticalScale(values, bottom, TOP, chart);
  const path = line<{ x: number; y: number }>(
    (point) => x(point.x),
    (point) => y(point.y),
  );
  const ends = [
    ...lines.flatMap((one) => {
      const { label: name, tone, points } = one;
      const end = points.at(-1);
      const value = at === undefined ? end?.y : valueAt(one, at);
      const colour = tone === 'faint' ? MUTED : STROKES[tone];
      return end && value !== undefined ? [{ name, colour, value, y: y(end.y) }] : [];
    }),
    ...references.map((one) => ({
      name: one.short ?? one.label,
      colour: one.tone ? STROKES[one.tone] : MUTED,
      value: one.value,
      y: y(one.value),
    })),
  ];
  const strokes = lines
    .map((one) => {
      const [only] = one.points;
      if (!only || one.points.length > 1) return stroke(one, path(one.points) ?? '');
      // A line through one point is none.
      return element('circle', { cx: x(only.x), cy: y(only.y), r: 2.5, fill: STROKES[one.tone] });
    })
    .join('');
  const upTo = (present: number): string =>
    [
      clipPath(`${id}-past`, { x: 0, y: 0, width: Math.max(0, present), height }),
      element('g', { opacity: FUTURE }, strokes),
      element('g', { 'clip-path': `url(#${id}-past)` }, strokes),
      element('line', { x1: present, x2: present, y1: TOP, y2: bottom, stroke: INK, 'stroke-opacity': 0.6 }),
    ].join('');
  const heights = spread(
    ends.map((end) => end.y),
    14,
    TOP,
    bottom,
  );
  return [
    element(
      'text',
      { x: LEFT, y: 20 },
      element('tspan', { 'font-weight': 600 }, escaped(title)) +
        element('tspan', { dx: 8, fill: MUTED }, escaped(fullUnit)),
    ),
    ...verticalTicks(y, logarithmic, false).flatMap((tick) => [
      element('line', { x1: LEFT, x2: right, y1: y(tick), y2: y(tick), stroke: HAIRLINE }),
      label(compact(tick), LEFT - 6, y(tick), { dy: '0.35em', 'text-anchor': 'end', fill: MUTED, 'font-size': 11 }),
    ]),
    ...x
      .ticks(4)
      .filter(Number.isInteger)
      .map((tick) =>
        label(compact(tick), x(tick), bottom + 16, { 'text-anchor': 'middle', fill: MUTED, 'font-size': 11 }),
      ),
    label('step', right, bottom + 28, { 'text-anchor': 'end', fill: MUTED, 'font-size': 11 }),
    ...references.map(({ value }) =>
      element('line', { x1: LEFT, x2: right, y1: y(value), y2: y(value), stroke: MUTED, 'stroke-dasharray': '2 3' }),
    ),
    // A steep beginning leaves the top of its chart.
    clipPath(id, { x: LEFT, y: TOP - 2, width: right - LEFT, height: bottom - TOP + 4 }),
    element('g', { 'clip-path': `url(#${id})` }, at === undefined ? strokes : upTo(x(at))),
    ...ends.map((end, i) =>
      label(`${end.name} ${(end.value >= 1000 ? compact : decimal)(end.value)}`, right + 8, heights[i] ?? 0, {
        dy: '0.35em',
        fill: end.colour,
      }),
    ),
  ].join('');
}

function clipPath(id: string, box: Readonly<Record<'x' | 'y' | 'width' | 'height', number>>): string {
  return element('clipPath', { id }, element('rect', box));
}

function stroke({ tone, dashed = false }: Series, d: string): string {
  const isFaint = tone === 'faint';
  return element('path', {
    d,
    fill: 'none',
    stroke: isFaint ? MUTED : STROKES[tone],
    'stroke-width': isFaint ? 0.75 : 1.75,
    'stroke-opacity': isFaint ? 0.5 : 1,
    'stroke-linejoin': 'round',
    ...(dashed ? { 'stroke-dasharray': '4 3' } : {}),
  });
}
