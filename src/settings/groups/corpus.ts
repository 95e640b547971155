import { choiceSetting, numberSetting } from '../setting.ts';

/** What is read, and in which tokens. */
export const CORPUS = {
  source: choiceSetting({
    group: 'corpus',
    label: 'Text',
    help: 'What the two models read.',
    default: 'facts',
    choices: [
      {
        value: 'facts',
        label: 'Facts',
        help: 'An endless stream of invented facts, each told twice in different words.',
      },
      { value: 'kitchen', label: 'The kitchen', help: 'Short essays about food and cooking.' },
      { value: 'shore', label: 'The shore', help: 'Short essays about the coast and the sea.' },
      { value: 'workshop', label: 'The workshop', help: 'Short essays about tools, crafts and machines.' },
      { value: 'text', label: 'Your text', help: 'Text you paste or drop; it never leaves this machine.' },
    ],
  }),
  vocabulary: numberSetting({
    group: 'corpus',
    label: 'Vocabulary',
    help: 'Tokens of the byte-level BPE trained on your text. The fact stream has its own words instead.',
    applies: [
      { only: { base: 'scratch' }, why: 'The checkpoint has a vocabulary of its own.' },
      { except: { source: 'facts' }, why: 'The facts have a vocabulary of their own.' },
    ],
    default: 1024,
    min: 300,
    max: 8192,
    integer: true,
    unit: 'tokens',
    cost: {
      memory: 'more',
      time: 'more',
      words: 'More tokens take more memory and time: each has a row of the weights.',
    },
  }),
} as const;
