import type { Decoder } from '../../models/decoder.ts';
import type { RetrieverOptions } from '../batchSimilarity.ts';
import { contrastiveObjective, type ContrastiveBatch } from '../contrastive/contrastive.ts';
import { contrastiveDefinition } from '../contrastive/definition.ts';
import type { Objective } from '../objective.ts';
import { cropRows, CROP_RATIO } from './crops.ts';
import { infoNceLoss } from './loss.ts';
import { INFO_NCE_TABLE } from './table.ts';

export interface InfoNceOptions extends RetrieverOptions {
  /** τ. */
  readonly temperature: number;
}

const KEYS = { loss: 'infoNceLoss', accuracy: 'cropAccuracy' } as const;

/**
 * InfoNCE on crops as Contriever trains it (Izacard et al. 2022, arXiv 2112.09118, eq. 1): two random crops of a chunk are a
 * positive pair, the other chunks' passage crops its negatives; loss = 1/B Σ_i (logsumexp_j(S_ij / τ) − S_ii / τ) with
 * S_ij = cos(E(query crop i), E(passage crop j)). Contriever takes dot products; ours are cosines, as our search is (docs/METHOD.md, "InfoNCE on crops").
 * No language model takes part.
 */
export function infoNceObjective(retriever: Decoder, options: InfoNceOptions): Objective<ContrastiveBatch> {
  return contrastiveObjective(retriever, options, {
    table: INFO_NCE_TABLE,
    keys: KEYS,
    loss: infoNceLoss(options.temperature),
  });
}

export const infoNceDefinition = contrastiveDefinition({
  table: INFO_NCE_TABLE,
  keys: KEYS,
  views: cropRows,
  longestView: CROP_RATIO.most,
  loss: ({ infoNceTemperature }) => infoNceLoss(infoNceTemperature),
});
