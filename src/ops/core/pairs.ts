import type { Runtime } from './runtime.ts';
import type { Rows } from './rows.ts';
import type { Tensor } from './tensor.ts';

/**
 * Which pairs (query chunk i, context chunk j) the in-batch attention reads. Time and memory follow from this list, not
 * from B²: a pair with A_ij = 0 adds exactly nothing to the output or to any gradient that passes through the batch
 * softmax, so it may be left out. Known on the host, laid out once per step, used by every layer.
 */
export interface PairList {
  /** Pairs read. */
  readonly count: number;
  /** Σ over pairs of (tokens of i) · (tokens of j): scores per head. */
  readonly scores: number;
  /** Σ over pairs of (tokens of i): entries per head of the backward pass's state. */
  readonly queryTokens: number;
  /** The list for the kernels, u32: see shaders/lib/pairTable.wgsl. */
  readonly table: Tensor;
}

/**
 * Lists the pairs with A_ij ≠ 0, i ≠ j, of `attention` [B, B]; all B·(B − 1) pairs when it is left out. All pairs are right
 * for every A; the values of A (read back, or fixed in advance as for a one-hot control) make a sharp A cheap.
 * @throws Error when `attention` does not have B² values.
 */
export function makePairs(runtime: Runtime, rows: Rows, attention?: ArrayLike<number>): PairList {
  const { count: chunks, lengths, starts } = rows;
  if (attention && attention.length !== chunks * chunks)
    throw new Error(
      `The attention of ${chunks} chunks has ${chunks * chunks} values, but ${attention.length} were given.`,
    );
  const read = (i: number, j: number) => i !== j && (!attention || attention[i * chunks + j] !== 0);

  const pairs: number[] = [];
  const firstSlot = [0];
  const slotsByContext: number[][] = lengths.map(() => []);
  let queryTokens = 0;
  let scores = 0;
  let count = 0;
  lengths.forEach((length, i) => {
    lengths.forEach((contextLength, j) => {
      if (!read(i, j)) return;
      pairs.push(i, j, queryTokens);
      slotsByContext[j]?.push(count++);
      queryTokens += length;
      scores += length * contextLength;
    });
    firstSlot.push(count);
  });

  let readersBefore = 0;
  const records = lengths.flatMap((length, i) => {
    const [slot = 0, nextSlot = 0] = firstSlot.slice(i, i + 2);
    const readers = slotsByContext[i]?.length ?? 0;
    readersBefore += readers;
    return [starts[i] ?? 0, length, slot, nextSlot - slot, readersBefore - readers, readers];
  });
  const words = Uint32Array.from([...records, ...pairs, ...slotsByContext.flat()]);
  return { count, scores, queryTokens, table: runtime.fromArray(words, [words.length]) };
}

/**
 * Bytes that one layer's backward pass holds for the pairs while it runs: two numbers per (pair, head, query token) and
 * two per pair. The forward pass holds nothing per pair.
 */
export function pairStateBytes(pairs: PairList, heads: number): number {
  return 8 * (pairs.count + heads * pairs.queryTokens);
}
