import type { ObjectiveTable } from '../../../objectives/tables.ts';
import { metricOf, type StepRecord } from '../../../run/record.ts';
import { recordBytes } from './recordBytes.ts';

/** Most pictures kept of a run by even thinning; a few more are extremes and the last one. */
export const MAXIMUM_SNAPSHOTS = 200;
/** What the pictures of a run take at most, in bytes as `recordBytes` counts them. */
export const MAXIMUM_PICTURE_BYTES = 48e6;
/** Kept by thinning whatever they weigh: with fewer there is nothing to travel through. */
const FEWEST = 8;

/** A number of which the step where it is highest keeps its picture; −1: where it is lowest. */
type Extreme = readonly [metric: string, sign: 1 | -1];

/** What is kept whatever is trained for: the retriever's strongest pull. */
const STRONGEST_GRADIENT: Extreme = ['retrieverGradientNorm', 1];

/**
 * The pictures of an evenly thinned set of steps, of the steps with extreme numbers, and of the last step. When there are
 * too many or they weigh too much, every second one goes and half as many are taken from then on.
 */
export class Pictures {
  private kept: StepRecord[] = [];
  private readonly extremes: readonly Extreme[];
  private readonly pins: (StepRecord | undefined)[];
  private stride = 1;
  private bytes = 0;
  private sorted: readonly StepRecord[] | undefined;
  last: StepRecord | undefined;

  constructor({ extremes }: Pick<ObjectiveTable, 'extremes'>) {
    this.extremes = [
      ...extremes.flatMap((metric): Extreme[] => [
        [metric, 1],
        [metric, -1],
      ]),
      STRONGEST_GRADIENT,
    ];
    this.pins = this.extremes.map(() => undefined);
  }

  /** Pictures chosen elsewhere: kept as they are, up to the same bound. */
  static of(table: Pick<ObjectiveTable, 'extremes'>, records: readonly StepRecord[]): Pictures {
    const pictures = new Pictures(table);
    pictures.kept = [...records];
    pictures.bytes = total(records);
    pictures.last = records.at(-1);
    for (const record of records) pictures.pin(record);
    pictures.thin((_, i) => i % 2 === 0);
    return pictures;
  }

  /** In order of their steps, each step once, the last included. */
  get all(): readonly StepRecord[] {
    return (this.sorted ??= this.sort());
  }

  add(record: StepRecord): void {
    this.sorted = undefined;
    this.last = record;
    this.pin(record);
    const { step } = record.metrics;
    if (this.kept.length > 0 && step % this.stride !== 0) return;
    this.kept.push(record);
    this.bytes += recordBytes(record);
    this.thin(({ metrics }, i) => i === 0 || metrics.step % this.stride === 0);
  }

  private sort(): StepRecord[] {
    const bySteps = new Map(this.kept.map((record) => [record.metrics.step, record]));
    for (const record of [...this.pins, this.last]) if (record) bySteps.set(record.metrics.step, record);
    return [...bySteps.values()].sort((a, b) => a.metrics.step - b.metrics.step);
  }

  private thin(stays: (record: StepRecord, at: number) => boolean): void {
    const allowance = MAXIMUM_PICTURE_BYTES - total([...this.pins, this.last]);
    while (this.kept.length > MAXIMUM_SNAPSHOTS || (this.bytes > allowance && this.kept.length > FEWEST)) {
      this.stride *= 2;
      this.kept = this.kept.filter(stays);
      this.bytes = total(this.kept);
    }
  }

  private pin(record: StepRecord): void {
    this.extremes.forEach(([metric, sign], i) => {
      const value = metricOf(record.metrics, metric);
      if (!Number.isFinite(value)) return;
      const pinned = this.pins[i];
      if (!pinned || sign * value > sign * metricOf(pinned.metrics, metric)) this.pins[i] = record;
    });
  }
}

function total(records: readonly (StepRecord | undefined)[]): number {
  let bytes = 0;
  for (const record of new Set(records)) if (record) bytes += recordBytes(record);
  return bytes;
}
