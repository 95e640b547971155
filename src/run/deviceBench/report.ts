import type { PrecisionReport } from '../precision/report.ts';
import type { ProductRecord } from '../record.ts';

/** What a device did, as plain data: to be read, collected in docs/devices, and shown by the page. */
export interface DeviceReport {
  readonly version: 1;
  /** Day it was measured, YYYY-MM-DD. */
  readonly date: string;
  /** What the page or the command ran in: a browser's user agent, or Node's version. */
  readonly host: string;
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    /** A processor that pretends to be a GPU: sizes are smaller then. */
    readonly software: boolean;
  };
  readonly limits: Readonly<Record<string, number>>;
  readonly sizes: 'full' | 'small';
  /** From sending almost nothing to its answer, ms; and what a launch adds to that, µs. */
  readonly roundTripMs: number;
  readonly launchUs: number;
  /** The most that this device was seen to do: multiply-adds in registers, GFLOP/s, and copying, GB/s read and written. */
  readonly peak: { readonly gflops: number; readonly gbytes: number };
  /** Tiles of the products, and the kernels that they hold for (tuning/deviceName.ts); absent where there is one tile, and in older reports. */
  readonly tiles?: { readonly kernels: string; readonly measured: readonly ProductRecord[] };
  /** Workgroups that keep it busy (tuning/workgroups.ts); absent in older reports. */
  readonly workgroups?: number | undefined;
  /** With these tiles. */
  readonly works: readonly MeasuredWork[];
  readonly steps: readonly MeasuredStep[];
  /** Whether other arithmetic pays, on steps of the default preset; absent in reports of the page and in older ones. */
  readonly precision?: PrecisionReport;
  /** What was not measured, and why. */
  readonly leftOut: readonly string[];
}

/** A kernel or a few on the shapes of a model. */
export interface MeasuredWork {
  readonly kind: 'product' | 'attention';
  readonly model: string;
  readonly what: string;
  readonly shape: string;
  readonly ms: number;
  readonly gflops: number;
  readonly gbytes: number;
  /**
   * Of the most that the peaks allow: the time that its operations or its bytes (whichever is more) would take at the peak, over its own.
   * Above 1 where caches serve what counts as memory.
   */
  readonly share: number;
  /** Largest difference of a sample of its results from f64, over the largest of these. */
  readonly deviation: number;
}

/** Whole updates of a run. */
export interface MeasuredStep {
  readonly what: string;
  /** Median, smallest and largest, ms. */
  readonly ms: number;
  readonly range: readonly [number, number];
  readonly steps: number;
  readonly tokens: number;
  readonly gflops: number;
}

/** How far measuring is. */
export interface DeviceProgress {
  readonly done: number;
  readonly total: number;
  /** What is measured now, in words. */
  readonly now: string;
}

/** "Intel gen-12lp (software)": how a device is called in tables. */
export function deviceName({ adapter }: Pick<DeviceReport, 'adapter'>): string {
  const { vendor, architecture, description, software } = adapter;
  const name = description || [vendor, architecture].filter((part) => part !== '').join(' ') || 'a GPU without a name';
  return software ? `${name} (software)` : name;
}

/** The middle share of the works of a kind and a model; undefined where there is none. */
export function middleShare(
  { works }: Pick<DeviceReport, 'works'>,
  kind: MeasuredWork['kind'],
  model: string,
): number | undefined {
  const shares = works.filter((work) => work.kind === kind && work.model === model).map(({ share }) => share);
  return shares.sort((a, b) => a - b)[shares.length >> 1];
}
