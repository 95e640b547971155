import { BASELINES, CHANCE, RECALL, SCORED_RECALL, TFIDF } from '../recallMetrics.ts';
import { recallChart, shareMatrix, SIGNALS, SIMILARITY } from '../drawings/table.ts';
import type { MetricDefinition, ObjectiveTable } from '../table.ts';

const LOSS: MetricDefinition = {
  key: 'distillationLoss',
  label: 'divergence from the teacher',
  unit: 'nats/row',
  help: 'KL(P ‖ Q): how far the retriever’s ranking of the other chunks, Q, is from the teacher’s, P; the mean over rows.',
  short: 'KL',
  digits: 4,
};
const CONTRAST: MetricDefinition = {
  key: 'contrastLoss',
  label: 'contrast',
  unit: 'nats/row',
  help: 'InfoNCE of each chunk’s query with its own passage, less the chunks that the teacher would take for answers.',
  short: 'contrast',
  digits: 4,
};
const TEACHER_RECALL: MetricDefinition = {
  key: 'teacherRecallAt1',
  label: 'recall@1 of the teacher',
  unit: 'share',
  help: 'Share of rows whose highest chunk in the teacher’s ranking is of the same document: what can be learnt from it.',
  isOptional: true,
  range: [0, 1],
  short: 'teacher',
  digits: 2,
};

export const DISTILLATION_TABLE: ObjectiveTable = {
  id: 'distillation',
  title: 'Listwise distillation (has a teacher)',
  opening: 'Press Train: the retriever will learn to rank the chunks of a batch as its teacher ranks them.',
  needsLanguageModel: false,
  stepMetrics: [LOSS, CONTRAST, RECALL, CHANCE, TEACHER_RECALL],
  evaluationMetrics: [SCORED_RECALL, CHANCE, TFIDF, LOSS, CONTRAST, TEACHER_RECALL, ...BASELINES],
  probeMetrics: [LOSS, CONTRAST, RECALL, CHANCE, TEACHER_RECALL],
  charts: [
    {
      title: 'Loss',
      unit: 'nats per row',
      cropped: true,
      size: 'large',
      lines: [
        {
          metric: 'distillationLoss',
          of: 'step',
          label: 'KL',
          title: 'Divergence from the teacher',
          tone: 'accent',
        },
        { metric: 'contrastLoss', of: 'step', label: 'contrast', title: 'Contrast', tone: 'alone' },
      ],
    },
    recallChart([
      {
        metric: 'teacherRecallAt1',
        of: 'evaluation',
        label: 'teacher',
        title: 'Recall@1 of the teacher',
        tone: 'accent',
        dashed: true,
      },
    ]),
  ],
  matrices: [
    shareMatrix({
      key: 'attention',
      symbol: 'Q',
      label: 'ranking',
      formula: '= softmax(S / τ)',
      help: 'softmax(S / τ): how the retriever ranks the other chunks. Rows sum to 1.',
      most: { caption: 'What the retriever ranks first for each chunk', head: 'Ranks first' },
      softmax: { of: 'similarity', temperature: 'distillationTemperature' },
    }),
    shareMatrix({
      key: 'wanted',
      symbol: 'P',
      label: 'teacher',
      formula: '= softmax(score / τ)',
      help: 'softmax of the teacher’s scores, each row scaled to 0 … 1: what the retriever is to rank as. Rows sum to 1.',
      most: { caption: 'What the teacher ranks first for each chunk', head: 'Teacher ranks first' },
    }),
    SIMILARITY,
  ],
  // Nothing is read here: ∂L/∂S alone.
  signals: SIGNALS,
  pairs: {
    title: 'Ranked with a teacher',
    row: { noun: 'chunk', axis: 'query chunk (ranks)', short: 'ranks' },
    column: { noun: 'chunk', axis: 'passage chunk (is ranked)', short: 'is ranked' },
    verb: 'ranks first',
    diagonal: 'nothing',
    found: 'chunks rank their partner first',
    right: 'same document',
    spread: 'chunks in question per row',
  },
  tokenRows: [],
  headline: 'distillationLoss',
  extremes: ['distillationLoss', 'contrastLoss'],
  score: 'recallAt1',
  losses: ['distillationLoss'],
  gain: undefined,
};
