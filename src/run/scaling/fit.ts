import { criticalT } from '../../evaluation/significance/studentT.ts';
import type { PowerFit } from './report.ts';

/** Share of cases in which the interval is to miss the exponent. */
const MISSED = 0.05;

/**
 * The power law through points, by least squares of log y over log x: exponent b = Σ(u − ū)(v − v̄) / Σ(u − ū)², with the interval
 * b ± t₀.₉₇₅(n − 2) · s / √Σ(u − ū)², s² = Σ residual² / (n − 2), of ordinary regression (u = log x, v = log y).
 * Undefined where there are fewer than two different x. @throws Error for numbers that have no logarithm.
 */
export function fitPower(points: readonly (readonly [x: number, y: number])[]): PowerFit | undefined {
  if (points.some(([x, y]) => !(x > 0 && y > 0 && Number.isFinite(x) && Number.isFinite(y))))
    throw new Error('A power law goes through positive numbers only.');
  const n = points.length;
  const [u, v] = [points.map(([x]) => Math.log(x)), points.map(([, y]) => Math.log(y))];
  const [meanU, meanV] = [mean(u), mean(v)];
  const spread = sum(u.map((one) => (one - meanU) ** 2));
  if (n < 2 || spread === 0) return undefined;
  const exponent = sum(u.map((one, i) => (one - meanU) * ((v[i] ?? 0) - meanV))) / spread;
  const offset = meanV - exponent * meanU;
  const coefficient = Math.exp(offset);
  if (n < 3) return { exponent, interval: undefined, coefficient };
  const residuals = sum(u.map((one, i) => ((v[i] ?? 0) - offset - exponent * one) ** 2));
  const half = criticalT(MISSED, n - 2) * Math.sqrt(residuals / (n - 2) / spread);
  return { exponent, interval: [exponent - half, exponent + half], coefficient };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
