import type { ChartDefinition } from '../../../objectives/tables.ts';

type Size = ChartDefinition['size'];

/** Heights of plots in pixels where there is neither too much nor too little room; the first chart is the higher. */
const PLOT: Readonly<Record<Size, number>> = { large: 150, medium: 96, small: 80 };
const FIRST = 170;
/** What stands around the plots of a row, its distance from the next included: a caption of one line, or of two. */
const AROUND: Readonly<Record<Size, number>> = { large: 32, medium: 52, small: 52 };
/** How far plots are stretched to fill a panel: where less would be needed, it scrolls. */
const STRETCH = { least: 0.55, most: 1.7 } as const;

/** Whether a chart has a row to itself, for each: a large one has, and of others one that is left over. */
export function standAlone(sizes: readonly Size[]): boolean[] {
  const alone: boolean[] = [];
  for (let i = 0; i < sizes.length; i++) {
    const isShared = sizes[i] !== 'large' && i + 1 < sizes.length && sizes[i + 1] !== 'large';
    alone.push(!isShared);
    if (isShared) alone[++i] = false;
  }
  return alone;
}

/**
 * The height of each plot, in pixels, so that together they fill a panel: a large chart takes a row, of others two share one.
 * @param room height of the panel; undefined where it may be as high as it likes
 * @param others height of what stands below and between the charts
 */
export function plotHeights(sizes: readonly Size[], room: number | undefined, others: number): number[] {
  const plots = sizes.map((size, i) => (i === 0 ? Math.max(FIRST, PLOT[size]) : PLOT[size]));
  if (room === undefined) return plots;
  const alone = standAlone(sizes);
  let taken = 0;
  let around = others;
  for (let i = 0; i < sizes.length; i++) {
    const size = sizes[i] ?? 'small';
    const isShared = alone[i] === false;
    taken += Math.max(plots[i] ?? 0, isShared ? (plots[i + 1] ?? 0) : 0);
    around += AROUND[size];
    if (isShared) i++;
  }
  const stretch = Math.min(STRETCH.most, Math.max(STRETCH.least, (room - around) / Math.max(1, taken)));
  return plots.map((height) => Math.floor(height * stretch));
}
