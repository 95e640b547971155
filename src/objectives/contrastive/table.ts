import { BASELINES, CHANCE, RECALL, SCORED_RECALL, TFIDF } from '../recallMetrics.ts';
import { recallChart, shareMatrix, SIGNALS, similarityMatrix } from '../drawings/table.ts';
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
      recallChart([], { label: words.views, title: `${words.views} of the batch` }),
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
      shareMatrix({
        key: 'attention',
        symbol: 'P',
        label: 'probability',
        formula: '= softmax(S / τ)',
        help: words.probability.help,
        most: { caption: words.probability.caption, head: 'Most probable' },
        softmax: { of: 'similarity', temperature: words.temperature },
      }),
      similarityMatrix(words.similarity),
    ],
    // Nothing is read here: ∂L/∂S alone.
    signals: SIGNALS,
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
