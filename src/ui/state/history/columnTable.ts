import { halve } from './extremes.ts';
import { GrowingColumn } from './growingColumn.ts';

/** Most rows of numbers that are kept; beyond, every four become two. */
export const MAXIMUM_ROWS = 32768;

/** What a table holds. */
export interface Columns {
  readonly keys: readonly string[];
  /** Those whose extremes stay when rows are thinned. */
  readonly extremes: readonly string[];
  /** The one whose line keeps its shape. */
  readonly headline: string;
}

/** Numbers of a run in compact columns, a row for each of its steps; NaN where one has none. Bounded (MAXIMUM_ROWS). */
export class ColumnTable {
  private readonly columns: ReadonlyMap<string, GrowingColumn>;

  constructor(private readonly of: Columns) {
    this.columns = new Map(of.keys.map((key) => [key, new GrowingColumn()]));
  }

  /** One value per kept row; empty where there is no such column. A view: valid until the next row is added. */
  column(key: string): Float64Array<ArrayBuffer> {
    return this.columns.get(key)?.view() ?? new Float64Array();
  }

  add(value: (key: string) => number): void {
    if (this.column(this.of.headline).length >= MAXIMUM_ROWS) this.thin();
    for (const [key, column] of this.columns) column.push(value(key));
  }

  private thin(): void {
    const rows = halve(
      this.of.extremes.map((key) => this.column(key)),
      this.column(this.of.headline),
    );
    for (const column of this.columns.values()) column.keep(rows);
  }
}
