import type { TokenBatch } from '../../corpus/types.ts';
import type { Decoder } from '../../models/decoder.ts';
import { whileFrozen, type ParameterSet } from '../../models/parameters.ts';
import { guarded } from '../../ops/core/guarded.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { recordPass } from '../readPass.ts';
import { predictedTokens } from './predictedTokens.ts';
import { revela, type RevelaForward, type RevelaModels, type RevelaOptions } from './revela.ts';

/** Where the gain of a batch comes from. Losses in nats; every token from a chunk's second on counts, whatever the loss mask. */
export interface Attribution {
  /** A [B, B]. */
  readonly attention: Float32Array<ArrayBuffer>;
  /** Loss of each predicted token of each chunk, with context and alone. */
  readonly tokenLoss: readonly Float32Array<ArrayBuffer>[];
  readonly isolatedTokenLoss: readonly Float32Array<ArrayBuffer>[];
  /**
   * −A_ij · ∂ℓ_i/∂A_ij with ℓ_i the mean loss of chunk i: to first order, what reading j saves it: [B, B].
   * ∂ℓ_i/∂A_ij is the g_ij of docs/METHOD.md, step 6 (of ℓ_i).
   */
  readonly firstOrder: Float32Array<ArrayBuffer>;
  /**
   * Leave one out: by how much the loss of each predicted token of chunk i rises when A_ij is set to 0 and the rest of its row
   * stays: [B, R_i] for each i. Undefined where that would take too many passes.
   */
  readonly leaveOneOut: readonly Float32Array<ArrayBuffer>[] | undefined;
}

