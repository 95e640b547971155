import { charts, type ChartDefinition, type ObjectiveTable } from '../../../../objectives/tables.ts';
import { decimal, compact } from '../../../components/format.ts';
import type { History } from '../../../state/history/history.ts';
import { line } from '../../charts/runCharts.ts';
import type { Series } from '../../charts/series.ts';

/** A chart in which every run is one line. */
export interface ComparedChart {
  readonly title: string;
  readonly unit: string;
  readonly domain?: readonly [number, number];
  readonly logarithmic: boolean;
  readonly cropped: boolean;
  readonly format: (value: number) => string;
  /** The line of a run: steps and values; empty where its objective has no such number. */
  readonly of: (history: History) => Pick<Series, 'xs' | 'ys'>;
}

/** Two digits: gradients differ by powers of ten. */
const short = (value: number): string => (Number.isNaN(value) ? '–' : String(Number(value.toPrecision(2))));

/** The charts of compared runs, one number each: what their own charts show, those of their objectives first. */
export function comparedCharts(tables: readonly ObjectiveTable[]): readonly ComparedChart[] {
  const own: ComparedChart[] = [];
  const common: ComparedChart[] = [];
  for (const table of new Set(tables))
    for (const chart of charts(table)) {
      const isOwn = table.charts.includes(chart);
      for (const { title } of chart.lines) {
        if ([...own, ...common].some((one) => one.title === title)) continue;
        (isOwn ? own : common).push(compared(chart, title, isOwn));
      }
    }
  return [...own, ...common];
}

function compared(
  { unit, domain, logarithmic = false, cropped = false }: ChartDefinition,
  title: string,
  isOwn: boolean,
): ComparedChart {
  return {
    title,
    // A share says itself what it is.
    unit: Array.isArray(domain) ? '' : unit,
    logarithmic,
    cropped,
    // Batches of different sizes have different numbers of others: that axis ends above all values.
    ...(domain === undefined || domain === 'others' ? {} : { domain }),
    format: isOwn ? decimal : logarithmic ? short : compact,
    of: (history) => {
      const lines = charts(history.table).flatMap((chart) => chart.lines);
      const found = lines.find((one) => one.title === title);
      return found ? line(history, found) : { xs: [], ys: [] };
    },
  };
}
