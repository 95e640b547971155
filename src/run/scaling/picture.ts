import { scaleLog } from 'd3';
import {
  AXIS_WORDS,
  AXES,
  exponentText,
  QUANTITIES,
  QUANTITY_UNITS,
  QUANTITY_WORDS,
  type Axis,
  type Quantity,
  type ScalingCurve,
  type ScalingReport,
} from './report.ts';

/** Colours of a drawing. */
export interface ScalingPaint {
  readonly ink: string;
  readonly muted: string;
  readonly hairline: string;
  readonly accent: string;
  /** Behind all of it; left out, what the drawing is put on shows through. */
  readonly paper?: string;
}

/** The light theme's (ui/styles/theme.css), for drawings that leave the page. */
export const PRINTED: ScalingPaint = {
  ink: '#1b1d21',
  muted: '#5b5f67',
  hairline: '#e3e0d8',
  accent: '#4340ae',
  paper: '#fcfbf8',
};

/** Size of one panel, with its names. */
const PANEL = { width: 312, height: 250 } as const;
const ROOM = { left: 54, right: 12, top: 44, bottom: 34 } as const;
const LINE = 15;
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";

/** Marks that are told apart without colour: in the order of the methods. */
const MARKS = ['circle', 'square', 'triangle', 'diamond'] as const;
const DASHES = ['', '6 3', '2 3', '8 3 2 3'] as const;

/** The axes of a report on which anything was measured. */
function axesOf({ curves }: ScalingReport): Axis[] {
  return AXES.filter((axis) => curves.some((one) => one.axis === axis && one.points.length > 0));
}

/**
 * A report as one SVG: a panel for each quantity along each axis, both logarithmic, with the measured points, the power laws through
 * them and their exponents, and, dotted from a curve's first point, what is claimed of it. `columns`: panels beside each other.
 */
export function scalingPicture(report: ScalingReport, paint: ScalingPaint = PRINTED, columns = 3): string {
  const panels = axesOf(report).flatMap((axis) => QUANTITIES.map((quantity) => ({ axis, quantity })));
  const methods = [...new Set(report.curves.map(({ method }) => method))];
  const labels = methods.map((id) => report.curves.find(({ method }) => method === id)?.label ?? id);
  const across = Math.max(1, Math.min(columns, panels.length));
  const width = across * PANEL.width;
  const head = 26 + LINE * (labels.length + 1);
  const rowHeight = PANEL.height + LINE * methods.length;
  const height = head + Math.max(1, Math.ceil(panels.length / across)) * rowHeight;
  const keys = labels.map((label, i) => {
    const y = 20 + LINE * i;
    const tone = toneOf(i, paint);
    return `<path d="M8 ${y}h28" stroke="${tone}" stroke-width="1.75"${dashes(i)}/>${mark(i, 22, y, tone)}${text(label, 44, y, { fill: paint.ink, dy: '0.35em' })}`;
  });
  const dotted = 20 + LINE * labels.length;
  const claimKey = `<path d="M8 ${dotted}h28" stroke="${paint.muted}" stroke-dasharray="1 3"/>${text('claimed for it', 44, dotted, { fill: paint.muted, dy: '0.35em' })}`;
  const drawn = panels.map(({ axis, quantity }, i) => {
    const at = `translate(${(i % across) * PANEL.width} ${head + Math.floor(i / across) * rowHeight})`;
    return `<g transform="${at}">${panel(report, axis, quantity, methods, paint)}</g>`;
  });
  const where = `Training steps on ${report.device}${report.software ? ' (software: no GPU)' : ''}`;
  const paper = paint.paper === undefined ? '' : `<rect width="${width}" height="${height}" fill="${paint.paper}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONT}" font-size="12" fill="${paint.ink}" role="img"><title>${escaped(where)}</title>${paper}<g fill="none">${keys.join('')}${claimKey}</g>${drawn.join('')}</svg>`;
}

