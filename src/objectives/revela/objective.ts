import { collate } from '../../corpus/batches/collation.ts';
import type { TokenBatch } from '../../corpus/types.ts';
import type { Observer } from '../../models/decoder.ts';
import {
  fullContent,
  fullRows,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveDefinition,
  type ObjectiveModels,
} from '../objective.ts';
import { signalsOf } from '../readPass.ts';
import { meanEffectiveDocuments, meanOf, recallScores } from '../scores.ts';
import { controlAttention } from './controls.ts';
import { revelaOptions } from './options.ts';
import { probeMetrics } from './probeMetrics.ts';
import { prepareRevela, recordRevela, type RevelaForward, type RevelaModels, type RevelaOptions } from './revela.ts';
import { REVELA_TABLE } from './table.ts';

/** What Revela takes of a batch. */
export interface RevelaBatch extends ObjectiveBatch {
  readonly tokens: TokenBatch;
  /** A fixed batch attention [B, B] (controls); undefined where the retriever's is used. */
  readonly fixedAttention?: Float32Array<ArrayBuffer> | undefined;
}

/** Whether a batch was made for Revela. */
export function isRevelaBatch<B extends ObjectiveBatch>(batch: B): batch is B & RevelaBatch {
  return 'tokens' in batch;
}

/** Looks at tensors of a pass as they are made. */
export interface RevelaWatch {
  readonly observePlain?: Observer;
  readonly observeInBatch?: Observer;
  readonly onForward?: (forward: RevelaForward) => void;
}

/** Revela, bound to two models. */
export function revelaObjective(
  models: RevelaModels,
  options: RevelaOptions,
  { onForward, ...observers }: RevelaWatch = {},
): Objective<RevelaBatch> {
  return {
    prepare(runtime, batch, { lossWeight, endsAtSignals, dropout }) {
      const { tokens, labels, fixedAttention } = batch;
      const input = prepareRevela(runtime, models, tokens, options, { lossWeight, fixedAttention, dropout });
      const { perRow } = input.targets;
      return {
        async record(tape) {
          const forward = await recordRevela(runtime, tape, models, input, options, {
            endsAtSignals,
            dropout,
            ...observers,
          });
          onForward?.(forward);
          const { ntpLoss, isolatedLoss, similarity, attention, ntpTokenLoss, isolatedTokenLoss } = forward;
          return {
            roots: forward.roots,
            reads: { ntpLoss, isolatedLoss, similarity, attention, ntpTokenLoss, isolatedTokenLoss },
            signals: { attentionGradient: attention, similarityGradient: similarity },
          };
        },
        tokens: tokens.lmIds.reduce((sum, row) => sum + row.length, 0),
        observe(read) {
          const number = (name: string): number => read[name]?.[0] ?? NaN;
          const array = (name: string): Float32Array<ArrayBuffer> => read[name] ?? new Float32Array();
          const [ntp, isolated] = [number('ntpLoss'), number('isolatedLoss')];
          return {
            loss: options.dualLoss ? ntp + isolated : ntp,
            metrics: {
              ntpLoss: ntp,
              isolatedLoss: isolated,
              // A batch without labels (a golden one) has no scores.
              ...(labels.length > 0
                ? {
                    ...recallScores(array('similarity'), labels),
                    effectiveDocuments: meanEffectiveDocuments(array('attention'), labels.length),
                  }
                : {}),
            },
            matrices: {
              similarity: array('similarity'),
              attention: array('attention'),
              ...signalsOf(REVELA_TABLE, read, lossWeight),
            },
            tokenRows: {
              tokenLoss: byRow(array('ntpTokenLoss'), perRow),
              isolatedTokenLoss: byRow(array('isolatedTokenLoss'), perRow),
            },
          };
        },
      };
    },
  };
}

export const revelaDefinition: ObjectiveDefinition<RevelaBatch> = {
  table: REVELA_TABLE,
  needsLanguageModel: REVELA_TABLE.needsLanguageModel,
  /** A control leaves the retriever without a gradient: training it would only decay its weights. */
  learners: ({ freezeRetriever, freezeLanguageModel, attention }) => ({
    retriever: !freezeRetriever && attention === 'learned',
    languageModel: !freezeLanguageModel,
  }),
  batch(source, { configuration, retrieverTokenizer, tokenizer, random, lexicalScores }) {
    const { chunkTokens, firstHalf, attention } = configuration;
    const { labels } = source;
    const texts = source.chunks.map(({ text }) => text);
    return {
      tokens: collate(
        texts,
        { maxLength: chunkTokens, firstHalf, firstHalfRatio: 0.5, prefixes: true },
        retrieverTokenizer,
        tokenizer,
      ),
      labels,
      fixedAttention:
        attention === 'learned'
          ? undefined
          : controlAttention(attention, {
              labels,
              random: () => random.uniform(),
              bm25: () => lexicalScores(texts),
            }),
    };
  },
  fullBatch({ chunks, tokens, configuration, retrieverVocabulary, languageModelVocabulary }) {
    const { firstHalf, attention } = configuration;
    const query = (firstHalf ? Math.floor(tokens / 2) : tokens) + 1;
    return {
      tokens: {
        queryIds: fullRows(chunks, query, retrieverVocabulary),
        passageIds: fullRows(chunks, tokens + 1, retrieverVocabulary),
        queryContent: fullContent(chunks, query),
        passageContent: fullContent(chunks, tokens + 1),
        lmIds: fullRows(chunks, tokens, languageModelVocabulary),
      },
      labels: [],
      // Chunks without partners, and words in common: the controls that may read everybody do.
      fixedAttention:
        attention === 'learned'
          ? undefined
          : controlAttention(attention, {
              labels: Array.from({ length: chunks }, (_, i) => i),
              random: () => 0,
              bm25: () => new Float32Array(chunks * chunks),
            }),
    };
  },
  bind: (models, configuration) => {
    const both = withLanguageModel(models);
    return revelaObjective(both, revelaOptions(configuration, both.languageModel.config.layers));
  },
  scores: (batches) => ({
    ntpLoss: meanOf(batches, 'ntpLoss'),
    isolatedLoss: meanOf(batches, 'isolatedLoss'),
    effectiveDocuments: meanOf(batches, 'effectiveDocuments'),
  }),
  probed: ({ batch: { labels }, matrices, tokenRows }, wordings) =>
    probeMetrics({
      labels,
      wordings,
      attention: matrices['attention'] ?? [],
      attentionGradient: matrices['attentionGradient'],
      predicted: (tokenRows['tokenLoss'] ?? []).map(({ length }) => length),
    }),
  searched: ({ matrices }) => matrices['similarity'] ?? [],
  searchRows: ({ tokens }) => tokens,
};

/** Models that Revela can be bound to. @throws Error without a language model. */
export function withLanguageModel({ retriever, languageModel, gates, centre }: ObjectiveModels): RevelaModels {
  if (!languageModel) throw new Error('Revela needs a language model: this is a bug.');
  return { retriever, languageModel, gates, centre };
}

function byRow(values: Float32Array<ArrayBuffer>, lengths: readonly number[]): Float32Array<ArrayBuffer>[] {
  let start = 0;
  return lengths.map((length) => values.slice(start, (start += length)));
}
