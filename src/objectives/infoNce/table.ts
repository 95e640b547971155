import { BASELINES, CHANCE, RECALL, RECALL_LEVELS, SCORED_RECALL, TFIDF } from '../recallMetrics.ts';
import type { MetricDefinition, ObjectiveTable } from '../table.ts';

const LOSS: MetricDefinition = {
  key: 'infoNceLoss',
  label: 'InfoNCE loss',
  unit: 'nats/row',
  help: 'Mean cross-entropy of finding a crop’s other half among all crops of the batch; ln B by chance.',
  short: 'loss',
  digits: 4,
};
const ACCURACY: MetricDefinition = {
  key: 'cropAccuracy',
  label: 'crops matched',
  unit: 'share',
  help: 'Share of crops whose most similar passage crop is of the same chunk.',
  range: [0, 1],
  short: 'matched',
  digits: 2,
};

export const INFO_NCE_TABLE: ObjectiveTable = {
  id: 'infoNce',
  title: 'InfoNCE on crops',
  opening: 'Press Train: two random crops of each chunk will learn to find each other among all crops of the batch.',
  needsLanguageModel: false,
  stepMetrics: [LOSS, ACCURACY, RECALL, CHANCE],
  evaluationMetrics: [SCORED_RECALL, CHANCE, TFIDF, LOSS, ACCURACY, ...BASELINES],
  probeMetrics: [LOSS, ACCURACY, RECALL, CHANCE],
  charts: [
    {
      title: 'Loss',
      unit: 'nats per row',
      cropped: true,
      size: 'large',
      lines: [{ metric: 'infoNceLoss', of: 'step', label: 'InfoNCE', title: 'InfoNCE loss', tone: 'accent' }],
    },
    {
      title: 'Recall@1',
      unit: 'partner found first',
      domain: [0, 1],
      size: 'large',
      lines: [
        { metric: 'recallAt1', of: 'evaluation', label: 'scored', title: 'Recall@1, scored batches', tone: 'strong' },
        { metric: 'recallAt1', of: 'step', label: 'crops', title: 'Recall@1, crops of the batch', tone: 'faint' },
      ],
      levels: RECALL_LEVELS,
    },
    {
      title: 'Crops matched',
      unit: 'share of rows',
      domain: [0, 1],
      size: 'medium',
      lines: [{ metric: 'cropAccuracy', of: 'step', label: 'matched', title: 'Crops matched', tone: 'strong' }],
    },
  ],
  matrices: [
    {
      key: 'attention',
      symbol: 'P',
      label: 'probability',
      formula: '= softmax(S / τ)',
      help: 'softmax(S / τ): which passage crop each query crop takes for its own chunk’s. Rows sum to 1, the diagonal is right.',
      most: { caption: 'Which passage crop each query crop takes for its own chunk’s', head: 'Most probable' },
      range: [-0.001, 1.001],
      isShare: true,
      softmax: { of: 'similarity', temperature: 'infoNceTemperature' },
    },
    {
      key: 'similarity',
      symbol: 'S',
      label: 'similarity',
      formula: '(cosine)',
      help: 'cosine of the embeddings of the two crops, before the softmax.',
      most: { caption: 'Which passage crop each query crop is most similar to', head: 'Most similar to' },
      range: [-1e6, 1.001],
      isShare: false,
    },
  ],
  // Nothing is read here: ∂L/∂S alone.
  signals: { attention: 'attentionGradient', similarity: 'similarityGradient' },
  pairs: {
    title: 'Crops against crops',
    row: { noun: 'query crop', axis: 'query crop of chunk', short: 'query crop' },
    column: { noun: 'passage crop', axis: 'passage crop of chunk', short: 'passage crop' },
    verb: 'meets',
    diagonal: 'answer',
    found: 'query crops are nearest to the other crop of their chunk',
    right: 'right crop',
    spread: 'crops in question per row',
  },
  tokenRows: [],
  headline: 'infoNceLoss',
  extremes: ['infoNceLoss', 'cropAccuracy'],
  score: 'recallAt1',
  losses: ['infoNceLoss'],
  gain: undefined,
};
