import { configure } from '../../src/settings/configuration.ts';

/** The smallest run of small models on facts: steps of a few milliseconds, scores at its beginning only. */
export const TINY_RUN = configure({
  chunks: 4,
  layers: 1,
  width: 16,
  heads: 2,
  kvHeads: 1,
  mlpWidth: 16,
  heldOutBatches: 1,
  evaluateEvery: 1000,
});
