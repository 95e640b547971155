import { contrastiveTable, CROP_CAPTION, ON_CROPS } from '../contrastive/table.ts';

export const DECOUPLED_SOFTMAX_TABLE = contrastiveTable({
  ...ON_CROPS,
  id: 'decoupledSoftmax',
  title: 'Decoupled softmax',
  opening:
    'Press Train: crops of one document will learn to find each other among the crops of other documents in the batch.',
  loss: {
    key: 'decoupledLoss',
    label: 'decoupled softmax loss',
    unit: 'nats/answer',
    help: 'Mean cross-entropy of each right answer, a chunk’s own crop or one of the same document, against crops of other documents alone.',
    short: 'loss',
    digits: 4,
  },
  lossLine: 'decoupled',
  lossUnit: 'nats per right answer',
  measures: [
    {
      metric: {
        key: 'positiveAccuracy',
        label: 'document matched',
        unit: 'share',
        help: 'Share of crops whose most similar passage crop is of the same document, their own chunk’s among them.',
        range: [0, 1],
        short: 'document',
        digits: 2,
      },
      chart: {
        title: 'Document matched',
        unit: 'share of rows',
        domain: [0, 1],
        size: 'medium',
        lines: [
          { metric: 'positiveAccuracy', of: 'step', label: 'matched', title: 'Document matched', tone: 'strong' },
        ],
      },
    },
  ],
  probability: {
    help: 'softmax(S / τ): which passage crop each query crop takes for its own chunk’s. The loss counts crops of the same document, in the frames, as right too: none stands in the denominator of another.',
    caption: CROP_CAPTION,
  },
  temperature: 'infoNceTemperature',
});
