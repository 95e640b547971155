import type { RevelaOptions } from '../../../src/objectives/revela/revela.ts';

/** Three layers of which the upper two read their neighbours, and nothing that is large or small enough to hide a mistake. */
export const OPTIONS: RevelaOptions = {
  temperature: 0.5,
  vNorm: true,
  dualLoss: false,
  pooling: 'mean',
  contextGate: 0.75,
  contextLayers: [1, 2],
  lossMask: 'all',
  detachKeyValues: false,
  checkpointing: false,
};
