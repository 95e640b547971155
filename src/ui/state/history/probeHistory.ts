import type { ObjectiveTable } from '../../../objectives/tables.ts';
import {
  metricOf,
  probePicture,
  type BatchView,
  type Probe,
  type ProbeMetrics,
  type ProbePicture,
  type ProbeRecord,
  type ScoredText,
} from '../../../run/record.ts';
import { ColumnTable } from './columnTable.ts';
import { probePictures } from './pictures.ts';
import { viewBytes } from './recordBytes.ts';

/**
 * What was seen of the batch that stays the same through a run: numbers after so many updates in compact columns, and pictures of a
 * thinned set of them. Both are bounded as those of the steps are.
 */
export class ProbeHistory {
  private readonly numbers: ColumnTable;
  private readonly pictures;

  constructor(
    private readonly table: ObjectiveTable,
    readonly of: ScoredText,
    readonly batch: BatchView,
  ) {
    const keys = table.probeMetrics.map(({ key }) => key);
    this.numbers = new ColumnTable({ keys: ['step', ...keys], extremes: keys, headline: table.headline });
    this.pictures = probePictures(table);
  }

  static from(table: ObjectiveTable, { of, batch, records }: Probe): ProbeHistory {
    const history = new ProbeHistory(table, of, batch);
    for (const { metrics } of records) history.count(metrics);
    history.pictures.take(records.filter(history.isDrawn).map((record) => probePicture({ batch }, record)));
    return history;
  }

  /** Whether it is of this batch: the lab sends it anew with every look. */
  isOf(of: ScoredText, { chunks }: BatchView): boolean {
    const own = this.batch.chunks;
    return of === this.of && own.length === chunks.length && chunks.every(({ text }, i) => text === own[i]?.text);
  }

  /** Adds what was seen after later updates than before; the same seen again, as when a run goes on, is left out. */
  add(record: ProbeRecord): void {
    if (record.metrics.step <= this.lastStep) return;
    this.count(record.metrics);
    if (this.isDrawn(record)) this.pictures.add(probePicture(this, record));
  }

  /** Updates made when it was seen last; −1 where it never was. */
  get lastStep(): number {
    return this.column('step').at(-1) ?? -1;
  }

  get length(): number {
    return this.column('step').length;
  }

  /** About what it takes in storage. */
  get bytes(): number {
    const numbers = (this.table.probeMetrics.length + 1) * this.length * Float64Array.BYTES_PER_ELEMENT;
    return this.snapshots.reduce((sum, picture) => sum + viewBytes(picture), numbers);
  }

  /** One value per kept look, `step` among them: NaN where one has none, empty where there is no such number. */
  column(metric: string): Float64Array<ArrayBuffer> {
    return this.numbers.column(metric);
  }

  /** Pictures in order of their steps, the latest included. */
  get snapshots(): readonly ProbePicture[] {
    return this.pictures.all;
  }

  /** All of it as plain data: numbers of every look that is kept, and the picture with them where that is. */
  toProbe(): Probe {
    const drawn = new Map(this.snapshots.map((picture) => [picture.metrics.step, picture]));
    const records = Array.from({ length: this.length }, (_, row): ProbeRecord => {
      const metrics = this.metrics(row);
      const picture = drawn.get(metrics.step);
      if (!picture) return { metrics };
      const { batch: _batch, ...record } = picture;
      return record as ProbeRecord;
    });
    return { of: this.of, batch: this.batch, records };
  }

  private metrics(row: number): ProbeMetrics {
    const numbers = this.table.probeMetrics.flatMap(({ key }): [string, number][] => {
      const value = this.column(key)[row] ?? NaN;
      return Number.isNaN(value) ? [] : [[key, value]];
    });
    return { ...Object.fromEntries(numbers), step: this.column('step')[row] ?? 0 };
  }

  private count(metrics: ProbeMetrics): void {
    this.numbers.add((key) => metricOf(metrics, key));
  }

  /** Where pictures were thinned, the numbers are all there is. */
  private readonly isDrawn = (record: ProbeRecord): boolean => record[this.table.matrices[0]?.key ?? ''] !== undefined;
}
