import { contrastiveTable, CROP_CAPTION, ON_CROPS } from '../contrastive/table.ts';

export const MANN_WHITNEY_TABLE = contrastiveTable({
  ...ON_CROPS,
  id: 'mannWhitney',
  title: 'Mann–Whitney (AUC)',
  opening:
    'Press Train: the two crops of each chunk will learn to be more similar than any two crops of different chunks, in whichever row.',
  loss: {
    key: 'mannWhitneyLoss',
    label: 'Mann–Whitney loss',
    unit: 'nats/pair',
    help: 'Mean of −ln σ((S of a right cell − S of a wrong one) / t) over all pairs of such cells of the batch; ln 2 where all are alike.',
    short: 'loss',
    digits: 4,
  },
  lossLine: 'Mann–Whitney',
  lossUnit: 'nats per pair of cells',
  measures: [
    {
      metric: {
        key: 'areaUnderCurve',
        label: 'AUC of the batch',
        unit: 'share',
        help: 'Share of pairs of a right and a wrong cell, of whatever rows, in which the right one is more similar; 0.5 by chance.',
        range: [0, 1],
        short: 'AUC',
        digits: 3,
      },
      chart: {
        title: 'AUC',
        unit: 'share of pairs of cells',
        domain: [0, 1],
        size: 'medium',
        lines: [{ metric: 'areaUnderCurve', of: 'step', label: 'AUC', title: 'AUC', tone: 'strong' }],
      },
    },
  ],
  probability: {
    help: 'softmax(S / t), to be read by rows as elsewhere: the loss itself knows no rows, and compares each cell of the diagonal with every other cell.',
    caption: CROP_CAPTION,
  },
  temperature: 'mannWhitneyTemperature',
});
