import type { Configuration } from '../../settings/configuration.ts';

/** How a run may compute: the settings that are compared. */
export type ArithmeticSettings = Pick<Configuration, 'matmulPrecision' | 'reductions'>;

/** The choices in the order of their comparison, the usual one first. */
export const CHOICES: readonly (ArithmeticSettings & { readonly label: string })[] = [
  { matmulPrecision: 'f32', reductions: 'memory', label: '32 bits, workgroup memory' },
  { matmulPrecision: 'f16', reductions: 'memory', label: '16-bit matrix products' },
  { matmulPrecision: 'f32', reductions: 'subgroups', label: 'Sums within subgroups' },
  { matmulPrecision: 'f16', reductions: 'subgroups', label: 'Both' },
];

/** How far a step is from the usual one's, on the same batch with the same weights: relative differences. */
export interface Deviation {
  readonly loss: number;
  readonly gradientNorm: number;
  /** Of the gradient of the trained tensor that is furthest off: ‖difference‖ / ‖gradient‖, and its name. */
  readonly gradient: number;
  readonly worst: string;
}

/** A choice beside the usual one: steps of both in turn. */
export interface MeasuredChoice extends ArithmeticSettings {
  readonly label: string;
  /** Medians, ms a step. */
  readonly ms: number;
  readonly usualMs: number;
  /** Steps of each that were measured. */
  readonly steps: number;
  readonly deviation: Deviation;
}

/** Whether other arithmetic pays on a device, for the steps of one run; plain data. */
export interface PrecisionReport {
  readonly device: string;
  readonly software: boolean;
  /** Whether its kernels hold numbers of 16 bits; else these are rounded only, which saves nothing. */
  readonly holdsHalf: boolean;
  readonly measured: readonly MeasuredChoice[];
  /** What was not measured, and why. */
  readonly leftOut: readonly string[];
}

/** How far measuring is. */
export interface PrecisionProgress {
  readonly done: number;
  readonly total: number;
  readonly now: string;
}

/** Part of a step's time that a choice must save to be worth it: what less says may be chance. */
export const LEAST_GAIN = 0.05;

/** The choice that saves most, where one saves enough. */
export function bestChoice({ measured }: PrecisionReport): MeasuredChoice | undefined {
  const share = ({ ms, usualMs }: MeasuredChoice): number => ms / usualMs;
  const best = [...measured].sort((a, b) => share(a) - share(b))[0];
  return best && share(best) <= 1 - LEAST_GAIN ? best : undefined;
}

/** Whether it pays here, in a sentence or two. */
export function verdictOf(report: PrecisionReport): string {
  if (report.measured.length === 0) return 'Nothing was measured to its end.';
  const best = bestChoice(report);
  if (!best) return 'None of it pays here: no choice saves a twentieth of a step’s time.';
  const saved = Math.round(100 * (1 - best.ms / best.usualMs));
  const moves =
    best.matmulPrecision === 'f32'
      ? 'Results stay the same to the bit.'
      : `On one step the loss moves by ${inWords(best.deviation.loss)} of itself, and the gradient that is furthest off by ${inWords(best.deviation.gradient)}.`;
  return `It pays here: “${best.label}” takes ${saved} % less time a step. ${moves}`;
}

/** "0.02 %": a relative difference for people. */
export function inWords(share: number): string {
  return share === 0 ? 'nothing' : `${Number((100 * share).toPrecision(1))} %`;
}
