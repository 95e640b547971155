import { Random } from '../../corpus/random.ts';

const RESAMPLES = 2000;
/** Shares of the resampled means that lie below the interval, and below its end. */
const ENDS = [0.025, 0.975] as const;

/**
 * Where the mean would lie in 95 of 100 collections of queries like this one: of means of queries drawn with replacement, the middle
 * 95 % (percentile bootstrap, Efron 1979). The same seed draws the same queries for every system.
 * @param values one for each query. @returns undefined for none.
 */
export function bootstrapInterval(values: ArrayLike<number>, seed = 0): readonly [number, number] | undefined {
  const count = values.length;
  if (count === 0) return undefined;
  const random = Random.fromSeed(seed).fork('bootstrap');
  const means = new Float64Array(RESAMPLES);
  for (let sample = 0; sample < RESAMPLES; sample++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += values[random.integer(count)] ?? 0;
    means[sample] = sum / count;
  }
  means.sort();
  const [low, high] = ENDS.map((share) => means[Math.round(share * (RESAMPLES - 1))] ?? NaN);
  return [low ?? NaN, high ?? NaN];
}
