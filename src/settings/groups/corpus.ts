import { choiceSetting, numberSetting, textSetting } from '../setting.ts';
import { ON_OWN_TEXT } from './conditions.ts';

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
        help: 'An endless stream of invented facts, each told twice, in two different sentences.',
      },
      { value: 'kitchen', label: 'The kitchen', help: 'Short essays about food and cooking.' },
      { value: 'shore', label: 'The shore', help: 'Short essays about the coast and the sea.' },
      { value: 'workshop', label: 'The workshop', help: 'Short essays about tools, crafts and machines.' },
      { value: 'text', label: 'Your text', help: 'Text you paste or drop; it never leaves this machine.' },
    ],
  }),
  documentUnit: choiceSetting({
    group: 'corpus',
    label: 'A document is',
    help: 'What of your text belongs together: the retriever learns to find chunks of one document by each other.',
    applies: [ON_OWN_TEXT],
    default: 'auto',
    choices: [
      {
        value: 'auto',
        label: 'What suits',
        help: 'Sections where there are headings, else paragraphs; rows; many files.',
      },
      { value: 'paragraph', label: 'A paragraph', help: 'What stands between blank lines, with a title over it.' },
      {
        value: 'section',
        label: 'A section',
        help: 'What stands under a heading, or between lines of ---; without either, neighbouring paragraphs.',
      },
      { value: 'file', label: 'A file', help: 'Each file whole.' },
      { value: 'line', label: 'A line', help: 'Each line; each row of a table.' },
      { value: 'whole', label: 'The whole', help: 'All of it is one document.' },
    ],
  }),
  column: textSetting({
    group: 'corpus',
    label: 'Text column',
    help: 'Which column of .csv, .tsv and .jsonl files is read. Empty: the one that looks most like text.',
    applies: [ON_OWN_TEXT],
    default: '',
    pattern: /^[^\r\n]{0,100}$/,
    expected: 'the name of a column',
    placeholder: 'The one with most words',
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