export interface AttributionExtras {
  readonly fixedAttention?: Float32Array | undefined;
  /** In-batch passes that leaving one out may take: the most neighbours that any chunk reads at all. */
  readonly mostPasses?: number | undefined;
  /** Ends the work between two passes by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** A batch of 16. */
const MOST_PASSES = 15;

/**
 * Asks, beside training, which neighbour every chunk's gain comes from: exactly, by passes in which every row leaves one of its
 * neighbours out (rows do not see each other's second pass, so a pass answers for one neighbour of each), and to first order,
 * by one backward pass to A. The parameters get no gradient from it. Nothing stays on the GPU.
 */
export function attributeGain(
  runtime: Runtime,
  models: RevelaModels,
  batch: TokenBatch,
  options: RevelaOptions,
  extras: AttributionExtras = {},
): Promise<Attribution> {
  const { signal, onProgress, mostPasses = MOST_PASSES } = extras;
  const chunks = batch.lmIds.length;
  return guarded(runtime, 'An attribution', async () => {
    onProgress?.(0);
    const all = { ...options, lossMask: 'all', dualLoss: false } as const;
    const { pass: base, read } = await whileFrozen(parametersOf(models), () =>
      recordPass(runtime, async (tape) => {
        const extra = { fixedAttention: extras.fixedAttention, endsAtSignals: true };
        const forward = await revela(runtime, tape, models, batch, all, extra);
        const { attention, ntpTokenLoss, isolatedTokenLoss } = forward;
        return { ...forward, reads: { attention, ntpTokenLoss, isolatedTokenLoss }, signals: { gradient: attention } };
      }),
    );
    await runtime.recorder.flush();
    const { attention, ntpTokenLoss: loss, isolatedTokenLoss: isolated, gradient } = await read;
    if (!attention || !loss || !isolated) throw new Error('The pass was not read: this is a bug.');
    // Where no layer reads, no gradient arrives.
    const firstOrder = firstOrderGains(attention, gradient ?? attention.map(() => 0), base.predictedPerRow);

    const neighbours = readNeighbours(attention, chunks);
    const needed = Math.max(0, ...neighbours.map((row) => row.length));
    const passes = needed <= mostPasses ? needed : 0;
    const done = (count: number): void => {
      onProgress?.(count / (1 + passes));
      signal?.throwIfAborted();
    };
    done(1);
    const again = inBatchLoss(runtime, models, batch, all, base);

    const leaveOneOut = base.predictedPerRow.map((count) => new Float32Array(chunks * count));
    for (let pass = 0; pass < passes; pass++) {
      const left = attention.slice();
      neighbours.forEach((row, i) => {
        const j = row[pass];
        if (j !== undefined) left[i * chunks + j] = 0;
      });
      const without = readTokenLoss(runtime, left, again);
      await runtime.recorder.flush();
      const losses = await without;
      let start = 0;
      base.predictedPerRow.forEach((count, i) => {
        const j = neighbours[i]?.[pass];
        const gains = leaveOneOut[i];
        for (let t = 0; gains && j !== undefined && t < count; t++)
          gains[j * count + t] = (losses[start + t] ?? NaN) - (loss[start + t] ?? NaN);
        start += count;
      });
      done(2 + pass);
    }
    return {
      attention,
      tokenLoss: split(loss, base.predictedPerRow),
      isolatedTokenLoss: split(isolated, base.predictedPerRow),
      firstOrder,
      leaveOneOut: needed <= mostPasses ? leaveOneOut : undefined,
    };
  });
}

/** The chunks that each row reads, most read first. */
function readNeighbours(attention: Float32Array, chunks: number): number[][] {
  return Array.from({ length: chunks }, (_, i) => {
    const weight = (j: number): number => attention[i * chunks + j] ?? 0;
    return Array.from({ length: chunks }, (_, j) => j)
      .filter((j) => j !== i && weight(j) !== 0)
      .sort((a, b) => weight(b) - weight(a));
  });
}

/** Loss of each predicted token in the in-batch pass with another A over the same keys and values. */
type InBatchLoss = (attention: Tensor) => Tensor;

function inBatchLoss(
  runtime: Runtime,
  { languageModel }: RevelaModels,
  batch: TokenBatch,
  { checkpointing }: RevelaOptions,
  { input, neighbours }: RevelaForward,
): InBatchLoss {
  const targets = predictedTokens(batch.lmIds, input.rows, 'all');
  const positions = runtime.fromArray(targets.positions, [targets.positions.length]);
  const next = runtime.fromArray(targets.next, [targets.next.length]);
  return (attention) => {
    const { hidden } = languageModel.forward(runtime, input, {
      checkpointing,
      neighbours: { ...neighbours, attention },
    });
    return languageModel.nextTokenLoss(runtime, hidden, { positions, next }).tokenLoss;
  };
}

function readTokenLoss(runtime: Runtime, values: Float32Array, pass: InBatchLoss): Promise<Float32Array> {
  let read: Promise<Float32Array> | undefined;
  runtime.scope(() => {
    const chunks = Math.sqrt(values.length);
    read = runtime.read(pass(runtime.fromArray(values, [chunks, chunks])));
  });
  return read ?? Promise.resolve(new Float32Array());
}

/** What the models' gradients would go to: they are the training's own. */
function parametersOf({ retriever, languageModel, gates }: RevelaModels): (ParameterSet | undefined)[] {
  const own = ({ weights, adapter }: Decoder) => [weights.parameters, adapter?.parameters];
  return [...own(retriever), ...own(languageModel), gates?.parameters];
}

/** L is a mean over all tokens of the batch, and A_ij concerns chunk i alone: its own mean changes by R / R_i as much. */
function firstOrderGains(
  attention: Float32Array,
  gradient: Float32Array,
  perRow: readonly number[],
): Float32Array<ArrayBuffer> {
  const total = perRow.reduce((sum, count) => sum + count, 0);
  return Float32Array.from(attention, (weight, at) => {
    const own = perRow[Math.floor(at / perRow.length)] ?? 0;
    return own === 0 ? 0 : (-weight * (gradient[at] ?? 0) * total) / own;
  });
}

function split(values: Float32Array<ArrayBuffer>, lengths: readonly number[]): Float32Array<ArrayBuffer>[] {
  let start = 0;
  return lengths.map((length) => values.slice(start, (start += length)));
}
