import { collate } from '../../corpus/batches/collation.ts';
import type { Configuration } from '../../settings/configuration.ts';
import { fullContent, fullRows, type ObjectiveDefinition } from '../objective.ts';
import { meanOf } from '../scores.ts';
import type { ObjectiveTable } from '../table.ts';
import {
  contrastiveObjective,
  type ContrastiveBatch,
  type ContrastiveKeys,
  type ContrastiveLoss,
} from './contrastive.ts';
import type { ViewMaker } from './views.ts';

/** What one contrastive objective has of its own. */
export interface ContrastiveParts {
  readonly table: ObjectiveTable;
  readonly keys: ContrastiveKeys;
  readonly views: ViewMaker;
  /** The longest view of a text, as a share of its tokens. */
  readonly longestView: number;
  readonly loss: (configuration: Configuration) => ContrastiveLoss;
  /** Keys of `loss.measured` that evaluations have too. */
  readonly measures?: readonly string[];
}

/** The definition of a contrastive objective: views of a batch's chunks, a loss on their similarities, no language model. */
export function contrastiveDefinition({
  table,
  keys,
  views,
  longestView,
  loss,
  measures = [],
}: ContrastiveParts): ObjectiveDefinition<ContrastiveBatch> {
  return {
    table,
    needsLanguageModel: table.needsLanguageModel,
    learners: () => ({ retriever: true, languageModel: false }),
    batch(source, { configuration, retrieverTokenizer, random, hardNegatives, isScored }) {
      const { chunkTokens: maxLength, firstHalf } = configuration;
      const texts = source.chunks.map(({ text }) => text);
      return {
        pairs: views(
          texts,
          retrieverTokenizer,
          maxLength - 1,
          random,
          hardNegatives.map(({ text }) => text),
        ),
        partnersOf: hardNegatives.map(({ partners }) => partners),
        whole: isScored
          ? collate(texts, { maxLength, firstHalf, firstHalfRatio: 0.5, prefixes: true }, retrieverTokenizer)
          : undefined,
        labels: source.labels,
      };
    },
    fullBatch({ chunks, tokens, configuration, retrieverVocabulary: vocabulary }) {
      const { chunkTokens, hardNegatives, hardNegativesPerQuery } = configuration;
      // Prefix and end token stand beside a view; what they take of a row is at most what a chunk leaves of it.
      const view = Math.ceil(longestView * tokens) + (chunkTokens - tokens);
      const negatives = hardNegatives === 'none' ? 0 : chunks * hardNegativesPerQuery;
      const rows = (length: number, others: number) => ({
        queryIds: fullRows(chunks, length, vocabulary),
        passageIds: fullRows(chunks + others, length, vocabulary),
        queryContent: fullContent(chunks, length),
        passageContent: fullContent(chunks + others, length),
      });
      return {
        pairs: rows(view, negatives),
        partnersOf: Array.from({ length: negatives }, () => []),
        whole: rows(tokens + 1, 0),
        labels: [],
      };
    },
    bind: ({ retriever, centre }, configuration) => {
      const { pooling, checkpointing } = configuration;
      return contrastiveObjective(
        retriever,
        { pooling, checkpointing, centre },
        { table, keys, loss: loss(configuration) },
      );
    },
    scores: (batches) =>
      Object.fromEntries([keys.loss, keys.accuracy, ...measures].map((key) => [key, meanOf(batches, key)])),
    probed: () => ({}),
    searched: ({ matrices }) => matrices['searched'] ?? [],
    searchRows: ({ whole, pairs }) => whole ?? pairs,
  };
}
