import type { Configuration } from '../../settings/configuration.ts';

/** What is made larger: chunks of a batch (B), tokens of a chunk, rank of LoRA. Each is the setting of that name. */
export const AXES = ['chunks', 'chunkTokens', 'rank'] as const;
export type Axis = (typeof AXES)[number];

export const AXIS_WORDS: Readonly<Record<Axis, { readonly short: string; readonly label: string }>> = {
  chunks: { short: 'B', label: 'chunks in a batch, B' },
  chunkTokens: { short: 'L', label: 'tokens of a chunk' },
  rank: { short: 'r', label: 'rank of LoRA' },
};

/** What is measured of a training step. */
export const QUANTITIES = ['stepMs', 'workingBytes', 'flops'] as const;
export type Quantity = (typeof QUANTITIES)[number];

export const QUANTITY_WORDS: Readonly<Record<Quantity, { readonly label: string; readonly unit: string }>> = {
  stepMs: { label: 'Time of a step', unit: 'ms' },
  workingBytes: { label: 'Memory beside the weights', unit: 'MiB' },
  flops: { label: 'Work of a step', unit: 'GFLOP' },
};

/** What one unit of a quantity's words is in its own. */
export const QUANTITY_UNITS: Readonly<Record<Quantity, number>> = { stepMs: 1, workingBytes: 2 ** 20, flops: 1e9 };

/** One training step of one configuration, as it was on this device. */
export interface ScalingPoint {
  /** The axis' setting. */
  readonly value: number;
  /** Median of the measured steps, from its beginning on the host to the GPU's last answer, ms. */
  readonly stepMs: number;
  /** The quickest and the slowest of them. */
  readonly range: readonly [number, number];
  /** Most bytes in use at once, by the pool's books, and how many of those only while the step is under way. */
  readonly peakBytes: number;
  readonly workingBytes: number;
  /** Work of all kernels of a step, by their ops' own counts: of what was launched, so pairs that are not read count nothing. */
  readonly flops: number;
  /** Tokens of the batch, as the objective counts them. */
  readonly tokens: number;
}

/** A power law y = c · x^exponent through measured points, by least squares in log–log. */
export interface PowerFit {
  readonly exponent: number;
  /** 95 % interval of the exponent by Student's t; undefined for fewer than three points, which leave nothing to judge by. */
  readonly interval: readonly [number, number] | undefined;
  /** y where x is 1. */
  readonly coefficient: number;
}

/** A point that could not be measured, and why, in words. */
export interface Omission {
  readonly value: number;
  readonly why: string;
}

/** One method along one axis. */
export interface ScalingCurve {
  /** Its id, and what it is called. */
  readonly method: string;
  readonly label: string;
  readonly axis: Axis;
  /** Exponent that is claimed for its cost along this axis; undefined where nothing is. */
  readonly claim: number | undefined;
  readonly points: readonly ScalingPoint[];
  readonly omissions: readonly Omission[];
  /** Undefined for fewer than two points. */
  readonly fits: Readonly<Record<Quantity, PowerFit | undefined>>;
}

export interface ScalingReport {
  readonly device: string;
  /** Whether that is a CPU in a GPU's place: its times say nothing of a GPU's. */
  readonly software: boolean;
  /** What all measured configurations have in common. */
  readonly configuration: Configuration;
  /** Steps before the measured ones, and measured ones, of each point. */
  readonly warmUp: number;
  readonly steps: number;
  readonly curves: readonly ScalingCurve[];
}

/** "1.02 (0.97–1.07)". */
export function exponentText({ exponent, interval }: PowerFit): string {
  const shown = (value: number): string => value.toFixed(2).replace('-', '−');
  return interval === undefined
    ? shown(exponent)
    : `${shown(exponent)} (${shown(interval[0])} to ${shown(interval[1])})`;
}

/** The measured points as a table with a line of names: one point a line, tabs between. Bytes and FLOPs as they are, times in ms. */
export function scalingTsv({ curves }: ScalingReport): string {
  const rows = curves.flatMap(({ method, axis, points }) =>
    points.map((point) =>
      [
        method,
        axis,
        point.value,
        point.stepMs,
        ...point.range,
        point.peakBytes,
        point.workingBytes,
        point.flops,
        point.tokens,
      ].join('\t'),
    ),
  );
  const names = 'method axis value stepMs stepMsLeast stepMsMost peakBytes workingBytes flops tokens'.split(' ');
  return `${[names.join('\t'), ...rows].join('\n')}\n`;
}
