import { mannWhitney } from '../../ops/mannWhitney.ts';
import { areaUnderCurve } from '../contrastive/accuracy.ts';
import type { ContrastiveLoss } from '../contrastive/contrastive.ts';
import { contrastiveDefinition } from '../contrastive/definition.ts';
import { cellRoles } from '../contrastive/roles.ts';
import { cropRows, CROP_RATIO } from '../infoNce/crops.ts';
import { MANN_WHITNEY_TABLE } from './table.ts';

/**
 * The Mann–Whitney (MW) loss on crops (arXiv 2510.00137): every chunk's own pair of crops against every other cell of the batch, of
 * whatever row, so that scores of different queries compare: 1/(B |n|) Σ_i Σ_n −ln σ((S_ii − S_n) / t).
 */
export function mannWhitneyLoss(temperature: number): ContrastiveLoss {
  return {
    temperature,
    record: (runtime, similarity, batch) => ({
      loss: mannWhitney(runtime, similarity, cellRoles(batch, { partners: 'negative' }), temperature),
    }),
    measured: (similarity, batch) => ({
      areaUnderCurve: areaUnderCurve(similarity, cellRoles(batch, { partners: 'negative' })),
    }),
  };
}

export const mannWhitneyDefinition = contrastiveDefinition({
  table: MANN_WHITNEY_TABLE,
  keys: { loss: 'mannWhitneyLoss', accuracy: 'cropAccuracy' },
  views: cropRows,
  longestView: CROP_RATIO.most,
  loss: ({ mannWhitneyTemperature }) => mannWhitneyLoss(mannWhitneyTemperature),
  measures: ['areaUnderCurve'],
});
