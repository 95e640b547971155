import { collate } from '../../corpus/batches/collation.ts';
import type { RetrieverRows } from '../../corpus/types.ts';
import type { Decoder } from '../../models/decoder.ts';
import { listDivergence } from '../../ops/listDivergence.ts';
import { lossSeed } from '../../ops/linearCrossEntropy.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { prepareSimilarity, type RetrieverOptions } from '../batchSimilarity.ts';
import {
  fullContent,
  fullRows,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveDefinition,
  type ObjectiveModels,
} from '../objective.ts';
import { signalsOf } from '../readPass.ts';
import { combineRecall, recallAt1 } from '../../retrieval/metrics.ts';
import { mean, meanOf, recallScores } from '../scores.ts';
import { preparePairLikelihoods, preparePairLoss } from './pairLikelihoods.ts';
import { pairRows, type PairRow } from './pairs.ts';
import { REPLUG_TABLE } from './table.ts';

/** What REPLUG takes of a batch. */
export interface ReplugBatch extends ObjectiveBatch {
  readonly retriever: RetrieverRows;
  /** Every chunk behind every other: B (B − 1). */
  readonly pairs: readonly PairRow[];
  /** Of each chunk the pair that the language model learns from; none where it stays frozen. */
  readonly drawn: readonly PairRow[];
}

export interface ReplugOptions extends RetrieverOptions {
  /** τ of the retriever's similarities. */
  readonly temperature: number;
  /** τ of the language model's log-likelihoods. */
  readonly languageModelTemperature: number;
}

export interface ReplugModels {
  readonly retriever: Decoder;
  readonly languageModel: Decoder;
}

/**
 * REPLUG with language-model supervised retrieval (Shi et al. 2023, arXiv 2301.12652, section 4), over the batch: loss =
 * 1/B Σ_i KL(P_i ‖ Q_i) with P_ij = softmax over j ≠ i of −nll_ij / τ_lm, nll_ij the mean next-token loss of chunk i's tokens behind
 * chunk j, and Q_ij = softmax over j ≠ i of S_ij / τ. The retriever learns from that alone; P has no gradient. Where the batch
 * has drawn pairs, the language model learns beside it, from its own next-token loss on them (docs/METHOD.md, "REPLUG").
 */
export function replugObjective(
  { retriever, languageModel }: ReplugModels,
  options: ReplugOptions,
): Objective<ReplugBatch> {
  return {
    prepare(runtime, { retriever: rows, pairs, drawn, labels }, { lossWeight, endsAtSignals = false, dropout }) {
      const size = rows.queryIds.length;
      const compare = prepareSimilarity(runtime, retriever, rows, { ...options, dropout });
      const likelihoods = preparePairLikelihoods(runtime, languageModel, pairs, size);
      const seed = lossSeed(runtime, lossWeight);
      const { checkpointing } = options;
      const ownLoss =
        drawn.length === 0
          ? undefined
          : preparePairLoss(runtime, languageModel, drawn, { seed, checkpointing, dropout });
      return {
        record(tape) {
          const modelTape = endsAtSignals ? undefined : tape;
          const { similarity } = runtime.withTape(modelTape, compare);
          if (endsAtSignals) similarity.requiresGrad = true;
          const likelihood = likelihoods();
          const { temperature, languageModelTemperature: targetTemperature } = options;
          const { loss, shares, wanted } = runtime.withTape(tape, () =>
            listDivergence(runtime, similarity, likelihood, { temperature, targetTemperature }),
          );
          const own = ownLoss && runtime.withTape(modelTape, ownLoss);
          const differentiated = own && !endsAtSignals ? [loss, own] : [loss];
          const reads: Record<string, Tensor> = {
            loss,
            similarity,
            shares,
            wanted,
            likelihood,
            ...(own ? { own } : {}),
          };
          return Promise.resolve({
            roots: differentiated.map((tensor) => ({ tensor, gradient: seed.gradient })),
            reads,
            signals: { similarityGradient: similarity },
          });
        },
        tokens: [...pairs, ...drawn].reduce((sum, { ids }) => sum + ids.length, 0),
        observe(read) {
          const array = (name: string): Float32Array<ArrayBuffer> => read[name] ?? new Float32Array();
          const value = array('loss')[0] ?? NaN;
          const drawnLoss = read['own']?.[0];
          const losses = array('likelihood').map((one) => -one);
          return {
            loss: value + (drawnLoss ?? 0),
            metrics: {
              replugLoss: value,
              pickedLoss: weighted(losses, array('shares'), size),
              anyLoss: losses.reduce((sum, one) => sum + one, 0) / Math.max(1, size * (size - 1)),
              ownLoss: drawnLoss,
              ...(labels.length > 0
                ? {
                    ...recallScores(array('similarity'), labels),
                    languageModelRecallAt1: recallScores(array('likelihood'), labels).recallAt1,
                  }
                : {}),
            },
            matrices: {
              attention: array('shares'),
              wanted: array('wanted'),
              similarity: array('similarity'),
              pairLoss: losses,
              ...signalsOf(REPLUG_TABLE, read, lossWeight),
            },
            tokenRows: {},
          };
        },
      };
    },
  };
}

