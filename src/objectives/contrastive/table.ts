import { BASELINES, CHANCE, RECALL, RECALL_LEVELS, SCORED_RECALL, TFIDF } from '../recallMetrics.ts';
import type { AxisWords, ChartDefinition, MetricDefinition, ObjectiveTable } from '../table.ts';

/** What a contrastive objective's table has of its own. */
export interface ContrastiveWords {
  readonly id: string;
  readonly title: string;
  readonly opening: string;
  readonly loss: MetricDefinition;
  /** As its line is called in the chart of the loss. */
  readonly lossLine: string;
  readonly lossUnit: string;
  readonly accuracy: MetricDefinition;
  /** Title of the chart of that share. */
  readonly accuracyTitle: string;
  /** Further numbers, and charts of them. */
  readonly measures?: readonly { readonly metric: MetricDefinition; readonly chart: ChartDefinition }[];
  /** What its recall of a step is measured on: crops. */
  readonly views: string;
  readonly matrixTitle: string;
  /** What P says, and what S is of. */
  readonly probability: { readonly help: string; readonly caption: string };
  readonly similarity: { readonly help: string; readonly caption: string };
  /** Key of the setting that P is made with. */
  readonly temperature: string;
  readonly row: AxisWords;
  readonly column: AxisWords;
  readonly found: string;
  readonly right: string;
  readonly spread: string;
}

/** How many of a batch's queries are nearest to the other crop of their chunk: of all objectives on crops. */
export const CROP_ACCURACY: MetricDefinition = {
  key: 'cropAccuracy',
  label: 'crops matched',
  unit: 'share',
  help: 'Share of crops whose most similar passage crop is of the same chunk.',
  range: [0, 1],
  short: 'matched',
  digits: 2,
};

/** Words of all objectives on crops. */
export const ON_CROPS = {
  accuracy: CROP_ACCURACY,
  accuracyTitle: 'Crops matched',
  views: 'crops',
  matrixTitle: 'Crops against crops',
  similarity: {
    help: 'cosine of the embeddings of the two crops, before the softmax.',
    caption: 'Which passage crop each query crop is most similar to',
  },
  row: { noun: 'query crop', axis: 'query crop of chunk', short: 'query crop' },
  column: { noun: 'passage crop', axis: 'passage crop of chunk', short: 'passage crop' },
  found: 'query crops are nearest to the other crop of their chunk',
  right: 'right crop',
  spread: 'crops in question per row',
} as const;

/** What each query crop takes for the other half, as the matrix P has it. */
export const CROP_CAPTION = 'Which passage crop each query crop takes for its own chunk’s';

/**
 * The table of a contrastive objective: two views of each chunk have to find each other. P = softmax(S / τ) is drawn first, with the right
 * answers on its diagonal, then S.
 */
export function contrastiveTable(words: ContrastiveWords): ObjectiveTable {
  const { loss, accuracy, measures = [] } = words;
  const own = [loss, accuracy, ...measures.map(({ metric }) => metric)];
  return {
    id: words.id,
    title: words.title,
    opening: words.opening,
    needsLanguageModel: false,
    stepMetrics: [...own, RECALL, CHANCE],
    evaluationMetrics: [SCORED_RECALL, CHANCE, TFIDF, ...own, ...BASELINES],
    probeMetrics: [...own, RECALL, CHANCE],
    charts: [
      {
        title: 'Loss',
        unit: words.lossUnit,
        cropped: true,
        size: 'large',
        lines: [{ metric: loss.key, of: 'step', label: words.lossLine, title: loss.label, tone: 'accent' }],
      },
      {
        title: 'Recall@1',
        unit: 'partner found first',
        domain: [0, 1],
        size: 'large',
        lines: [
          { metric: 'recallAt1', of: 'evaluation', label: 'scored', title: 'Recall@1, scored batches', tone: 'strong' },
          {
            metric: 'recallAt1',
            of: 'step',
            label: words.views,
            title: `Recall@1, ${words.views} of the batch`,
            tone: 'faint',
          },
        ],
        levels: RECALL_LEVELS,
      },
      {
        title: words.accuracyTitle,
        unit: 'share of rows',
        domain: [0, 1],
        size: 'medium',
        lines: [{ metric: accuracy.key, of: 'step', label: 'matched', title: words.accuracyTitle, tone: 'strong' }],
      },
      ...measures.map(({ chart }) => chart),
    ],
    matrices: [
      {
        key: 'attention',
        symbol: 'P',
        label: 'probability',
        formula: '= softmax(S / τ)',
        help: words.probability.help,
        most: { caption: words.probability.caption, head: 'Most probable' },
        range: [-0.001, 1.001],
        isShare: true,
        softmax: { of: 'similarity', temperature: words.temperature },
      },
      {
        key: 'similarity',
        symbol: 'S',
        label: 'similarity',
        formula: '(cosine)',
        help: words.similarity.help,
        most: { caption: words.similarity.caption, head: 'Most similar to' },
        range: [-1e6, 1.001],
        isShare: false,
      },
    ],
    // Nothing is read here: ∂L/∂S alone.
    signals: { attention: 'attentionGradient', similarity: 'similarityGradient' },
    pairs: {
      title: words.matrixTitle,
      row: words.row,
      column: words.column,
      verb: 'meets',
      diagonal: 'answer',
      found: words.found,
      right: words.right,
      spread: words.spread,
    },
    tokenRows: [],
    headline: loss.key,
    extremes: [loss.key, accuracy.key],
    score: 'recallAt1',
    losses: [loss.key],
    gain: undefined,
  };
}
