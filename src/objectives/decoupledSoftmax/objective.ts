import { decoupledCrossEntropy } from '../../ops/decoupledCrossEntropy.ts';
import { positiveAccuracy } from '../contrastive/accuracy.ts';
import type { ContrastiveLoss } from '../contrastive/contrastive.ts';
import { contrastiveDefinition } from '../contrastive/definition.ts';
import { cellRoles } from '../contrastive/roles.ts';
import { cropRows, CROP_RATIO } from '../infoNce/crops.ts';
import { DECOUPLED_SOFTMAX_TABLE } from './table.ts';

/**
 * Decoupled softmax on crops (Gupta et al., ICLR 2024): the crops of chunks of one document are right answers to each other, and no
 * right answer stands in the denominator of another. Mean over all right answers of the batch, where the paper sums.
 */
export function decoupledSoftmaxLoss(temperature: number): ContrastiveLoss {
  return {
    temperature,
    record: (runtime, similarity, batch) => ({
      loss: decoupledCrossEntropy(runtime, similarity, cellRoles(batch, { partners: 'positive' }), temperature),
    }),
    measured: (similarity, batch) => ({
      positiveAccuracy: positiveAccuracy(
        similarity,
        cellRoles(batch, { partners: 'positive' }),
        batch.pairs.queryIds.length,
      ),
    }),
  };
}

export const decoupledSoftmaxDefinition = contrastiveDefinition({
  table: DECOUPLED_SOFTMAX_TABLE,
  keys: { loss: 'decoupledLoss', accuracy: 'cropAccuracy' },
  views: cropRows,
  longestView: CROP_RATIO.most,
  loss: ({ infoNceTemperature }) => decoupledSoftmaxLoss(infoNceTemperature),
  measures: ['positiveAccuracy'],
});