/** Mean over the rows of Σ_j share_ij · value_ij. */
function weighted(values: Float32Array, shares: Float32Array, size: number): number {
  return values.reduce((sum, value, at) => sum + value * (shares[at] ?? 0), 0) / Math.max(1, size);
}

export const replugDefinition: ObjectiveDefinition<ReplugBatch> = {
  table: REPLUG_TABLE,
  needsLanguageModel: REPLUG_TABLE.needsLanguageModel,
  learners: ({ replugLanguageModel }) => ({ retriever: true, languageModel: replugLanguageModel === 'learns' }),
  batch(source, { configuration, retrieverTokenizer, tokenizer, random }) {
    const { chunkTokens: maxLength, firstHalf, replugLanguageModel } = configuration;
    const texts = source.chunks.map(({ text }) => text);
    const { lmIds, ...retriever } = collate(
      texts,
      { maxLength, firstHalf, firstHalfRatio: 0.5, prefixes: true },
      retrieverTokenizer,
      tokenizer,
    );
    const pairs = pairRows(lmIds, tokenizer.specials);
    const others = Math.max(1, texts.length - 1);
    return {
      retriever,
      pairs,
      drawn:
        replugLanguageModel === 'learns'
          ? texts.flatMap((_, i) => pairs[i * others + random.integer(others)] ?? [])
          : [],
      labels: source.labels,
    };
  },
  fullBatch({ chunks, tokens, configuration, retrieverVocabulary, languageModelVocabulary }) {
    const query = (configuration.firstHalf ? Math.floor(tokens / 2) : tokens) + 1;
    const pairs = pairRows(fullRows(chunks, tokens, languageModelVocabulary), { leading: [], trailing: [] });
    return {
      retriever: {
        queryIds: fullRows(chunks, query, retrieverVocabulary),
        passageIds: fullRows(chunks, tokens + 1, retrieverVocabulary),
        queryContent: fullContent(chunks, query),
        passageContent: fullContent(chunks, tokens + 1),
      },
      pairs,
      drawn: configuration.replugLanguageModel === 'learns' ? pairs.filter((_, n) => n % (chunks - 1) === 0) : [],
      labels: [],
    };
  },
  bind: (models, configuration) => {
    const {
      pooling,
      checkpointing,
      replugTemperature: temperature,
      replugLanguageModelTemperature: languageModelTemperature,
    } = configuration;
    const { centre } = models;
    return replugObjective(bothModels(models), {
      pooling,
      checkpointing,
      centre,
      temperature,
      languageModelTemperature,
    });
  },
  scores: (batches) => {
    const { recall } = combineRecall(
      batches.map(({ batch, matrices }) =>
        recallAt1(
          (matrices['pairLoss'] ?? []).map((one) => -one),
          batch.labels,
        ),
      ),
    );
    return {
      replugLoss: meanOf(batches, 'replugLoss'),
      pickedLoss: meanOf(batches, 'pickedLoss'),
      anyLoss: meanOf(batches, 'anyLoss'),
      ...(recall === undefined ? {} : { languageModelRecallAt1: recall }),
    };
  },
  probed: ({ batch: { labels }, matrices }) => ({ partnerSaves: partnerSaves(matrices['pairLoss'] ?? [], labels) }),
  searched: ({ matrices }) => matrices['similarity'] ?? [],
  searchRows: ({ retriever }) => retriever,
};

/**
 * Mean over the chunks that have both a partner and a rival of (mean loss behind rivals − mean loss behind partners): nats per token;
 * undefined where there is no such chunk. `losses`: [B, B].
 */
export function partnerSaves(losses: ArrayLike<number>, labels: readonly number[]): number | undefined {
  const size = labels.length;
  const savings = labels.flatMap((label, i) => {
    const behind = (isPartner: boolean): number[] =>
      labels.flatMap((other, j) => (j !== i && (other === label) === isPartner ? (losses[i * size + j] ?? NaN) : []));
    const [partners, rivals] = [behind(true), behind(false)];
    return partners.length > 0 && rivals.length > 0 ? mean(rivals) - mean(partners) : [];
  });
  return savings.length === 0 ? undefined : mean(savings);
}

function bothModels({ retriever, languageModel }: ObjectiveModels): ReplugModels {
  if (!languageModel) throw new Error('REPLUG needs a language model: this is a bug.');
  return { retriever, languageModel };
}
