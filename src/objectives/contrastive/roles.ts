import { ROLE } from '../../ops/core/cells.ts';
import type { ContrastiveBatch } from './contrastive.ts';

/**
 * What each cell of S [B, B + N] is: the diagonal positive; all else negative, but for hard negatives of a row's own document, which
 * are left out. Chunks of one document that meet in the batch (equal labels) are `partners`: wrong answers, or right ones of their own.
 */
export function cellRoles(
  { pairs, partnersOf, labels }: ContrastiveBatch,
  { partners }: { readonly partners: 'negative' | 'positive' },
): Uint32Array<ArrayBuffer> {
  const [rows, columns] = [pairs.queryIds.length, pairs.passageIds.length];
  const roles = new Uint32Array(rows * columns).fill(ROLE.negative);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++)
      if (i === j || (partners === 'positive' && labels[i] !== undefined && labels[i] === labels[j]))
        roles[i * columns + j] = ROLE.positive;
  }
  partnersOf.forEach((own, n) => {
    for (const i of own) roles[i * columns + rows + n] = ROLE.leftOut;
  });
  return roles;
}
