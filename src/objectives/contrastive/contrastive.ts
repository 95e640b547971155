import type { RetrieverRows } from '../../corpus/types.ts';
import type { Decoder } from '../../models/decoder.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { prepareSimilarity, type RetrieverOptions } from '../batchSimilarity.ts';
import type { Objective, ObjectiveBatch, Observation } from '../objective.ts';
import { signalsOf } from '../readPass.ts';
import { recallScores } from '../scores.ts';
import { softmaxRows } from '../softmax.ts';
import type { ObjectiveTable } from '../table.ts';
import { diagonalAccuracy } from './accuracy.ts';

/**
 * Two views of each chunk that belong together, and passages of other chunks as hard negatives behind them; batches for scores bring
 * what is searched too: chunks as queries and passages, as Revela embeds them, so that the scores of all objectives compare.
 */
export interface ContrastiveBatch extends ObjectiveBatch {
  /** B queries; B + N passages: passage i belongs to query i, the last N to none. */
  readonly pairs: RetrieverRows;
  /** Of each of the N: the rows of the batch whose document it is of, so that it is no wrong answer to them. */
  readonly partnersOf: readonly (readonly number[])[];
  readonly whole?: RetrieverRows | undefined;
}

/** Whether a batch was made for a contrastive objective. */
export function isContrastiveBatch<B extends ObjectiveBatch>(batch: B): batch is B & ContrastiveBatch {
  return 'pairs' in batch;
}

/** A loss on S [B, B + N] of such a batch. */
export interface ContrastiveLoss {
  /** τ, of the shares that are drawn too. */
  readonly temperature: number;
  /** Records the loss [1] on the runtime's tape. `probabilities` [B, B], where it has made softmax(S / τ) itself. */
  record(
    runtime: Runtime,
    similarity: Tensor,
    batch: ContrastiveBatch,
  ): { readonly loss: Tensor; readonly probabilities?: Tensor | undefined };
  /** Numbers of S [B, B + N] besides the loss and the share of matched pairs, by the table's keys. */
  measured?(similarity: Float32Array, batch: ContrastiveBatch): Observation['metrics'];
}

/** By which keys an objective's table names what all contrastive ones have. */
export interface ContrastiveKeys {
  readonly loss: string;
  /** Share of queries whose most similar passage of the batch is their own. */
  readonly accuracy: string;
}

/**
 * A contrastive objective: S_ij = cos(E(query i), E(passage j)), and a loss on it. No language model takes part. What is drawn is of
 * the batch's own passages, S and softmax(S / τ) [B, B]; hard negatives count in the loss alone.
 */
export function contrastiveObjective(
  retriever: Decoder,
  options: RetrieverOptions,
  { table, keys, loss: kind }: { table: ObjectiveTable; keys: ContrastiveKeys; loss: ContrastiveLoss },
): Objective<ContrastiveBatch> {
  return {
    prepare(runtime, batch, { lossWeight, endsAtSignals = false, dropout }) {
      const { pairs, whole, labels } = batch;
      const compare = prepareSimilarity(runtime, retriever, pairs, { ...options, dropout });
      const search = whole && prepareSimilarity(runtime, retriever, whole, options);
      const gradient = runtime.fromArray(Float32Array.of(lossWeight), [1]);
      return {
        record(tape) {
          const { similarity } = runtime.withTape(endsAtSignals ? undefined : tape, compare);
          if (endsAtSignals) similarity.requiresGrad = true;
          const { loss, probabilities } = runtime.withTape(tape, () => kind.record(runtime, similarity, batch));
          const searched = search?.().similarity;
          const reads: Record<string, Tensor> = {
            loss,
            similarity,
            ...(probabilities ? { probabilities } : {}),
            ...(searched ? { searched } : {}),
          };
          return Promise.resolve({
            roots: [{ tensor: loss, gradient }],
            reads,
            signals: { similarityGradient: similarity },
          });
        },
        tokens: [...pairs.queryIds, ...pairs.passageIds].reduce((sum, row) => sum + row.length, 0),
        observe(read) {
          const array = (name: string): Float32Array<ArrayBuffer> => read[name] ?? new Float32Array();
          const value = array('loss')[0] ?? NaN;
          const size = pairs.queryIds.length;
          const all = array('similarity');
          const own = ownCells(all, size);
          const signals = Object.entries(signalsOf(table, read, lossWeight));
          return {
            loss: value,
            metrics: {
              [keys.loss]: value,
              [keys.accuracy]: diagonalAccuracy(own),
              ...kind.measured?.(all, batch),
              ...(labels.length > 0 ? recallScores(whole ? array('searched') : own, labels) : {}),
            },
            matrices: {
              similarity: own,
              attention: read['probabilities'] ?? Float32Array.from(softmaxRows(own, size, kind.temperature, 'answer')),
              ...(whole ? { searched: array('searched') } : {}),
              ...Object.fromEntries(signals.map(([key, gradient]) => [key, ownCells(gradient, size)])),
            },
            tokenRows: {},
          };
        },
      };
    },
  };
}

/** The cells of the batch's own passages, [B, B], of a matrix [B, B + N]. */
function ownCells(values: Float32Array<ArrayBuffer>, size: number): Float32Array<ArrayBuffer> {
  const columns = values.length / size;
  return columns === size
    ? values
    : Float32Array.from(
        { length: size * size },
        (_, at) => values[Math.floor(at / size) * columns + (at % size)] ?? NaN,
      );
}
