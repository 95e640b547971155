/** The lowest temperature that a run can have, which is the paper's, and one at which all is read about alike. */
export const LOWEST = 1e-4;
const HIGHEST = 2;

/** Twenty stops to a factor of ten: neighbours differ by 12 %, which two digits tell apart. */
export const STOP = 0.05;

/** A slider's way through temperatures: positions are log10 τ, in whole stops. */
export interface Scale {
  readonly min: number;
  readonly max: number;
}

/** @param marked temperatures that must have a place on it. */
export function scaleOf(marked: readonly number[]): Scale {
  return { min: positionOf(LOWEST), max: positionOf(Math.max(HIGHEST, ...marked)) };
}

export function positionOf(temperature: number): number {
  return toStop(Math.log10(temperature));
}

/** The temperature at a position: one of `marked` where that stands at the same stop, else two digits. */
export function temperatureAt(position: number, marked: readonly number[]): number {
  return marked.find((one) => positionOf(one) === toStop(position)) ?? Number((10 ** toStop(position)).toPrecision(2));
}

/** Where a temperature stands along the track, from 0 to 1. */
export function fractionOf(temperature: number, { min, max }: Scale): number {
  return Math.min(1, Math.max(0, (positionOf(temperature) - min) / (max - min)));
}

function toStop(position: number): number {
  return Number((Math.round(position / STOP) * STOP).toFixed(2));
}
