import { ROLE } from '../../src/ops/core/cells.ts';

/** Losses over cells of S [B, C] in f64, from their definitions. */

const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const places = (roles: ArrayLike<number>, role: number): number[] =>
  Array.from(roles, (one, at) => (one === role ? at : -1)).filter((at) => at >= 0);

/** Mean over all positives of the cross-entropy of each against the negatives of its row; 0 where the row has none. */
export function decoupledCrossEntropyReference(
  similarity: ArrayLike<number>,
  roles: ArrayLike<number>,
  columns: number,
  temperature: number,
): number {
  const positives = places(roles, ROLE.positive);
  let sum = 0;
  for (const p of positives) {
    const row = Math.floor(p / columns);
    const negatives = places(roles, ROLE.negative).filter((n) => Math.floor(n / columns) === row);
    if (negatives.length === 0) continue;
    const behind = negatives.map((n) => (similarity[n]! - similarity[p]!) / temperature);
    const highest = Math.max(0, ...behind);
    const others = behind.reduce((total, value) => total + Math.exp(value - highest), 0);
    // ln(1 + Σ e^behind), without losing what is small beside 1.
    sum += highest === 0 ? Math.log1p(others) : highest + Math.log(Math.exp(-highest) + others);
  }
  return sum / positives.length;
}

/** Mean over all pairs of a positive and a negative of −ln σ((S_p − S_n) / t). */
export function mannWhitneyReference(
  similarity: ArrayLike<number>,
  roles: ArrayLike<number>,
  temperature: number,
): number {
  const [positives, negatives] = [places(roles, ROLE.positive), places(roles, ROLE.negative)];
  if (negatives.length === 0) return 0;
  let sum = 0;
  for (const p of positives)
    for (const n of negatives) sum += softplus((similarity[n]! - similarity[p]!) / temperature);
  return sum / (positives.length * negatives.length);
}
