import { collate } from '../../corpus/batches/collation.ts';
import type { RetrieverRows } from '../../corpus/types.ts';
import type { Decoder } from '../../models/decoder.ts';
import { add } from '../../ops/add.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { diagonalCrossEntropy } from '../../ops/diagonalCrossEntropy.ts';
import { listDivergence, type ListDivergenceResult } from '../../ops/listDivergence.ts';
import { combineRecall, recallAt1 } from '../../retrieval/metrics.ts';
import { prepareSimilarity, type RetrieverOptions } from '../batchSimilarity.ts';
import { fullContent, fullRows, type Objective, type ObjectiveBatch, type ObjectiveDefinition } from '../objective.ts';
import { signalsOf } from '../readPass.ts';
import { meanOf, recallScores } from '../scores.ts';
import { DISTILLATION_TABLE } from './table.ts';
import { teacherLists, type TeacherLists } from './teacherScores.ts';

/** Temperature of the contrast, and share of the positive's teacher score above which a chunk is no negative. */
const CONTRAST = { temperature: 0.01, threshold: 0.6 } as const;

/** What distillation takes of a batch: chunks as queries and passages, and what the teacher says of them. */
export interface DistillationBatch extends ObjectiveBatch {
  readonly retriever: RetrieverRows;
  readonly teacher: TeacherLists;
}

/** Whether a batch was made for distillation. */
export function isDistillationBatch<B extends ObjectiveBatch>(batch: B): batch is B & DistillationBatch {
  return 'teacher' in batch;
}

export interface DistillationOptions extends RetrieverOptions {
  /** τ of the retriever's similarities. */
  readonly temperature: number;
  /** τ of the teacher's scores, which lie in 0 … 1. */
  readonly teacherTemperature: number;
  /** Weight of the contrast; 0 leaves it out. */
  readonly contrastWeight: number;
}

/**
 * The two terms of the loss on S [B, B], without their weights ([1] each): divergence from the teacher, then the contrast. `scores` and
 * `leftOut` are the teacher's lists on the GPU, [B, B] each.
 */
export function distillationTerms(
  runtime: Runtime,
  similarity: Tensor,
  { scores, leftOut }: { readonly scores: Tensor; readonly leftOut: Tensor },
  {
    temperature,
    teacherTemperature: targetTemperature,
  }: Pick<DistillationOptions, 'temperature' | 'teacherTemperature'>,
): { readonly terms: readonly [Tensor, Tensor] } & Pick<ListDivergenceResult, 'shares' | 'wanted'> {
  const { loss, shares, wanted } = listDivergence(runtime, similarity, scores, { temperature, targetTemperature });
  const contrast = diagonalCrossEntropy(runtime, add(runtime, similarity, leftOut), CONTRAST.temperature);
  return { terms: [loss, contrast.loss], shares, wanted };
}

/**
 * Listwise distillation (Tamber et al. 2025, arXiv 2502.19712; constants of their released trainer): loss = 1/B Σ_i KL(P_i ‖ Q_i) +
 * w · contrast, with P_ij = softmax over j ≠ i of the teacher's scores / τ_T, Q_ij = softmax over j ≠ i of S_ij / τ, and the contrast
 * InfoNCE of each chunk's query with its own passage at τ 0.01, less the negatives that the teacher would take for answers. It has a
 * teacher: what is learnt is another system's ranking (docs/METHOD.md, "Listwise distillation").
 */
