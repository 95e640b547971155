import type { Runtime } from './core/runtime.ts';
import { bytesPerElement, expectShape, WEIGHT_FORMAT, type Tensor } from './core/tensor.ts';

const THREADS = 256;
/** Columns that one workgroup of the backward pass sums. */
const GRADIENT_COLUMNS = 64;

/** Consecutive rows of an embedding table, [V_s, D] in f32, bf16, f16 or i8. Large tables come in several, to fit a binding. */
export interface TableShard {
  readonly weight: Tensor;
}

/** A batch's token ids, sorted by id so that each shard, and each row of it, finds its tokens side by side. */
export interface TokenIndex {
  /** T. */
  readonly tokens: number;
  /** Rows of each shard of the table this index is made for. */
  readonly shardRows: readonly number[];
  /** Token ids in their own order: u32 [T]. */
  readonly ids: Tensor;
  /** Tokens 0 … T−1 ordered by id, then by place: u32 [T]. */
  readonly order: Tensor;
  /** The distinct ids, ascending: u32 [U]. */
  readonly distinct: Tensor;
  /** Where each distinct id's stretch of `order` begins, and T at the end: u32 [U + 1]. */
  readonly starts: Tensor;
  /** What each shard has to do: its first table row, and its stretches of `order` and of `distinct`. */
  readonly shards: readonly ShardStretch[];
}

interface ShardStretch {
  readonly firstRow: number;
  readonly firstEntry: number;
  readonly entries: number;
  readonly firstDistinct: number;
  readonly distinct: number;
}

/**
 * Sorts a batch's token ids for a table of shards with `shardRows` rows each, and uploads the result.
 * @throws Error for no tokens, or for an id the table has no row for.
 */
export function makeTokenIndex(
  runtime: Runtime,
  ids: Uint32Array | readonly number[],
  shardRows: readonly number[],
): TokenIndex {
  const tokens = ids.length;
  const vocabulary = shardRows.reduce((sum, rows) => sum + rows, 0);
  if (tokens === 0) throw new Error('A batch without tokens has nothing to embed.');
  ids.forEach((id, at) => {
    if (!Number.isInteger(id) || id < 0 || id >= vocabulary)
      throw new Error(
        `Token ${at} has id ${id}, but the embedding table has rows 0 to ${vocabulary - 1}. ` +
          'The tokenizer does not belong to this model.',
      );
  });
  // One number holds id and place (exact below 2^53), so that sorting needs no comparison function.
  const keys = Float64Array.from(ids, (id, at) => id * tokens + at).sort();
  const order = Uint32Array.from(keys, (key) => key % tokens);
  const distinct: number[] = [];
  const starts: number[] = [];
  order.forEach((token, entry) => {
    const id = ids[token] ?? 0;
    if (id === distinct.at(-1)) return;
    distinct.push(id);
    starts.push(entry);
  });
  starts.push(tokens);
  const shards: ShardStretch[] = [];
  let firstRow = 0;
  let firstDistinct = 0;
  for (const rows of shardRows) {
    let end = firstDistinct;
    while ((distinct[end] ?? Infinity) < firstRow + rows) end++;
    const firstEntry = starts[firstDistinct] ?? tokens;
    const entries = (starts[end] ?? tokens) - firstEntry;
    shards.push({ firstRow, firstEntry, entries, firstDistinct, distinct: end - firstDistinct });
    firstRow += rows;
    firstDistinct = end;
  }
  return {
    tokens,
    shardRows: [...shardRows],
    ids: runtime.fromArray(Uint32Array.from(ids), [tokens]),
    order: runtime.fromArray(order, [tokens]),
    distinct: runtime.fromArray(Uint32Array.from(distinct), [distinct.length]),
    starts: runtime.fromArray(Uint32Array.from(starts), [starts.length]),
    shards,
  };
}

/**
 * Looks up token embeddings: out[t] = table[ids[t]], f32 [T, D], any D. `table` is one matrix [V, D] in shards of consecutive
 * rows. Backward: rows of trainable (f32) shards receive the sum of their tokens' gradients, in the order of the tokens.
 * @throws Error when the index was made for other shards.
 */
export function embedding(runtime: Runtime, table: readonly TableShard[], index: TokenIndex): Tensor {
  const columns = table[0]?.weight.columns ?? 0;
  if (table.length !== index.shards.length)
    throw new Error(`embedding: ${table.length} shards, but the token index was made for ${index.shards.length}.`);
  table.forEach(({ weight }, s) => expectShape(`embedding shard ${s}`, weight, [index.shardRows[s] ?? 0, columns]));
  const out = runtime.tensor([index.tokens, columns]);
  table.forEach(({ weight }, s) => {
    const stretch = index.shards[s];
    if (weight.dtype === 'u32') throw new Error('embedding: a table holds floating-point numbers.');
    if (!stretch || stretch.entries === 0) return;
    const { firstRow, firstEntry, entries } = stretch;
    runtime.dispatch({
      kernel: 'embedding/forward',
      constants: { WEIGHT_FORMAT: WEIGHT_FORMAT[weight.dtype] },
      params: { firstRow, firstEntry, entries, columns },
      bindings: {
        ids: index.ids.slice,
        order: index.order.slice,
        table: weight.slice,
        scales: (weight.scales ?? weight).slice,
        out: out.slice,
      },
      groups: [Math.ceil((entries * columns) / THREADS)],
      flops: 0,
      bytes: entries * columns * (4 + bytesPerElement(weight.dtype)) + 8 * entries,
    });
  });
  const weights = table.map(({ weight }) => weight);
  runtime.tape?.record({
    name: 'embedding',
    inputs: weights,
    outputs: [out],
    saved: [index.order, index.distinct, index.starts],
    backward([gradient], tape) {
      if (!gradient) return;
      weights.forEach((weight, s) => {
        if (!weight.requiresGrad) return;
        const { tensor, accumulate } = tape.target(weight);
        // Most rows belong to no token of the batch, so the kernel only ever adds to the rows that do.
        if (!accumulate) runtime.recorder.clear(tensor.slice);
        const stretch = index.shards[s];
        if (!stretch || stretch.distinct === 0) return;
        const { firstRow, firstDistinct, distinct, entries } = stretch;
        runtime.dispatch({
          kernel: 'embedding/gradient',
          params: { firstRow, firstDistinct, columns },
          bindings: {
            order: index.order.slice,
            distinct: index.distinct.slice,
            starts: index.starts.slice,
            gradient: gradient.slice,
            tableGradient: tensor.slice,
          },
          groups: [distinct, Math.ceil(columns / GRADIENT_COLUMNS)],
          flops: entries * columns,
          bytes: 4 * columns * (entries + 2 * distinct) + 4 * entries + 8 * distinct,
        });
      });
    },
  });
  return out;
}
