import type { Decoder, TokenRows } from '../../models/decoder.ts';
import { inPass } from '../../models/dropoutSites.ts';
import type { Dropout } from '../../ops/core/dropout.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import type { LossSeed } from '../../ops/linearCrossEntropy.ts';
import { segmentMeans } from '../../ops/segmentMeans.ts';
import { SLICE_TOKENS, slicesOf, type PairRow } from './pairs.ts';

/** Rows of pairs on the GPU, and what of them is predicted. */
interface PreparedRows {
  readonly input: TokenRows;
  /** Token (packed index) whose hidden state predicts, and the id that follows it: u32 [R] each. */
  readonly positions: Tensor;
  readonly next: Tensor;
  /** How many tokens of each row are predicted. */
  readonly perRow: readonly number[];
}

function prepare(runtime: Runtime, languageModel: Decoder, rows: readonly PairRow[]): PreparedRows {
  const input = languageModel.prepare(
    runtime,
    rows.map(({ ids }) => ids),
  );
  const positions: number[] = [];
  const next: number[] = [];
  rows.forEach(({ ids, from }, n) => {
    for (let t = from; t < ids.length; t++) {
      positions.push((input.rows.starts[n] ?? 0) + t - 1);
      next.push(ids[t] ?? 0);
    }
  });
  return {
    input,
    positions: runtime.input(Uint32Array.from(positions), [positions.length]),
    next: runtime.input(Uint32Array.from(next), [next.length]),
    perRow: rows.map(({ ids, from }) => ids.length - from),
  };
}

/**
 * How well each chunk is foretold behind each other: the mean log-likelihood of chunk i's tokens with chunk j before them, −nll_ij, in
 * nats per token: [B, B], 0 on the diagonal. B (B − 1) passes of double length in slices, one after the other. Records on no tape: what is
 * read here is a yardstick (docs/METHOD.md, "REPLUG").
 * @param size B.
 * @param sliceTokens most tokens of a slice.
 */
export function pairLikelihoods(
  runtime: Runtime,
  languageModel: Decoder,
  pairs: readonly PairRow[],
  size: number,
  sliceTokens = SLICE_TOKENS,
): Tensor {
  return preparePairLikelihoods(runtime, languageModel, pairs, size, sliceTokens)();
}

/** Uploads the rows of all slices, since an upload between two would end the compute pass; what it gives records the rest. */
export function preparePairLikelihoods(
  runtime: Runtime,
  languageModel: Decoder,
  pairs: readonly PairRow[],
  size: number,
  sliceTokens = SLICE_TOKENS,
): () => Tensor {
  const slices = slicesOf(pairs, sliceTokens).map((rows) => {
    const prepared = prepare(runtime, languageModel, rows);
    const starts = prepared.perRow.reduce<number[]>((all, count) => [...all, (all.at(-1) ?? 0) + count], [0]);
    return {
      ...prepared,
      starts: runtime.fromArray(Uint32Array.from(starts), [starts.length]),
      places: runtime.input(Uint32Array.from(rows.map(({ place }) => place)), [rows.length]),
    };
  });
  return () =>
    runtime.withTape(undefined, () => {
      const result = runtime.zeros([size, size]);
      for (const { input, positions, next, starts, places } of slices)
        runtime.scope(() => {
          const { hidden } = languageModel.forward(runtime, input);
          const { tokenLoss } = languageModel.nextTokenLoss(runtime, hidden, { positions, next });
          segmentMeans(runtime, tokenLoss, { starts, places }, result, -1);
        });
      return result;
    });
}

/**
 * Uploads some pairs; what it gives records the mean next-token loss of their second chunks, over all their tokens: [1], on the
 * runtime's tape.
 */
export function preparePairLoss(
  runtime: Runtime,
  languageModel: Decoder,
  pairs: readonly PairRow[],
  {
    seed,
    checkpointing,
    dropout,
  }: { readonly seed: LossSeed; readonly checkpointing: boolean; readonly dropout?: Dropout | undefined },
): () => Tensor {
  const { input, positions, next } = prepare(runtime, languageModel, pairs);
  return () =>
    runtime.scope(() => {
      const { hidden } = languageModel.forward(runtime, input, { checkpointing, dropout: inPass(dropout, 'pairs') });
      return languageModel.nextTokenLoss(runtime, hidden, { positions, next }, { seed }).loss;
    });
}
