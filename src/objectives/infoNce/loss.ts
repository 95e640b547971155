import { decoupledCrossEntropy } from '../../ops/decoupledCrossEntropy.ts';
import { diagonalCrossEntropy } from '../../ops/diagonalCrossEntropy.ts';
import type { ContrastiveLoss } from '../contrastive/contrastive.ts';
import { cellRoles } from '../contrastive/roles.ts';

/**
 * InfoNCE: 1/B Σ_i (logsumexp_j(S_ij / τ) − S_ii / τ) over the batch's passages and its hard negatives. With these the cells of a row
 * differ (those of its own document are left out), which the decoupled form knows: with one positive a row it is the same loss.
 */
export function infoNceLoss(temperature: number): ContrastiveLoss {
  return {
    temperature,
    record: (runtime, similarity, batch) =>
      batch.partnersOf.length === 0
        ? diagonalCrossEntropy(runtime, similarity, temperature)
        : {
            loss: decoupledCrossEntropy(runtime, similarity, cellRoles(batch, { partners: 'negative' }), temperature),
          },
  };
}
