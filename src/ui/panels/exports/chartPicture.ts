import { line, scaleLinear } from 'd3';
import { roundUp, spread, thin } from '../charts/geometry.ts';
import { runCharts, type RunChart } from '../charts/runCharts.ts';
import type { Series } from '../charts/series.ts';
import { verticalScale, verticalTicks } from '../charts/verticalScale.ts';
import { compact, decimal } from '../../components/format.ts';
import type { History } from '../../state/history/history.ts';
import { ACCENT, ALONE, HAIRLINE, INK, MUTED } from './palette.ts';
import { element, escaped, label, picture } from './svg.ts';

const WIDTH = 440;
const HEIGHT = 200;
const LEFT = 48;
const RIGHT = 120;
const TOP = 40;
const BOTTOM = HEIGHT - 32;
const COLUMNS = 2;
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
    const x = (i % COLUMNS) * WIDTH;
    const y = Math.floor(i / COLUMNS) * HEIGHT + 8;
    return element('g', { transform: `translate(${x} ${y})` }, drawn(chart, history.lastStep, `plot-${i}`));
  });
  const height = rows * HEIGHT + 40;
  const said = label(caption, 16, height - 12, { fill: MUTED, 'font-size': 11 });
  return picture('Charts of a run', COLUMNS * WIDTH, height, content.join('') + said);
}

function drawn(chart: RunChart, last: number, id: string): string {
  const { title, fullUnit, series, references = [], logarithmic = false } = chart;
  const right = WIDTH - RIGHT;
  const x = scaleLinear([0, roundUp(Math.max(last, 1))], [LEFT, right]);
  const lines = series.map((one) => ({ ...one, points: thin(one.xs, one.ys, (right - LEFT) / 1.5) }));
  const values = lines.flatMap(({ points }) => points.map((point) => point.y));
  const y = verticalScale(values, BOTTOM, TOP, chart);
  const path = line<{ x: number; y: number }>(
    (point) => x(point.x),
    (point) => y(point.y),
  );
  const ends = [
    ...lines.flatMap(({ label: name, tone, points }) => {
      const end = points.at(-1);
      return end ? [{ name, colour: tone === 'faint' ? MUTED : STROKES[tone], value: end.y, y: y(end.y) }] : [];
    }),
    ...references.map((one) => ({ name: one.label, colour: MUTED, value: one.value, y: y(one.value) })),
  ];
  const heights = spread(
    ends.map((end) => end.y),
    14,
    TOP,
    BOTTOM,
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
        label(compact(tick), x(tick), BOTTOM + 16, { 'text-anchor': 'middle', fill: MUTED, 'font-size': 11 }),
      ),
    label('step', right, BOTTOM + 28, { 'text-anchor': 'end', fill: MUTED, 'font-size': 11 }),
    ...references.map(({ value }) =>
      element('line', { x1: LEFT, x2: right, y1: y(value), y2: y(value), stroke: MUTED, 'stroke-dasharray': '2 3' }),
    ),
    // A steep beginning leaves the top of its chart.
    element(
      'clipPath',
      { id },
      element('rect', { x: LEFT, y: TOP - 2, width: right - LEFT, height: BOTTOM - TOP + 4 }),
    ),
    element('g', { 'clip-path': `url(#${id})` }, lines.map((one) => stroke(one, path(one.points) ?? '')).join('')),
    ...ends.map((end, i) =>
      label(`${end.name} ${(end.value >= 1000 ? compact : decimal)(end.value)}`, right + 8, heights[i] ?? 0, {
        dy: '0.35em',
        fill: end.colour,
      }),
    ),
  ].join('');
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
