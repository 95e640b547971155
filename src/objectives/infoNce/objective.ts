import { collate } from '../../corpus/batches/collation.ts';
import type { RetrieverRows } from '../../corpus/types.ts';
import type { Decoder } from '../../models/decoder.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { diagonalCrossEntropy } from '../../ops/diagonalCrossEntropy.ts';
import { fullContent, fullRows, type Objective, type ObjectiveBatch, type ObjectiveDefinition } from '../objective.ts';
import { batchSimilarity, type RetrieverOptions } from '../batchSimilarity.ts';
import { signalsOf } from '../readPass.ts';
import { mean, meanOf, recallScores } from '../scores.ts';
import { cropRows, CROP_RATIO } from './crops.ts';
import { INFO_NCE_TABLE } from './table.ts';

/**
 * Two crops of each chunk; batches for scores bring what is searched too: chunks as queries and passages, as
 * Revela embeds them, so that the scores of both compare.
 */
export interface InfoNceBatch extends ObjectiveBatch {
  readonly crops: RetrieverRows;
  readonly whole?: RetrieverRows | undefined;
}

export interface InfoNceOptions extends RetrieverOptions {
  /** τ. */
  readonly temperature: number;
}

/**
 * InfoNCE on crops as Contriever trains it (Izacard et al. 2022, arXiv 2112.09118, eq. 1): two random crops of a chunk are a
 * positive pair, the other chunks' passage crops its negatives; loss = 1/B Σ_i (logsumexp_j(S_ij / τ) − S_ii / τ) with
 * S_ij = cos(E(query crop i), E(passage crop j)). Contriever takes dot products; ours are cosines, as our search is (docs/METHOD.md, "InfoNCE on crops").
 * No language model takes part.
 */
export function infoNceObjective(retriever: Decoder, options: InfoNceOptions): Objective<InfoNceBatch> {
  return {
    forward(runtime, tape, { crops, whole, labels }, { lossWeight, endsAtSignals = false }) {
      const { similarity } = runtime.withTape(endsAtSignals ? undefined : tape, () =>
        batchSimilarity(runtime, retriever, crops, options),
      );
      if (endsAtSignals) similarity.requiresGrad = true;
      const { loss, probabilities } = runtime.withTape(tape, () =>
        diagonalCrossEntropy(runtime, similarity, options.temperature),
      );
      const searched = whole && batchSimilarity(runtime, retriever, whole, options).similarity;
      const reads: Record<string, Tensor> = { loss, similarity, probabilities, ...(searched ? { searched } : {}) };
      return Promise.resolve({
        roots: [{ tensor: loss, gradient: runtime.fromArray(Float32Array.of(lossWeight), [1]) }],
        reads,
        signals: { similarityGradient: similarity },
        tokens: [...crops.queryIds, ...crops.passageIds].reduce((sum, row) => sum + row.length, 0),
        observe(read) {
          const array = (name: string): Float32Array<ArrayBuffer> => read[name] ?? new Float32Array();
          const value = array('loss')[0] ?? NaN;
          return {
            loss: value,
            metrics: {
              infoNceLoss: value,
              cropAccuracy: diagonalAccuracy(array('similarity')),
              ...(labels.length > 0 ? recallScores(array(searched ? 'searched' : 'similarity'), labels) : {}),
            },
            matrices: {
              similarity: array('similarity'),
              attention: array('probabilities'),
              ...(searched ? { searched: array('searched') } : {}),
              ...signalsOf(INFO_NCE_TABLE, read, lossWeight),
            },
            tokenRows: {},
          };
        },
      });
    },
  };
}

export const infoNceDefinition: ObjectiveDefinition<InfoNceBatch> = {
  table: INFO_NCE_TABLE,
  needsLanguageModel: INFO_NCE_TABLE.needsLanguageModel,
  learners: () => ({ retriever: true, languageModel: false }),
  batch(source, { configuration, retrieverTokenizer, random, isScored }) {
    const { chunkTokens: maxLength, firstHalf } = configuration;
    const texts = source.chunks.map(({ text }) => text);
    return {
      crops: cropRows(texts, retrieverTokenizer, maxLength - 1, random),
      whole: isScored
        ? collate(texts, { maxLength, firstHalf, firstHalfRatio: 0.5, prefixes: true }, retrieverTokenizer)
        : undefined,
      labels: source.labels,
    };
  },
  fullBatch({ chunks, tokens, configuration: { chunkTokens }, retrieverVocabulary: vocabulary }) {
    // Prefix and end token stand beside a crop; what they take of a row is at most what a chunk leaves of it.
    const crop = Math.ceil(CROP_RATIO.most * tokens) + (chunkTokens - tokens);
    const rows = (length: number) => ({
      queryIds: fullRows(chunks, length, vocabulary),
      passageIds: fullRows(chunks, length, vocabulary),
      queryContent: fullContent(chunks, length),
      passageContent: fullContent(chunks, length),
    });
    return { crops: rows(crop), whole: rows(tokens + 1), labels: [] };
  },
  bind: ({ retriever, centre }, { pooling, infoNceTemperature: temperature, checkpointing }) =>
    infoNceObjective(retriever, { pooling, temperature, checkpointing, centre }),
  scores: (batches) => ({
    infoNceLoss: meanOf(batches, 'infoNceLoss'),
    cropAccuracy: meanOf(batches, 'cropAccuracy'),
  }),
  probed: () => ({}),
  searched: ({ matrices }) => matrices['searched'] ?? [],
  searchRows: ({ whole, crops }) => whole ?? crops,
};

/** Share of rows of S [B, B] whose largest entry is that of the diagonal; tied rows count in part. */
function diagonalAccuracy(similarity: Float32Array): number {
  const size = Math.sqrt(similarity.length);
  const credits = Array.from({ length: size }, (_, i) => {
    const row = similarity.subarray(i * size, (i + 1) * size);
    const highest = Math.max(...row);
    return row[i] === highest ? 1 / row.filter((value) => value === highest).length : 0;
  });
  return mean(credits);
}
