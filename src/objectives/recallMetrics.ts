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
/** The same over the batches of an evaluation. */
export const SCORED_RECALL: MetricDefinition = {
  ...RECALL,
  label: 'recall@1',
  help: 'Share of rows whose most similar other chunk is of the same document, over all batches of the evaluation.',
};
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
  help: 'Recall of TF-IDF, a ranking by shared words, on the same rows, with as much of the query as the retriever has.',
  isOptional: true,
  range: [0, 1],
  short: 'TF-IDF',
  digits: 2,
};
export const BM25: MetricDefinition = {
  key: 'bm25RecallAt1',
  label: 'recall@1 of BM25',
  unit: 'share',
  help: 'Recall of BM25, another ranking by shared words, on the same rows, with as much of the query as the retriever has.',
  isOptional: true,
  range: [0, 1],
  short: 'BM25',
  digits: 2,
};
export const UNTRAINED: MetricDefinition = {
  key: 'untrainedRecallAt1',
  label: 'recall@1 of the untrained retriever',
  unit: 'share',
  help: 'Recall of the same retriever before its first step, on the same rows.',
  isOptional: true,
  range: [0, 1],
  short: 'untrained',
  digits: 2,
};

/** What a trained retriever is set beside, in the order of how hard it is to beat. They come after an objective's own numbers. */
export const BASELINES = [BM25, UNTRAINED] as const;

/** Levels that stand in a chart of recall. */
export const RECALL_LEVELS = [
  { label: 'chance', metric: CHANCE.key },
  { label: 'untrained', metric: UNTRAINED.key },
  { label: 'TF-IDF', metric: TFIDF.key },
  { label: 'BM25', metric: BM25.key },
] as const;
