import { contrastiveDefinition } from '../contrastive/definition.ts';
import { infoNceLoss } from '../infoNce/loss.ts';
import { clozeRows } from './cloze.ts';
import { INVERSE_CLOZE_TABLE } from './table.ts';

/**
 * The inverse cloze task (ORQA, Lee et al. 2019, arXiv 1906.00300): a sentence must find the chunk that it was taken out of among all
 * chunks of the batch, by the cross-entropy of InfoNCE. No language model takes part.
 */
export const inverseClozeDefinition = contrastiveDefinition({
  table: INVERSE_CLOZE_TABLE,
  keys: { loss: 'inverseClozeLoss', accuracy: 'clozeAccuracy' },
  views: clozeRows,
  longestView: 1,
  loss: ({ infoNceTemperature }) => infoNceLoss(infoNceTemperature),
});
