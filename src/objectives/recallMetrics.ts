import type { MetricDefinition } from './table.ts';

// Metrics of retrieval within a batch, which every objective has.

export const RECALL: MetricDefinition = {
  key: 'recallAt1',
  label: 'recall@1 of the batch',
  unit: 'share',
  help: 'Share of rows whose most similar other chunk is of the same document.',
  isOptional: true,
  range: [0, 1],
  short: 'recall@1',
  digits: 2,
};
export const HELD_OUT_RECALL: MetricDefinition = { ...RECALL, label: 'recall@1' };
export const CHANCE: MetricDefinition = {
  key: 'chance',
  label: 'recall@1 by chance',
  unit: 'share',
  help: 'Recall that guessing gives on the same rows.',
  isOptional: true,
  range: [0, 1],
  short: 'chance',
  digits: 2,
};
export const TFIDF: MetricDefinition = {
  key: 'tfidfRecallAt1',
  label: 'recall@1 of TF-IDF',
  unit: 'share',
  help: 'Recall of a ranking by shared words on the same rows.',
  isOptional: true,
  range: [0, 1],
  short: 'TF-IDF',
  digits: 2,
};