function panel(
  report: ScalingReport,
  axis: Axis,
  quantity: Quantity,
  methods: readonly string[],
  paint: ScalingPaint,
): string {
  const curves = report.curves.filter((one) => one.axis === axis && one.points.length > 0);
  const unit = QUANTITY_UNITS[quantity];
  const of = (curve: ScalingCurve): [number, number][] =>
    curve.points.map((point) => [point.value, point[quantity] / unit]);
  const values = curves.flatMap(of);
  const xs = values.map(([x]) => x);
  const ys = values.map(([, y]) => y);
  const x = scaleLog(padded(xs, 1.12), [ROOM.left, PANEL.width - ROOM.right]);
  const y = scaleLog(padded(ys, 1.35), [PANEL.height - ROOM.bottom, ROOM.top]);
  const { label, unit: name } = QUANTITY_WORDS[quantity];
  const marks = curves.map((curve) => {
    const place = methods.indexOf(curve.method);
    const tone = toneOf(place, paint);
    const fit = curve.fits[quantity];
    const points = of(curve);
    const ends = [points[0]?.[0] ?? 1, points.at(-1)?.[0] ?? 1] as const;
    const law = (exponent: number, at: number, through: readonly [number, number]): number =>
      through[1] * (at / through[0]) ** exponent;
    const fitted = fit
      ? line(
          ends.map((at) => [x(at), y((fit.coefficient * at ** fit.exponent) / unit)] as const),
          tone,
          dashes(place),
        )
      : '';
    const [first] = points;
    // Nobody claims anything of memory.
    const claimed =
      curve.claim === undefined || !first || quantity === 'workingBytes'
        ? ''
        : clipped(
            line(
              ends.map((at) => [x(at), y(law(curve.claim ?? 0, at, first))] as const),
              paint.muted,
              ' stroke-dasharray="1 3"',
            ),
          );
    const dots = points.map(([at, value]) => mark(place, x(at), y(value), tone)).join('');
    return claimed + fitted + dots;
  });
  const exponents = curves.map((curve, i) => {
    const fit = curve.fits[quantity];
    const claim = curve.claim === undefined || quantity === 'workingBytes' ? '' : `, claimed ${curve.claim}`;
    const place = methods.indexOf(curve.method);
    const at = PANEL.height + LINE * i + 2;
    const said = fit ? `exponent ${exponentText(fit)}${claim}` : 'too few points';
    return (
      mark(place, ROOM.left + 4, at, toneOf(place, paint)) +
      text(said, ROOM.left + 14, at, { fill: paint.ink, dy: '0.35em', 'font-size': '11' })
    );
  });
  const grid = niceTicks(y.domain() as [number, number]).map(
    (tick) =>
      `<path d="M${ROOM.left} ${rounded(y(tick))}H${PANEL.width - ROOM.right}" stroke="${paint.hairline}" fill="none"/>` +
      text(short(tick), ROOM.left - 6, y(tick), { fill: paint.muted, dy: '0.35em', 'text-anchor': 'end' }),
  );
  const bottom = PANEL.height - ROOM.bottom;
  const places = [...new Set(xs)].map((at) =>
    text(String(at), x(at), bottom + 16, { fill: paint.muted, 'text-anchor': 'middle' }),
  );
  return [
    text(label, ROOM.left, 18, { 'font-weight': '600', fill: paint.ink }),
    text(`${name}, over ${AXIS_WORDS[axis].label}`, ROOM.left, 33, { fill: paint.muted, 'font-size': '11' }),
    ...grid,
    ...places,
    ...marks,
    ...exponents,
  ].join('');
}

/** What leaves the plot at its top or bottom is cut there. */
function clipped(content: string): string {
  const { left, right, top, bottom } = ROOM;
  const box = `M${left} ${top}H${PANEL.width - right}V${PANEL.height - bottom}H${left}Z`;
  return `<g style="clip-path: path('${box}')">${content}</g>`;
}

function toneOf(place: number, { accent, ink, muted }: ScalingPaint): string {
  return [accent, ink, muted][place % 3] ?? ink;
}

function dashes(place: number): string {
  const pattern = DASHES[place % DASHES.length] ?? '';
  return pattern === '' ? '' : ` stroke-dasharray="${pattern}"`;
}

function line(points: readonly (readonly [number, number])[], tone: string, more: string): string {
  const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${rounded(x)} ${rounded(y)}`).join('');
  return `<path d="${d}" fill="none" stroke="${tone}" stroke-width="1.5"${more}/>`;
}

function mark(place: number, x: number, y: number, tone: string): string {
  const [cx, cy] = [rounded(x), rounded(y)];
  switch (MARKS[place % MARKS.length]) {
    case 'square':
      return `<rect x="${rounded(x - 3.5)}" y="${rounded(y - 3.5)}" width="7" height="7" fill="${tone}"/>`;
    case 'triangle':
      return `<path d="M${cx} ${rounded(y - 4.5)}l4.5 8h-9Z" fill="${tone}"/>`;
    case 'diamond':
      return `<path d="M${cx} ${rounded(y - 5)}l5 5l-5 5l-5 -5Z" fill="${tone}"/>`;
    default:
      return `<circle cx="${cx}" cy="${cy}" r="4" fill="${tone}"/>`;
  }
}

function text(content: string, x: number, y: number, attributes: Readonly<Record<string, string>>): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`);
  return `<text x="${rounded(x)}" y="${rounded(y)}"${written.join('')}>${escaped(content)}</text>`;
}

function padded(values: readonly number[], by: number): [number, number] {
  return [Math.min(...values) / by, Math.max(...values) * by];
}

/** 1, 2 and 5 times powers of ten within a range; powers of ten alone where those are many. */
function niceTicks([low, high]: readonly [number, number]): number[] {
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
    for (const factor of [1, 2, 5]) all.push(factor * 10 ** power);
  const within = all.filter((tick) => tick >= low && tick <= high);
  return within.length <= 7
    ? within
    : within.filter((tick) => Number.isInteger(Math.round(1e9 * Math.log10(tick)) / 1e9));
}

function short(value: number): string {
  return value >= 1 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
