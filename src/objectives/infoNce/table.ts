import { contrastiveTable, CROP_CAPTION, ON_CROPS } from '../contrastive/table.ts';

export const INFO_NCE_TABLE = contrastiveTable({
  ...ON_CROPS,
  id: 'infoNce',
  title: 'InfoNCE on crops',
  opening: 'Press Train: two random crops of each chunk will learn to find each other among all crops of the batch.',
  loss: {
    key: 'infoNceLoss',
    label: 'InfoNCE loss',
    unit: 'nats/row',
    help: 'Mean cross-entropy of finding a crop’s other half among all crops of the batch; ln B by chance.',
    short: 'loss',
    digits: 4,
  },
  lossLine: 'InfoNCE',
  lossUnit: 'nats per row',
  probability: {
    help: 'softmax(S / τ): which passage crop each query crop takes for its own chunk’s. Rows sum to 1, the diagonal is right.',
    caption: CROP_CAPTION,
  },
  temperature: 'infoNceTemperature',
});
