import { contrastiveTable } from '../contrastive/table.ts';

export const INVERSE_CLOZE_TABLE = contrastiveTable({
  id: 'inverseCloze',
  title: 'Inverse cloze',
  opening:
    'Press Train: a sentence of each chunk will learn to find the chunk that it was taken out of among all chunks of the batch.',
  loss: {
    key: 'inverseClozeLoss',
    label: 'inverse cloze loss',
    unit: 'nats/row',
    help: 'Mean cross-entropy of finding the chunk that a sentence was taken out of among all of the batch; ln B by chance.',
    short: 'loss',
    digits: 4,
  },
  lossLine: 'inverse cloze',
  lossUnit: 'nats per row',
  accuracy: {
    key: 'clozeAccuracy',
    label: 'sentences matched',
    unit: 'share',
    help: 'Share of sentences whose most similar passage is what is left of their own chunk.',
    range: [0, 1],
    short: 'matched',
    digits: 2,
  },
  accuracyTitle: 'Sentences matched',
  views: 'sentences',
  matrixTitle: 'Sentences against chunks',
  probability: {
    help: 'softmax(S / τ): which chunk each sentence takes for its own. Rows sum to 1, the diagonal is right.',
    caption: 'Which chunk each sentence takes for its own',
  },
  similarity: {
    help: 'cosine of the embeddings of a sentence and of what is left of a chunk, before the softmax.',
    caption: 'Which chunk each sentence is most similar to',
  },
  temperature: 'infoNceTemperature',
  row: { noun: 'sentence', axis: 'sentence of chunk', short: 'sentence' },
  column: { noun: 'rest', axis: 'rest of chunk', short: 'rest' },
  found: 'sentences are nearest to the rest of their chunk',
  right: 'right chunk',
  spread: 'chunks in question per row',
});
