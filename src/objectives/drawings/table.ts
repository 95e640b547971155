import { RECALL, RECALL_LEVELS } from '../recallMetrics.ts';
import type { ChartDefinition, LineDefinition, MatrixDefinition, ObjectiveTable } from '../table.ts';

// Matrices and charts that the tables of several objectives hold, as data for the page too.

/** ∂L/∂S of every objective, and under attention what arrives at it where anything is read. */
export const SIGNALS: ObjectiveTable['signals'] = { attention: 'attentionGradient', similarity: 'similarityGradient' };

/** A matrix whose rows are shares of 1, each to within what 32-bit numbers round. */
export function shareMatrix({ softmax, ...words }: Omit<MatrixDefinition, 'range' | 'isShare'>): MatrixDefinition {
  return { ...words, range: [-0.001, 1.001], isShare: true, ...(softmax && { softmax }) };
}

/** S: cosines, before the softmax. */
export function similarityMatrix({
  help,
  caption,
}: {
  readonly help: string;
  readonly caption: string;
}): MatrixDefinition {
  return {
    key: 'similarity',
    symbol: 'S',
    label: 'similarity',
    formula: '(cosine)',
    help,
    most: { caption, head: 'Most similar to' },
    range: [-1e6, 1.001],
    isShare: false,
  };
}

/** S of whole chunks. */
export const SIMILARITY = similarityMatrix({
  help: 'cosine of the two embeddings, before the softmax.',
  caption: 'What each chunk is most similar to',
});

/** Recall of the batches for scores, beside the lines of an objective's own, of a step, and of what there was before. */
export function recallChart(
  own: readonly LineDefinition[],
  ofStep: { readonly label: string; readonly title: string } = { label: 'batch', title: 'batch' },
): ChartDefinition {
  return {
    title: 'Recall@1',
    unit: 'partner found first',
    domain: [0, 1],
    size: 'large',
    lines: [
      { metric: RECALL.key, of: 'evaluation', label: 'scored', title: 'Recall@1, scored batches', tone: 'strong' },
      ...own,
      { metric: RECALL.key, of: 'step', label: ofStep.label, title: `Recall@1, ${ofStep.title}`, tone: 'faint' },
    ],
    levels: RECALL_LEVELS,
  };
}
