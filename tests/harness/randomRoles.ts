import { ROLE } from '../../src/ops/core/cells.ts';
import { randomInt } from './numerics.ts';

/**
 * Roles of the cells of S [B, C], C ≥ B, as contrastive objectives give them: chunks of a few documents, the diagonal and (with
 * `partnersToo`) partners positive, some of the other columns left out.
 */
export function randomRoles(
  random: () => number,
  rows: number,
  columns: number,
  { partnersToo }: { readonly partnersToo: boolean },
): Uint32Array<ArrayBuffer> {
  const labels = Array.from({ length: rows }, () => randomInt(random, 0, Math.max(1, Math.floor(rows / 2))));
  return Uint32Array.from({ length: rows * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    if (i === j) return ROLE.positive;
    if (j >= rows) return random() < 0.2 ? ROLE.leftOut : ROLE.negative;
    return partnersToo && labels[i] === labels[j] ? ROLE.positive : ROLE.negative;
  });
}
