import { medianOf } from '../deviceBench/stopwatch.ts';

/** Time of so many launches of a piece of work in one of its variants, ms. */
export type TimeVariant<T> = (variant: T, launches: number) => Promise<number>;

export interface Timed<T> {
  readonly variant: T;
  /** ms a launch: the median of all rounds, or the one time of a variant that was left behind. */
  readonly ms: number;
}

export interface FastestOptions<T> {
  readonly variants: readonly T[];
  /** The variant that is kept unless another is faster by at least LEAST_GAIN. */
  readonly byRule: T;
  readonly time: TimeVariant<T>;
  /** A measurement is no shorter, ms: as much as the clock needs to tell variants apart. */
  readonly leastMs: number;
  /** Whether so many ms more may be spent. */
  readonly mayTake: (ms: number) => boolean;
}

/** Measurements of each variant. */
const ROUNDS = 5;
/** Part of the time that another variant must save to be taken. */
export const LEAST_GAIN = 0.1;
/** A variant that takes so many times as long as the fastest is not measured again. */
const LEFT_BEHIND = 2;
/** Launches of a measurement at most. */
const MOST_LAUNCHES = 1024;

/**
 * Which variant is fastest: all are measured in turn, round after round, so that whatever else the device does meets them alike, with as
 * many launches as make the fastest take `leastMs`. Medians decide. Undefined where there was no time for that.
 */
export async function fastest<T>({
  variants,
  byRule,
  time,
  leastMs,
  mayTake,
}: FastestOptions<T>): Promise<{ readonly taken: T; readonly times: readonly Timed<T>[] } | undefined> {
  /** Each of them once; undefined where time is up before the last. */
  const round = async (of: readonly T[], launches: number): Promise<number[] | undefined> => {
    const times: number[] = [];
    for (const variant of of) {
      if (!mayTake(0)) return undefined;
      times.push(await time(variant, launches));
    }
    return times;
  };

  let launches = 1;
  let first = await round(variants, launches);
  while (first && Math.min(...first) < leastMs && launches < MOST_LAUNCHES) {
    // Slowly, since what was just measured may hold more waiting than work.
    const growth = Math.min(8, Math.max(1.5, leastMs / Math.max(Math.min(...first), 1e-3)));
    launches = Math.min(MOST_LAUNCHES, Math.ceil(launches * growth));
    first = await round(variants, launches);
  }
  if (!first) return undefined;
  const limit = LEFT_BEHIND * Math.min(...first);
  const all = variants.map((variant, i) => ({ variant, times: [first[i] ?? 0] }));
  const stays = all.filter(({ variant, times }) => variant === byRule || (times[0] ?? 0) < limit);
  const aRound = stays.reduce((sum, { times }) => sum + (times[0] ?? 0), 0);
  if (!mayTake((ROUNDS - 1) * aRound)) return undefined;
  for (let i = 1; i < ROUNDS; i++) {
    const more = await round(
      stays.map(({ variant }) => variant),
      launches,
    );
    if (!more) return undefined;
    stays.forEach(({ times }, at) => times.push(more[at] ?? 0));
  }
  const times = all.map(({ variant, times }): Timed<T> => ({ variant, ms: medianOf(times) / launches }));
  const best = times.reduce((one, other) => (other.ms < one.ms ? other : one));
  const rule = times.find(({ variant }) => variant === byRule);
  const isWorthIt = rule !== undefined && best.ms <= (1 - LEAST_GAIN) * rule.ms;
  return { taken: isWorthIt ? best.variant : byRule, times };
}
