import { area, line, scaleLinear } from 'd3';
import { flopsText } from '../flops.ts';
import type { Budget } from './definition.ts';
import type { ComparisonState } from './state.ts';
import { meanCurves } from './summary.ts';

const SIZE = { width: 860, height: 460, left: 64, right: 210, top: 48, bottom: 52 } as const;
/** Okabe and Ito's colours, told apart by colour-blind readers too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8a7a00'] as const;
const DASHES = ['', '6 3', '2 3', '8 3 2 3'] as const;
const AXES: Readonly<Record<Budget, string>> = {
  steps: 'steps',
  flops: 'operations (by the ops’ own counts)',
  chunks: 'chunks trained on',
  seconds: 'seconds of training',
};

/** A chart as SVG: the score of each that is compared, mean and standard deviation over seeds, by what was spent. */
export function comparisonSvg(state: ComparisonState, axis: Budget): string {
  const curves = meanCurves(state);
  const { score, title } = state.definition;
  const beside = Object.entries(state.beside).flatMap(([name, means]) => {
    const value = means[score];
    return value === undefined ? [] : [{ name, value }];
  });
  const all = curves.flatMap(({ points }) => points);
  const highest = Math.max(
    0.1,
    ...beside.map(({ value }) => value),
    ...all.map(({ score: s }) => s.mean + (s.sd ?? 0)),
  );
  const x = scaleLinear(
    [0, Math.max(1e-9, ...all.map(({ spent }) => spent[axis]))],
    [SIZE.left, SIZE.width - SIZE.right],
  );
  const y = scaleLinear([0, Math.min(1, highest)], [SIZE.height - SIZE.bottom, SIZE.top]).nice();
  const text = (at: readonly [number, number], content: string, more = ''): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${escaped(content)}</text>`;
  const ticks = [
    ...y
      .ticks(5)
      .map(
        (value) =>
          `<line x1="${SIZE.left}" x2="${SIZE.width - SIZE.right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#ddd"/>` +
          text([SIZE.left - 8, y(value) + 4], String(value), 'text-anchor="end"'),
      ),
    ...x
      .ticks(5)
      .map((value) =>
        text(
          [x(value), SIZE.height - SIZE.bottom + 20],
          axis === 'flops' ? flopsText(value) : String(value),
          'text-anchor="middle"',
        ),
      ),
  ];
  const right = SIZE.width - SIZE.right;
  const lines = curves.map(({ contender, points }, i) => {
    const colour = COLOURS[i % COLOURS.length] ?? '#000';
    const dash = DASHES[Math.floor(i / COLOURS.length) % DASHES.length] ?? '';
    const band = area<(typeof points)[number]>(
      ({ spent }) => x(spent[axis]),
      ({ score: { mean, sd = 0 } }) => y(Math.max(0, mean - sd)),
      ({ score: { mean, sd = 0 } }) => y(Math.min(1, mean + sd)),
    );
    const mean = line<(typeof points)[number]>(
      ({ spent }) => x(spent[axis]),
      ({ score: s }) => y(s.mean),
    );
    const place = SIZE.top + 8 + 18 * i;
    return (
      `<path d="${band([...points]) ?? ''}" fill="${colour}" opacity="0.13"/>` +
      `<path d="${mean([...points]) ?? ''}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>` +
      `<line x1="${right + 14}" x2="${right + 36}" y1="${place}" y2="${place}" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>` +
      text([right + 42, place + 4], contender)
    );
  });
  const others = beside.map(
    ({ name, value }) =>
      `<line x1="${SIZE.left}" x2="${right}" y1="${y(value).toFixed(1)}" y2="${y(value).toFixed(1)}" stroke="#555" stroke-dasharray="3 3"/>` +
      text([right + 4, y(value) - 4], name, 'fill="#555"'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE.width} ${SIZE.height}" font-family="system-ui, sans-serif" font-size="12" fill="#222" role="img">`,
    `<title>${escaped(`${title}: ${score} by ${AXES[axis]}`)}</title>`,
    `<rect width="${SIZE.width}" height="${SIZE.height}" fill="#fff"/>`,
    text([SIZE.left, 22], title, 'font-size="15" font-weight="600"'),
    text([SIZE.left, 39], `${score}, mean and standard deviation over ${state.definition.seeds.length} seeds`),
    ...ticks,
    text([(SIZE.left + right) / 2, SIZE.height - 12], AXES[axis], 'text-anchor="middle"'),
    ...others,
    ...lines,
    '</svg>\n',
  ].join('\n');
}

function escaped(content: string): string {
  return content.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
