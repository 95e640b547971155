import type { ObjectiveTable } from '../../../objectives/tables.ts';
import { metricOf, type Picture, type ProbePicture, type StepRecord } from '../../../run/record.ts';
import { recordBytes, viewBytes } from './recordBytes.ts';

/** Most pictures kept of a run by even thinning; a few more are extremes and the last one. */
export const MAXIMUM_SNAPSHOTS = 200;
/** What the pictures of a run take at most, in bytes as `recordBytes` counts them; those of its probe as much again. */
export const MAXIMUM_PICTURE_BYTES = 48e6;
/** Kept by thinning whatever they weigh: with fewer there is nothing to travel through. */
const FEWEST = 8;

/** A number of which the step where it is highest keeps its picture; −1: where it is lowest. */
type Extreme = readonly [metric: string, sign: 1 | -1];

/** What is kept whatever is trained for: the retriever's strongest pull. */
const STRONGEST_GRADIENT: Extreme = ['retrieverGradientNorm', 1];

/** No pictures yet, of the batches of steps. */
export function stepPictures({ extremes }: Pick<ObjectiveTable, 'extremes'>): Pictures<StepRecord> {
  return new Pictures<StepRecord>([...extremes.flatMap(bothEnds), STRONGEST_GRADIENT], recordBytes);
}

/** No pictures yet, of the batch that stays the same. */
export function probePictures({ probeMetrics }: Pick<ObjectiveTable, 'probeMetrics'>): Pictures<ProbePicture> {
  return new Pictures<ProbePicture>(
    probeMetrics.flatMap(({ key }) => bothEnds(key)),
    viewBytes,
  );
}

function bothEnds(metric: string): Extreme[] {
  return [
    [metric, 1],
    [metric, -1],
  ];
}

/**
 * The pictures of an evenly thinned set of steps, of the steps with extreme numbers, and of the last step. When there are
 * too many or they weigh too much, every second one goes and half as many are taken from then on.
 */
export class Pictures<P extends Picture> {
  private kept: P[] = [];
  private readonly pins: (P | undefined)[];
  private stride = 1;
  private bytes = 0;
  private sorted: readonly P[] | undefined;
  last: P | undefined;

  constructor(
    private readonly extremes: readonly Extreme[],
    private readonly bytesOf: (picture: P) => number,
  ) {
    this.pins = extremes.map(() => undefined);
  }

  /** Takes pictures chosen elsewhere in place of its own: kept as they are, up to the same bound. */
  take(pictures: readonly P[]): void {
    this.sorted = undefined;
    this.kept = [...pictures];
    this.bytes = this.total(pictures);
    this.last = pictures.at(-1);
    for (const picture of pictures) this.pin(picture);
    this.thin((_, i) => i % 2 === 0);
  }

  /** In order of their steps, each step once, the last included. */
  get all(): readonly P[] {
    return (this.sorted ??= this.sort());
  }

  add(picture: P): void {
    this.sorted = undefined;
    this.last = picture;
    this.pin(picture);
    const { step } = picture.metrics;
    if (this.kept.length > 0 && step % this.stride !== 0) return;
    this.kept.push(picture);
    this.bytes += this.bytesOf(picture);
    this.thin(({ metrics }, i) => i === 0 || metrics.step % this.stride === 0);
  }

  private sort(): P[] {
    const bySteps = new Map(this.kept.map((picture) => [picture.metrics.step, picture]));
    for (const picture of [...this.pins, this.last]) if (picture) bySteps.set(picture.metrics.step, picture);
    return [...bySteps.values()].sort((a, b) => a.metrics.step - b.metrics.step);
  }

  private thin(stays: (picture: P, at: number) => boolean): void {
    const allowance = MAXIMUM_PICTURE_BYTES - this.total([...this.pins, this.last]);
    while (this.kept.length > MAXIMUM_SNAPSHOTS || (this.bytes > allowance && this.kept.length > FEWEST)) {
      this.stride *= 2;
      this.kept = this.kept.filter(stays);
      this.bytes = this.total(this.kept);
    }
  }

  private pin(picture: P): void {
    this.extremes.forEach(([metric, sign], i) => {
      const value = metricOf(picture.metrics, metric);
      if (!Number.isFinite(value)) return;
      const pinned = this.pins[i];
      if (!pinned || sign * value > sign * metricOf(pinned.metrics, metric)) this.pins[i] = picture;
    });
  }

  private total(pictures: readonly (P | undefined)[]): number {
    let bytes = 0;
    for (const picture of new Set(pictures)) if (picture) bytes += this.bytesOf(picture);
    return bytes;
  }
}
