import { ROLE } from '../../ops/core/cells.ts';
import { mean } from '../scores.ts';

/** Share of rows of S [B, B] whose largest entry is that of the diagonal; tied rows count in part. */
export function diagonalAccuracy(similarity: Float32Array): number {
  const size = Math.sqrt(similarity.length);
  const credits = Array.from({ length: size }, (_, i) => {
    const row = similarity.subarray(i * size, (i + 1) * size);
    const highest = Math.max(...row);
    return row[i] === highest ? 1 / row.filter((value) => value === highest).length : 0;
  });
  return mean(credits);
}

/**
 * AUC of S: the share of pairs of a positive and a negative cell, of whatever rows, in which the positive is higher; ties count half.
 * NaN where there is no pair.
 * @param roles a ROLE of each cell.
 */
export function areaUnderCurve(similarity: ArrayLike<number>, roles: ArrayLike<number>): number {
  const of = (role: number): number[] => Array.from(similarity).filter((_, at) => roles[at] === role);
  const negatives = of(ROLE.negative);
  const credits = of(ROLE.positive).map((positive) =>
    mean(negatives.map((negative) => (positive > negative ? 1 : positive === negative ? 0.5 : 0))),
  );
  return mean(credits);
}

/** Share of rows of S [B, B + N] whose largest entry that is not left out is a positive; of tied ones a share. */
export function positiveAccuracy(similarity: ArrayLike<number>, roles: ArrayLike<number>, rows: number): number {
  const columns = roles.length / rows;
  const credits = Array.from({ length: rows }, (_, i) => {
    const cells = Array.from({ length: columns }, (__, j) => {
      const at = i * columns + j;
      return { value: similarity[at] ?? NaN, role: roles[at] };
    }).filter(({ role }) => role !== ROLE.leftOut);
    const highest = Math.max(...cells.map(({ value }) => value));
    const best = cells.filter(({ value }) => value === highest);
    return best.length === 0 ? 0 : best.filter(({ role }) => role === ROLE.positive).length / best.length;
  });
  return mean(credits);
}
