/** Times in milliseconds, summed up. */
export interface Spread {
  readonly count: number;
  readonly median: number;
  /** 95 % are at most this. */
  readonly p95: number;
  readonly worst: number;
}

/** @throws Error when there is nothing to sum up. */
export function spreadOf(times: readonly number[]): Spread {
  const sorted = [...times].sort((a, b) => a - b);
  // Nearest rank: a time that was measured, not one between two.
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
  if (sorted.length === 0) throw new Error('Nothing was measured.');
  return { count: sorted.length, median: at(0.5), p95: at(0.95), worst: at(1) };
}

/** "median 9.1 ms, 95 % 14.0 ms, worst 31.0 ms (120)". */
export function describeSpread({ count, median, p95, worst }: Spread): string {
  const [middle, most, all] = [median, p95, worst].map((ms) => `${ms.toFixed(1)} ms`);
  return `median ${middle}, 95 % ${most}, worst ${all} (${count})`;
}
