import { numberSetting } from '../setting.ts';

/** When the run is looked at and saved. */
export const EVALUATION = {
  evaluateEvery: numberSetting({
    group: 'evaluation',
    label: 'Evaluate every',
    help: 'How often the batches for scores are looked at.',
    default: 50,
    min: 1,
    max: 10000,
    integer: true,
    unit: 'steps',
    cost: { time: 'less', words: 'Rarer looks take less time.' },
  }),
  heldOutBatches: numberSetting({
    group: 'evaluation',
    label: 'Held-out batches',
    help: 'How many batches the scores are taken over: of documents that training never sees, where the text has enough of them.',
    default: 8,
    min: 1,
    max: 64,
    integer: true,
    cost: { time: 'more', words: 'More batches take more time at every look.' },
  }),
  probeEvery: numberSetting({
    group: 'evaluation',
    label: 'Look at the fixed batch every',
    help: 'One batch stays the same through the run, so that its matrix can be followed. It is looked at after every evaluation, at every pause, and after every so many steps. 0: at these two only.',
    default: 4,
    min: 0,
    max: 10000,
    integer: true,
    unit: 'steps',
    cost: { time: 'less', words: 'Rarer looks take less time.' },
  }),
  autosaveEvery: numberSetting({
    group: 'evaluation',
    label: 'Save every',
    help: 'A run on a checkpoint is saved in this browser after every so many steps. That and any other is saved within every minute, so that it can go on after a reload or a crash. 0: it is saved only when asked.',
    default: 10,
    min: 0,
    max: 100000,
    integer: true,
    unit: 'steps',
    cost: { time: 'less', words: 'Rarer saves take less time.' },
  }),
} as const;
