import { Random } from '../../corpus/random.ts';
import { criticalT, twoSidedP } from './studentT.ts';

/** How much a mean of differences could as well be chance. */
export interface TestResult {
  /** Probability of a mean as far from 0 as this or farther, either way, were there no difference. */
  readonly p: number;
}

export interface PairedT extends TestResult {
  /** Mean over its standard error; NaN where there are fewer than two differences, or all are 0. */
  readonly t: number;
  readonly df: number;
  /** Where the mean lies with a probability of 95 %. */
  readonly interval: readonly [number, number];
  /** Mean over the standard deviation of the differences. */
  readonly effectSize: number;
}

export interface SignFlip extends TestResult {
  /** How many choices of signs were looked at: all that there are, or a sample. */
  readonly choices: number;
  readonly isExact: boolean;
}

const LEVEL = 0.05;
/** Up to so many differences that are not 0 all choices of signs are looked at. */
const MOST_EXACT = 20;
/** Of more, so many are drawn. */
const SAMPLES = 10_000;
/** Sums that differ by less than this share of the largest are the same sum, added up in another order. */
const SAME = 1e-12;

/** The paired t test: whether the mean of differences is 0, were they normally distributed. */
export function pairedT(differences: ArrayLike<number>): PairedT {
  const all = Array.from(differences);
  const df = all.length - 1;
  const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
  const deviation = Math.sqrt(all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / df);
  const error = deviation / Math.sqrt(all.length);
  const t = error === 0 && mean === 0 ? NaN : mean / error;
  if (df < 1 || Number.isNaN(t)) return { p: 1, t: NaN, df, interval: [mean, mean], effectSize: NaN };
  const reach = criticalT(LEVEL, df) * error;
  return { p: twoSidedP(t, df), t, df, interval: [mean - reach, mean + reach], effectSize: mean / deviation };
}

/**
 * The sign-flip test: were two systems alike, each difference could as well have had the other sign. p is the share of choices of signs
 * whose sum is as far from 0 as that of the differences or farther: of all of them, or of a sample, in which the one at hand is counted
 * as well (Phipson and Smyth 2010), so that no p is 0. Nothing is assumed of how differences are distributed.
 */
export function signFlip(differences: ArrayLike<number>, seed = 0): SignFlip {
  const moved = Array.from(differences).filter((one) => one !== 0);
  const reach = moved.reduce((sum, one) => sum + Math.abs(one), 0);
  const least = Math.abs(moved.reduce((sum, one) => sum + one, 0)) - SAME * reach;
  if (moved.length === 0) return { p: 1, choices: 1, isExact: true };
  if (moved.length > MOST_EXACT) return sampledFlips(moved, least, seed);
  const choices = 2 ** moved.length;
  let sum = moved.reduce((total, one) => total + one, 0);
  const signs = moved.map(() => 1);
  let extreme = 1;
  // A Gray code: one sign after the other changes.
  for (let i = 1; i < choices; i++) {
    const place = 31 - Math.clz32(i & -i);
    signs[place] = -(signs[place] ?? 1);
    sum += 2 * (signs[place] ?? 1) * (moved[place] ?? 0);
    if (Math.abs(sum) >= least) extreme++;
  }
  return { p: extreme / choices, choices, isExact: true };
}

function sampledFlips(moved: readonly number[], least: number, seed: number): SignFlip {
  const random = Random.fromSeed(seed).fork('sign flips');
  let extreme = 1;
  for (let sample = 0; sample < SAMPLES; sample++) {
    let sum = 0;
    let bits = 0;
    for (let i = 0; i < moved.length; i++) {
      if (i % 32 === 0) bits = random.bits();
      sum += (bits >>> (i % 32)) & 1 ? (moved[i] ?? 0) : -(moved[i] ?? 0);
    }
    if (Math.abs(sum) >= least) extreme++;
  }
  return { p: extreme / (SAMPLES + 1), choices: SAMPLES, isExact: false };
}

/**
 * Holm's correction: of several tests, p values such that taking those below a level for findings is wrong in any of them with no
 * larger probability than that level. In the order of `ps`. (Holm 1979.)
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => (ps[a] ?? 1) - (ps[b] ?? 1));
  const adjusted = ps.map(() => 1);
  let least = 0;
  for (const [rank, i] of order.entries()) {
    least = Math.max(least, Math.min(1, (ps.length - rank) * (ps[i] ?? 1)));
    adjusted[i] = least;
  }
  return adjusted;
}
