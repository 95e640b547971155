import { compact } from '../../components/format.ts';
import { lastAtOrBefore } from './geometry.ts';

/** A line over the steps of a run. */
export interface Series {
  readonly label: string;
  readonly xs: ArrayLike<number>;
  readonly ys: ArrayLike<number>;
  /** accent: with context. alone: without. strong and faint: anything else, in the colour of the text. */
  readonly tone: 'accent' | 'alone' | 'strong' | 'faint';
  readonly dashed?: boolean;
}

/** A level that does not change over time: chance, a baseline. */
export interface Reference {
  readonly label: string;
  readonly value: number;
  /** That of the line whose level it is; left out, it is everybody's. */
  readonly tone?: Series['tone'];
  /** Its label where the tone says whose it is. */
  readonly short?: string;
}

/** A label beside the end of a line. */
export interface EndLabel {
  readonly label: string;
  readonly tone: Series['tone'] | 'reference';
  readonly value: number;
  /** Where the line ends, in pixels. */
  readonly y: number;
}

/** What is to be drawn, and how its vertical axis runs. */
export interface ChartOptions {
  readonly references?: readonly Reference[];
  /** Ends of the vertical axis; left out, it runs from zero to a round number above all values. */
  readonly domain?: readonly [number, number];
  readonly logarithmic?: boolean;
  /** Lets the steep beginning of a run leave the top, so that what comes after is seen. */
  readonly cropped?: boolean;
}

/** The value at `step`: that of the last point at or before it; NaN before the first. */
export function valueAt({ xs, ys }: Series, step: number): number {
  const at = lastAtOrBefore(xs, step);
  return at < 0 ? NaN : (ys[at] ?? NaN);
}

/** The chart in words, for those who do not see it. */
export function alternativeText(
  title: string,
  unit: string,
  series: readonly Series[],
  references: readonly Reference[],
  step: number,
  format: (value: number) => string = compact,
): string {
  if (series.every(({ xs }) => xs.length === 0)) return `${title}: no values yet`;
  const values = series.map((one) => `${one.label} ${format(valueAt(one, step))}`);
  const levels = references.map(({ label, value }) => `${label} ${format(value)}`);
  return `${title}${unit ? ` (${unit})` : ''} at ${step}: ${[...values, ...levels].join(', ')}`;
}
