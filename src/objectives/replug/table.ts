import { BASELINES, CHANCE, RECALL, SCORED_RECALL, TFIDF } from '../recallMetrics.ts';
import { recallChart, shareMatrix, SIGNALS, SIMILARITY } from '../drawings/table.ts';
import type { MetricDefinition, ObjectiveTable, StepCost } from '../table.ts';

const LOSS: MetricDefinition = {
  key: 'replugLoss',
  label: 'divergence from the language model',
  unit: 'nats/row',
  help: 'KL(P ‖ Q): how far the retriever’s choice among the others, Q, is from what the language model profits from, P; the mean over rows.',
  short: 'KL',
  digits: 4,
};
const PICKED: MetricDefinition = {
  key: 'pickedLoss',
  label: 'loss behind what is picked',
  unit: 'nats/token',
  help: 'Mean next-token loss of the chunks behind each other one, weighed as the retriever picks them.',
  short: 'picked',
  digits: 4,
};
const ANY: MetricDefinition = {
  key: 'anyLoss',
  label: 'loss behind any other',
  unit: 'nats/token',
  help: 'The same with all others weighed alike.',
  short: 'any',
  digits: 4,
};
const OWN: MetricDefinition = {
  key: 'ownLoss',
  label: 'loss that the language model learns from',
  unit: 'nats/token',
  help: 'Its mean next-token loss of each chunk behind one other, drawn at random; none where it stays frozen.',
  isOptional: true,
  short: 'own',
  digits: 4,
};
const LANGUAGE_MODEL_RECALL: MetricDefinition = {
  key: 'languageModelRecallAt1',
  label: 'recall@1 of the language model',
  unit: 'share',
  help: 'Share of rows that the language model foretells best behind a chunk of the same document: what the retriever can learn from it.',
  isOptional: true,
  range: [0, 1],
  short: 'LM finds',
  digits: 2,
};
const PARTNER_SAVES: MetricDefinition = {
  key: 'partnerSaves',
  label: 'partner’s advantage',
  unit: 'nats/token',
  help: 'How much lower a chunk’s loss is behind its partner than behind another chunk: the mean over chunks with a partner.',
  isOptional: true,
  short: 'saves',
  digits: 3,
};

const square = (chunks: number): number => chunks * (chunks - 1);

/**
 * What a step of B chunks takes, in passes over one chunk: forward counts one, backward two. The retriever reads 2 B rows with gradients,
 * the language model B (B − 1) rows of two chunks without, and where it learns B such rows with. A Revela step in which both learn
 * has 4 B rows with gradients, and what chunks read of each other, which is not counted.
 */
export function replugCost({ chunks }: { readonly chunks: number }, isLearning = false): StepCost {
  const learning = isLearning ? 6 * chunks : 0;
  const passes = square(chunks);
  const work = 6 * chunks + 2 * passes + learning;
  const revela = 12 * chunks;
  return {
    passes,
    work,
    beside: revela,
    words:
      `REPLUG: the language model reads each of ${chunks} chunks behind each other, ${passes} passes of double length a step. ` +
      `In all that is the work of ${work} passes over a chunk, where a Revela step has ${revela}: ${(work / revela).toFixed(1)} times as much.`,
  };
}

export const REPLUG_TABLE: ObjectiveTable = {
  id: 'replug',
  title: 'REPLUG',
  opening:
    'Press Train: the retriever will learn to pick the chunks behind which the language model foretells the others best.',
  needsLanguageModel: true,
  stepMetrics: [LOSS, PICKED, ANY, OWN, RECALL, CHANCE, LANGUAGE_MODEL_RECALL],
  evaluationMetrics: [SCORED_RECALL, CHANCE, TFIDF, LOSS, PICKED, ANY, LANGUAGE_MODEL_RECALL, ...BASELINES],
  probeMetrics: [LOSS, PICKED, ANY, RECALL, CHANCE, LANGUAGE_MODEL_RECALL, PARTNER_SAVES],
  charts: [
    {
      title: 'Loss',
      unit: 'nats per token',
      cropped: true,
      size: 'large',
      lines: [
        { metric: 'pickedLoss', of: 'step', label: 'picked', title: 'Loss behind what is picked', tone: 'accent' },
        { metric: 'anyLoss', of: 'step', label: 'any', title: 'Loss behind any other', tone: 'alone' },
      ],
    },
    recallChart([
      {
        metric: 'languageModelRecallAt1',
        of: 'evaluation',
        label: 'LM',
        title: 'Recall@1 of the language model',
        tone: 'accent',
        dashed: true,
      },
    ]),
    {
      title: 'Divergence',
      unit: 'nats per row',
      cropped: true,
      size: 'medium',
      lines: [{ metric: 'replugLoss', of: 'step', label: 'KL', title: 'Divergence from the LM', tone: 'strong' }],
    },
    {
      title: 'Partner’s advantage',
      unit: 'nats per token',
      size: 'medium',
      lines: [
        { metric: 'partnerSaves', of: 'probe', label: 'advantage', title: 'Partner’s advantage', tone: 'strong' },
      ],
    },
  ],
  matrices: [
    shareMatrix({
      key: 'attention',
      symbol: 'Q',
      label: 'choice',
      formula: '= softmax(S / τ)',
      help: 'softmax(S / τ): how the retriever chooses among the others. Rows sum to 1.',
      most: { caption: 'What the retriever picks for each chunk', head: 'Picks most' },
      softmax: { of: 'similarity', temperature: 'replugTemperature' },
    }),
    shareMatrix({
      key: 'wanted',
      symbol: 'P',
      label: 'wish',
      formula: '= softmax(−loss / τ)',
      help: 'softmax of minus the language model’s loss of each chunk behind each other: what the retriever is to choose. Rows sum to 1.',
      most: { caption: 'Behind which chunk the language model foretells each best', head: 'Foretold best behind' },
    }),
    SIMILARITY,
  ],
  // Nothing is read in the layers: ∂L/∂S alone.
  signals: SIGNALS,
  pairs: {
    title: 'What the retriever picks',
    row: { noun: 'chunk', axis: 'query chunk (is foretold)', short: 'is foretold' },
    column: { noun: 'chunk', axis: 'context chunk (is picked)', short: 'is picked' },
    verb: 'picks',
    diagonal: 'nothing',
    found: 'chunks pick their partner most',
    right: 'same document',
    spread: 'chunks picked per row',
  },
  tokenRows: [],
  headline: 'replugLoss',
  extremes: ['replugLoss', 'pickedLoss'],
  score: 'recallAt1',
  losses: ['replugLoss'],
  gain: undefined,
  stepCost: ({ chunks, replugLanguageModel }) => replugCost({ chunks }, replugLanguageModel === 'learns'),
};
