/** Time of so many launches of a piece of work in one of its variants, ms. */
export type TimeVariant<T> = (variant: T, launches: number) => Promise<number>;

export interface Timed<T> {
  readonly variant: T;
  /** ms a launch: the middle one of all rounds, or of those until the variant was left behind. */
  readonly ms: number;
}

export interface FastestOptions<T> {
  readonly variants: readonly T[];
  /** The variant that is kept unless another is faster by at least LEAST_GAIN. */
  readonly byRule: T;
  readonly time: TimeVariant<T>;
  /** A measurement that decides is no shorter, ms: as much as the clock needs to tell variants apart. */
  readonly leastMs: number;
  /** Launches that should take about so long; 1 where nothing is known. */
  readonly expected?: number;
  /** Whether so many ms more may be spent. */
  readonly mayTake: (ms: number) => boolean;
}

/** Measurements of each variant that may be the fastest. */
const ROUNDS = 5;
/** Part of the time that another variant must save to be taken. */
export const LEAST_GAIN = 0.1;
/** A variant that takes so many times as long as the fastest is not measured again: after the first look, and after each round. */
export const LEFT_BEHIND = 1.5;
const FALLS_BEHIND = 1.2;
/** Part of a measurement that is enough to see who is left behind. */
const LOOK = 0.5;
/** Launches of a measurement at most. */
const MOST_LAUNCHES = 1024;

/**
 * Which variant is fastest. All are looked at once, shortly; those that may be it are then measured in turn, round after round, so that
 * whatever else the device does meets them alike, and who falls behind is left out. Medians of five decide, of measurements in
 * which the fastest takes `leastMs`. Undefined where there was no time for that.
 */
export async function fastest<T>({
  variants,
  byRule,
  time,
  leastMs,
  expected = 1,
  mayTake,
}: FastestOptions<T>): Promise<{ readonly taken: T; readonly times: readonly Timed<T>[] } | undefined> {
  let launches = Math.min(MOST_LAUNCHES, expected);
  let once = mayTake(0) ? await time(byRule, launches) : undefined;
  while (once !== undefined && once < LOOK * leastMs && launches < MOST_LAUNCHES) {
    launches = moreLaunches(launches, (LOOK * leastMs) / Math.max(once, 1e-3));
    once = mayTake(0) ? await time(byRule, launches) : undefined;
  }
  if (once === undefined || !mayTake(variants.length * once)) return undefined;
  const all = variants.map((variant) => ({ variant, times: [] as number[] }));
  /** Each of them once; false where time is up before the last. */
  const round = async (of: typeof all): Promise<boolean> => {
    for (const { variant, times } of of) {
      if (!mayTake(0)) return false;
      times.push((await time(variant, launches)) / launches);
    }
    return true;
  };
  const within = (of: typeof all, factor: number): typeof all => {
    const limit = factor * Math.min(...of.map(({ times }) => lowerMedian(times)));
    return of.filter(({ variant, times }) => variant === byRule || lowerMedian(times) <= limit);
  };
  if (!(await round(all))) return undefined;
  let stays = within(all, LEFT_BEHIND);
  let best = Math.min(...stays.map(({ times }) => lowerMedian(times)));
  // A look is too short to decide anything else.
  if (stays.length > 1 && launches * best < leastMs && launches < MOST_LAUNCHES) {
    launches = moreLaunches(launches, leastMs / Math.max(launches * best, 1e-3));
    for (const { times } of stays) times.length = 0;
  }
  while (stays.length > 1 && (stays[0]?.times.length ?? ROUNDS) < ROUNDS) {
    if (!mayTake(launches * best * stays.length) || !(await round(stays))) return undefined;
    stays = within(stays, FALLS_BEHIND);
    best = Math.min(...stays.map(({ times }) => lowerMedian(times)));
  }
  const times = all.map(({ variant, times: of }): Timed<T> => ({ variant, ms: lowerMedian(of) }));
  const first = stays.reduce((one, other) => (lowerMedian(other.times) < lowerMedian(one.times) ? other : one));
  const rule = stays.find(({ variant }) => variant === byRule);
  const isWorthIt = rule !== undefined && lowerMedian(first.times) <= (1 - LEAST_GAIN) * lowerMedian(rule.times);
  return { taken: isWorthIt ? first.variant : byRule, times };
}

/** Slowly, since what was just measured may hold more waiting than work. */
function moreLaunches(launches: number, growth: number): number {
  return Math.min(MOST_LAUNCHES, Math.ceil(launches * Math.min(8, Math.max(1.25, growth))));
}

/** The middle one; of two in the middle the lower: measurements go wrong by taking too long. @throws Error for no values */
export function lowerMedian(values: readonly number[]): number {
  const middle = [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
  if (middle === undefined) throw new Error('There is no median of no values.');
  return middle;
}
