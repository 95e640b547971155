import { BASELINES, CHANCE, RECALL, SCORED_RECALL, TFIDF } from '../recallMetrics.ts';
import { recallChart, shareMatrix, SIGNALS, SIMILARITY } from '../drawings/table.ts';
import type { MetricDefinition, ObjectiveTable } from '../table.ts';

const WITH_CONTEXT: MetricDefinition = {
  key: 'ntpLoss',
  label: 'loss with context',
  unit: 'nats/token',
  help: 'Mean next-token loss of the chunks while they read their neighbours.',
  short: 'loss',
  digits: 4,
};
const ALONE: MetricDefinition = {
  key: 'isolatedLoss',
  label: 'loss alone',
  unit: 'nats/token',
  help: 'Mean next-token loss of the same chunks without neighbours.',
  short: 'alone',
  digits: 4,
};
const DOCUMENTS: MetricDefinition = {
  key: 'effectiveDocuments',
  label: 'documents read per row',
  unit: 'effective number',
  help: 'How many neighbours a chunk effectively reads: the mean over rows of exp(entropy of A_i).',
  isNewer: true,
  short: 'reads',
  digits: 2,
};

const share = (key: string, label: string, short: string, help: string): MetricDefinition => ({
  key,
  label,
  unit: 'share',
  help,
  isOptional: true,
  range: [-0.001, 1.001],
  short,
  digits: 2,
});
const PARTNER_SHARE = share(
  'partnerShare',
  'attention on the same document',
  'partner',
  'Mean over the chunks that have a partner of the attention on chunks of their document.',
);
const PARTNER_SHARE_BY_CHANCE = share(
  'partnerShareByChance',
  'attention on the same document by chance',
  'by chance',
  'What reading all others alike gives to them, on the same chunks.',
);
const WORDING_SHARE = share(
  'wordingShare',
  'attention on the same wording',
  'wording',
  'Mean over the chunks that share their sentence with another document of the attention on those others.',
);
const WORDING_SHARE_BY_CHANCE = share(
  'wordingShareByChance',
  'attention on the same wording by chance',
  'by chance',
  'What reading all others alike gives to them, on the same chunks.',
);
const CONTRAST: MetricDefinition = {
  key: 'contrast',
  label: 'partner’s advantage',
  unit: 'nats/token',
  help: 'What a unit of attention saves on the partner more than on another neighbour, to first order: the mean over chunks with a partner.',
  isOptional: true,
  short: 'contrast',
  digits: 3,
};

export const REVELA_TABLE: ObjectiveTable = {
  id: 'revela',
  title: 'Revela',
  opening: 'Press Train: each chunk will learn which of the others to read, from nothing but predicting the next word.',
  needsLanguageModel: true,
  stepMetrics: [WITH_CONTEXT, ALONE, RECALL, CHANCE, DOCUMENTS],
  evaluationMetrics: [SCORED_RECALL, CHANCE, TFIDF, WITH_CONTEXT, ALONE, DOCUMENTS, ...BASELINES],
  probeMetrics: [
    WITH_CONTEXT,
    ALONE,
    RECALL,
    CHANCE,
    DOCUMENTS,
    PARTNER_SHARE,
    PARTNER_SHARE_BY_CHANCE,
    WORDING_SHARE,
    WORDING_SHARE_BY_CHANCE,
    CONTRAST,
  ],
  charts: [
    {
      title: 'Loss',
      unit: 'nats per token',
      cropped: true,
      size: 'large',
      lines: [
        { metric: 'ntpLoss', of: 'step', label: 'with context', title: 'Loss with context', tone: 'accent' },
        { metric: 'isolatedLoss', of: 'step', label: 'alone', title: 'Loss alone', tone: 'alone' },
      ],
    },
    recallChart([]),
    {
      title: 'Attention on the same …',
      unit: 'share',
      domain: [0, 1],
      size: 'large',
      lines: [
        { metric: 'partnerShare', of: 'probe', label: 'document', title: 'Attention on partners', tone: 'accent' },
        {
          metric: 'wordingShare',
          of: 'probe',
          label: 'wording',
          title: 'Attention on the same wording',
          tone: 'strong',
          dashed: true,
        },
      ],
      levels: [
        { label: 'document by chance', short: 'chance', metric: 'partnerShareByChance', of: 'probe', tone: 'accent' },
        { label: 'wording by chance', short: 'chance', metric: 'wordingShareByChance', of: 'probe', tone: 'strong' },
      ],
    },
    {
      title: 'What teaches, what is gained',
      unit: 'nats per token',
      size: 'large',
      lines: [
        { metric: 'contrast', of: 'probe', label: 'advantage', title: 'Partner’s advantage', tone: 'strong' },
        { metric: 'isolatedLoss', minus: 'ntpLoss', of: 'probe', label: 'gain', title: 'Gain', tone: 'accent' },
      ],
    },
    {
      title: 'Read per row',
      unit: 'documents',
      domain: 'others',
      size: 'medium',
      lines: [{ metric: 'effectiveDocuments', of: 'step', label: 'documents', title: 'Read per row', tone: 'strong' }],
    },
  ],
  matrices: [
    shareMatrix({
      key: 'attention',
      symbol: 'A',
      label: 'attention',
      formula: '= softmax(S / τ)',
      help: 'softmax(S / τ): how much each chunk reads the others. Rows sum to 1.',
      most: { caption: 'What each chunk reads most', head: 'Reads most' },
      softmax: { of: 'similarity', temperature: 'temperature', control: 'attention' },
    }),
    SIMILARITY,
  ],
  signals: SIGNALS,
  pairs: {
    title: 'Batch attention',
    row: { noun: 'chunk', axis: 'query chunk (reads)', short: 'reads' },
    column: { noun: 'chunk', axis: 'context chunk (is read)', short: 'is read' },
    verb: 'reads',
    diagonal: 'nothing',
    found: 'chunks read their partner most',
    right: 'same document',
    spread: 'documents read per row',
  },
  tokenRows: [
    { key: 'tokenLoss', label: 'loss with context' },
    { key: 'isolatedTokenLoss', label: 'loss alone' },
  ],
  headline: 'ntpLoss',
  extremes: ['ntpLoss', 'effectiveDocuments'],
  score: 'recallAt1',
  losses: ['ntpLoss', 'isolatedLoss'],
  gain: { alone: 'isolatedLoss', withContext: 'ntpLoss' },
};