export function distillationObjective(retriever: Decoder, options: DistillationOptions): Objective<DistillationBatch> {
  return {
    prepare(runtime, { retriever: rows, teacher, labels }, { lossWeight, endsAtSignals = false, dropout }) {
      const { contrastWeight } = options;
      const size = rows.queryIds.length;
      const scores = runtime.input(teacher.scores, [size, size]);
      const leftOut = runtime.input(teacher.leftOut, [size, size]);
      const weight = (value: number): Tensor => runtime.fromArray(Float32Array.of(value), [1]);
      const weights = [weight(lossWeight), ...(contrastWeight > 0 ? [weight(lossWeight * contrastWeight)] : [])];
      const compare = prepareSimilarity(runtime, retriever, rows, { ...options, dropout });
      return {
        record(tape) {
          const { similarity } = runtime.withTape(endsAtSignals ? undefined : tape, compare);
          if (endsAtSignals) similarity.requiresGrad = true;
          const { terms, shares, wanted } = runtime.withTape(tape, () =>
            distillationTerms(runtime, similarity, { scores, leftOut }, options),
          );
          return Promise.resolve({
            roots: weights.flatMap((gradient, n) => {
              const tensor = terms[n];
              return tensor ? [{ tensor, gradient }] : [];
            }),
            reads: { loss: terms[0], contrast: terms[1], similarity, shares, wanted },
            signals: { similarityGradient: similarity },
          });
        },
        tokens: [...rows.queryIds, ...rows.passageIds].reduce((sum, row) => sum + row.length, 0),
        observe(read) {
          const array = (name: string): Float32Array<ArrayBuffer> => read[name] ?? new Float32Array();
          const [divergence, contrasted] = [array('loss')[0] ?? NaN, array('contrast')[0] ?? NaN];
          return {
            loss: divergence + contrastWeight * contrasted,
            metrics: {
              distillationLoss: divergence,
              contrastLoss: contrasted,
              ...(labels.length > 0
                ? {
                    ...recallScores(array('similarity'), labels),
                    teacherRecallAt1: recallScores(teacher.scores, labels).recallAt1,
                  }
                : {}),
            },
            matrices: {
              attention: array('shares'),
              wanted: array('wanted'),
              similarity: array('similarity'),
              ...signalsOf(DISTILLATION_TABLE, read, lossWeight),
            },
            tokenRows: {},
          };
        },
      };
    },
  };
}

export const distillationDefinition: ObjectiveDefinition<DistillationBatch> = {
  table: DISTILLATION_TABLE,
  needsLanguageModel: DISTILLATION_TABLE.needsLanguageModel,
  learners: () => ({ retriever: true, languageModel: false }),
  readsTeacherVectors: ({ teacher }) => teacher === 'encoder',
  batch(source, { configuration, retrieverTokenizer, lexicalScores, teacherCosines }) {
    const { chunkTokens: maxLength, firstHalf, teacher } = configuration;
    const texts = source.chunks.map(({ text }) => text);
    const raw = teacher === 'encoder' ? teacherCosines?.(source.chunks) : lexicalScores(texts);
    if (!raw) throw new Error('A run with an encoder as its teacher was opened without its vectors: this is a bug.');
    return {
      retriever: collate(texts, { maxLength, firstHalf, firstHalfRatio: 0.5, prefixes: true }, retrieverTokenizer),
      teacher: teacherLists(raw, texts.length, CONTRAST.threshold),
      labels: source.labels,
    };
  },
  fullBatch({ chunks, tokens, configuration, retrieverVocabulary: vocabulary }) {
    const query = (configuration.firstHalf ? Math.floor(tokens / 2) : tokens) + 1;
    return {
      retriever: {
        queryIds: fullRows(chunks, query, vocabulary),
        passageIds: fullRows(chunks, tokens + 1, vocabulary),
        queryContent: fullContent(chunks, query),
        passageContent: fullContent(chunks, tokens + 1),
      },
      teacher: teacherLists(new Float32Array(chunks * chunks), chunks, CONTRAST.threshold),
      labels: [],
    };
  },
  bind: ({ retriever, centre }, configuration) => {
    const { pooling, checkpointing, teacherTemperature, contrastWeight } = configuration;
    const temperature = configuration.distillationTemperature;
    return distillationObjective(retriever, {
      pooling,
      checkpointing,
      centre,
      temperature,
      teacherTemperature,
      contrastWeight,
    });
  },
  scores: (batches) => {
    const { recall } = combineRecall(batches.map(({ batch }) => recallAt1(batch.teacher.scores, batch.labels)));
    return {
      distillationLoss: meanOf(batches, 'distillationLoss'),
      contrastLoss: meanOf(batches, 'contrastLoss'),
      ...(recall === undefined ? {} : { teacherRecallAt1: recall }),
    };
  },
  probed: () => ({}),
  searched: ({ matrices }) => matrices['similarity'] ?? [],
  searchRows: ({ retriever }) => retriever,
};
