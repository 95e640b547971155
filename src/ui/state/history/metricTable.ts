import { MEMORY_METRICS, stepMetrics, type ObjectiveTable } from '../../../objectives/tables.ts';
import { metricOf, type MemoryView, type StepMetrics } from '../../../run/record.ts';
import { ColumnTable } from './columnTable.ts';

export { MAXIMUM_ROWS } from './columnTable.ts';

export const MEMORY_KEYS = MEMORY_METRICS.map(({ key }) => key);
const PURPOSES: ReadonlySet<string> = new Set(MEMORY_KEYS);

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
  private readonly table: ColumnTable;

  constructor(objective: ObjectiveTable) {
    this.metrics = stepMetrics(objective);
    this.table = new ColumnTable({
      keys: columnKeys(objective),
      extremes: this.metrics.map(({ key }) => key),
      headline: objective.headline,
    });
  }

  /** A table of columns as `column` gives them. */
  static of(objective: ObjectiveTable, columns: ReadonlyMap<string, Float64Array<ArrayBuffer>>): MetricTable {
    const table = new MetricTable(objective);
    const rows = columns.get('step')?.length ?? 0;
    for (let row = 0; row < rows; row++) table.table.add((key) => columns.get(key)?.[row] ?? NaN);
    return table;
  }

  get length(): number {
    return this.column('step').length;
  }

  /** One value per kept step; empty where the objective has no such number. A view: valid until the next step is added. */
  column(key: string): Float64Array<ArrayBuffer> {
    return this.table.column(key);
  }

  add(metrics: StepMetrics): void {
    const { memory } = metrics;
    this.table.add((key) => (PURPOSES.has(key) ? memory[key as keyof MemoryView] : metricOf(metrics, key)));
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
}
