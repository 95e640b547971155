import type { MemoryView, StepMetrics } from '../../../run/record.ts';
import { halve } from './extremes.ts';
import { GrowingColumn } from './growingColumn.ts';

/** The numbers of a step that are drawn over time. */
export const METRICS = [
  'step',
  'loss',
  'ntpLoss',
  'isolatedLoss',
  'recallAt1',
  'chance',
  'effectiveDocuments',
  'gradientNorm',
  'retrieverGradientNorm',
  'languageModelGradientNorm',
  'learningRate',
  'stepMs',
  'tokensPerSecond',
] as const satisfies readonly (keyof StepMetrics)[];

export const MEMORY = [
  'weights',
  'gradients',
  'optimiser',
  'activations',
  'scratch',
  'peak',
  'total',
] as const satisfies readonly (keyof MemoryView)[];

export type Metric = (typeof METRICS)[number];
export type Column = Metric | (typeof MEMORY)[number];
export const COLUMNS: readonly Column[] = [...METRICS, ...MEMORY];

/** Most steps whose numbers are kept; beyond, every four become two. */
export const MAXIMUM_ROWS = 32768;
/** What the numbers of a run take at most, in bytes. */
export const MAXIMUM_TABLE_BYTES = COLUMNS.length * Float64Array.BYTES_PER_ELEMENT * MAXIMUM_ROWS;

/** The numbers of a run's steps in compact columns; NaN where a step has none. Steps increase. */
export class MetricTable {
  private readonly columns = new Map<Column, GrowingColumn>(COLUMNS.map((column) => [column, new GrowingColumn()]));

  /** A table of columns as `column` gives them. */
  static of(columns: Readonly<Record<Column, Float64Array<ArrayBuffer>>>): MetricTable {
    const table = new MetricTable();
    for (const name of COLUMNS) for (const value of columns[name]) table.columns.get(name)?.push(value);
    return table;
  }

  get length(): number {
    return this.column('step').length;
  }

  /** One value per kept step. A view: valid until the next step is added. */
  column(name: Column): Float64Array<ArrayBuffer> {
    return this.columns.get(name)?.view() ?? new Float64Array();
  }

  add(metrics: StepMetrics): void {
    if (this.length >= MAXIMUM_ROWS) this.thin();
    for (const metric of METRICS) this.columns.get(metric)?.push(metrics[metric] ?? NaN);
    for (const purpose of MEMORY) this.columns.get(purpose)?.push(metrics.memory[purpose]);
  }

  /** The metrics of a row as they came. */
  row(at: number): StepMetrics {
    const value = (name: Column): number => this.column(name)[at] ?? NaN;
    const optional = (name: Column): number | undefined => (Number.isNaN(value(name)) ? undefined : value(name));
    return {
      ...(Object.fromEntries(METRICS.map((metric) => [metric, value(metric)])) as Record<Metric, number>),
      recallAt1: optional('recallAt1'),
      chance: optional('chance'),
      memory: Object.fromEntries(MEMORY.map((purpose) => [purpose, value(purpose)])) as unknown as MemoryView,
    };
  }

  private thin(): void {
    const rows = halve(
      METRICS.map((metric) => this.column(metric)),
      this.column('ntpLoss'),
    );
    for (const column of this.columns.values()) column.keep(rows);
  }
}
