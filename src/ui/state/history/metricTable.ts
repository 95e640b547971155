import { MEMORY_METRICS, stepMetrics, type ObjectiveTable } from '../../../objectives/tables.ts';
import { metricOf, type MemoryView, type StepMetrics } from '../../../run/record.ts';
import { halve } from './extremes.ts';
import { GrowingColumn } from './growingColumn.ts';

export const MEMORY_KEYS = MEMORY_METRICS.map(({ key }) => key);

/** Most steps whose numbers are kept; beyond, every four become two. */
export const MAXIMUM_ROWS = 32768;

/** Names of the columns of a run, in their order: its step metrics, then its memory by purpose. */
export function columnKeys(table: ObjectiveTable): readonly string[] {
  return [...stepMetrics(table).map(({ key }) => key), ...MEMORY_KEYS];
}

/** What the numbers of so many steps take, in bytes. */
export function tableBytes(table: ObjectiveTable, rows: number): number {
  return columnKeys(table).length * Float64Array.BYTES_PER_ELEMENT * rows;
}

/** The numbers of a run's steps in compact columns; NaN where a step has none. Steps increase. */
export class MetricTable {
  private readonly metrics;
  private readonly columns: ReadonlyMap<string, GrowingColumn>;

  constructor(private readonly objective: ObjectiveTable) {
    this.metrics = stepMetrics(objective);
    this.columns = new Map(columnKeys(objective).map((key) => [key, new GrowingColumn()]));
  }

  /** A table of columns as `column` gives them. */
  static of(objective: ObjectiveTable, columns: ReadonlyMap<string, Float64Array<ArrayBuffer>>): MetricTable {
    const table = new MetricTable(objective);
    for (const [key, column] of table.columns) for (const value of columns.get(key) ?? []) column.push(value);
    return table;
  }

  get length(): number {
    return this.column('step').length;
  }

  /** One value per kept step; empty where the objective has no such number. A view: valid until the next step is added. */
  column(key: string): Float64Array<ArrayBuffer> {
    return this.columns.get(key)?.view() ?? new Float64Array();
  }

  add(metrics: StepMetrics): void {
    if (this.length >= MAXIMUM_ROWS) this.thin();
    for (const { key } of this.metrics) this.columns.get(key)?.push(metricOf(metrics, key));
    for (const purpose of MEMORY_KEYS) this.columns.get(purpose)?.push(metrics.memory[purpose]);
  }

  /** The metrics of a row as they came. */
  row(at: number): StepMetrics {
    const value = (key: string): number => this.column(key)[at] ?? NaN;
    const numbers = this.metrics.map(({ key, isOptional }) => {
      const one = value(key);
      return [key, isOptional && Number.isNaN(one) ? undefined : one];
    });
    return {
      ...Object.fromEntries(numbers),
      memory: Object.fromEntries(MEMORY_KEYS.map((purpose) => [purpose, value(purpose)])) as unknown as MemoryView,
    } as StepMetrics;
  }

  private thin(): void {
    const rows = halve(
      this.metrics.map(({ key }) => this.column(key)),
      this.column(this.objective.headline),
    );
    for (const column of this.columns.values()) column.keep(rows);
  }
}
