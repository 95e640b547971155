import { choiceSetting, numberSetting, switchSetting } from '../setting.ts';
import { ON_OWN_TEXT } from './conditions.ts';

/** Which chunks meet in a batch, and what of them is seen. */
export const BATCH = {
  chunks: numberSetting({
    group: 'batch',
    label: 'Chunks per batch',
    help: 'B: each chunk may read the B − 1 others.',
    default: 8,
    min: 2,
    max: 32,
    integer: true,
    paper: '16',
    cost: {
      memory: 'more',
      time: 'more',
      words: 'More chunks take more memory, and time with their square: each reads all others.',
    },
  }),
  chunkTokens: numberSetting({
    group: 'batch',
    label: 'Chunk length',
    help: 'Most tokens in a chunk; chunks end at sentences where they can.',
    default: 64,
    min: 8,
    max: 256,
    integer: true,
    unit: 'tokens',
    paper: '160',
    cost: { memory: 'more', time: 'more', words: 'Longer chunks take more memory and time.' },
  }),
  chunkFit: choiceSetting({
    group: 'batch',
    label: 'Length of chunks',
    help: 'Whether chunks are made shorter where your documents are short: a chunk alone in its document has no partner to find.',
    applies: [ON_OWN_TEXT],
    default: 'auto',
    choices: [
      {
        value: 'auto',
        label: 'Fits the documents',
        help: 'Short enough for most documents to have two, and no longer than said.',
      },
      { value: 'fixed', label: 'As said', help: 'As long as they may be.' },
    ],
  }),
  batching: choiceSetting({
    group: 'batch',
    label: 'Batches of',
    help: 'Which chunks meet in a batch.',
    applies: [{ except: { source: 'facts' }, why: 'Facts always come in groups.' }],
    default: 'topics',
    choices: [
      { value: 'topics', label: 'Topic groups', help: 'A few documents, several chunks of each, shuffled.' },
      { value: 'adjacent', label: 'Neighbours in the text', help: 'Chunks that follow one another.' },
      { value: 'bm25', label: 'Word neighbours', help: 'Chunks that share rare words (BM25).' },
      {
        value: 'balanced',
        label: 'One topic each',
        help: 'Chunks of one cluster (k-means of their words), clusters in proportion to their size: neighbours that are hard to tell apart.',
      },
      { value: 'random', label: 'Random chunks', help: 'Any chunks: partners are rare.' },
    ],
  }),
  topicClusters: numberSetting({
    group: 'batch',
    label: 'Topics',
    help: 'Into how many clusters the chunks are divided. One that is too small for a batch joins its nearest.',
    applies: [
      { except: { source: 'facts' }, why: 'Facts always come in groups.' },
      { only: { batching: 'balanced' }, why: 'Only for batches of one topic each.' },
    ],
    default: 8,
    min: 2,
    max: 200,
    integer: true,
  }),
  groupSize: numberSetting({
    group: 'batch',
    label: 'Chunks per document',
    help: 'How many chunks of one document meet in topic groups, facts and held-out batches; of one neighbourhood with word neighbours.',
    default: 2,
    min: 2,
    max: 16,
    integer: true,
    paper: '8',
  }),
  firstHalf: switchSetting({
    group: 'batch',
    label: 'Query is the first half',
    help: 'The retriever sees only the beginning of the query chunk: harder, and closer to real search.',
    default: false,
    paper: 'on',
    cost: { memory: 'less', time: 'less', words: 'Takes a little less memory and time: queries are shorter.' },
  }),
} as const;
