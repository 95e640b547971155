import { quantile, scaleLinear, scaleLog, type ScaleContinuousNumeric } from 'd3';
import { roundUp } from './geometry.ts';
import type { ChartOptions } from './series.ts';

/** Lowest value that a logarithmic axis shows: below it a gradient is as good as none. */
const LOG_FLOOR = 1e-6;

/** The vertical axis for these values, from `bottom` up to `top` (in pixels). */
export function verticalScale(
  values: readonly number[],
  bottom: number,
  top: number,
  { domain, logarithmic = false, cropped = false }: ChartOptions,
): ScaleContinuousNumeric<number, number> {
  if (logarithmic) {
    const positive = values.filter((value) => value > LOG_FLOOR);
    const low = 10 ** Math.floor(Math.log10(Math.min(...positive, 0.1)));
    const high = 10 ** Math.ceil(Math.log10(Math.max(...positive, 1)));
    return scaleLog([low, high], [bottom, top]).clamp(true);
  }
  const highest = cropped ? 1.15 * (quantile(values, 0.9) ?? 1) : Math.max(...values, 0);
  const lowest = Math.min(...values, 0);
  return scaleLinear(domain ?? [lowest < 0 ? -roundUp(-lowest) : 0, roundUp(highest)], [bottom, top]);
}

/** Few, round ticks: powers of ten on a logarithmic axis. */
export function verticalTicks(
  scale: ScaleContinuousNumeric<number, number>,
  logarithmic: boolean,
  few: boolean,
): number[] {
  const ticks = scale.ticks(few ? 2 : 4);
  if (!logarithmic) return ticks;
  const powers = ticks.filter((tick) => Number.isInteger(Math.log10(tick)));
  return powers.length > 4 ? powers.filter((_, i) => i % 2 === 0) : powers;
}
