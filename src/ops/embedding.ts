import type { Runtime } from './core/runtime.ts';
import { bytesPerElement, expectShape, WEIGHT_FORMAT, type Tensor } from './core/tensor.ts';

const THREADS = 256;
/** Columns that one workgroup of the backward pass sums. */
const GRADIENT_COLUMNS = 64;

/** Consecutive rows of an embedding table, [V_s, D] in f32, bf16, f16 or i8. Large tables come in several, to fit a binding. */
export interface TableShard {
  readonly weight: Tensor;
}

/** A batch's token ids, also sorted, so that each row of the table finds its tokens side by side. */
export interface TokenIndex {
  /** T. */
  readonly tokens: number;
  /** Rows of each shard of the table this index is made for. */
  readonly shardRows: readonly number[];
  /** Token ids in their own order: u32 [T]. */
  readonly ids: Tensor;
  /** Tokens 0 … T−1 ordered by id, then by place: u32 [T]. */
  readonly order: Tensor;
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
  // One number holds id and place (exact below 2^53), so that sorting needs no comparison function.
  const keys = new Float64Array(tokens);
  for (let at = 0; at < tokens; at++) {
    const id = ids[at] ?? NaN;
    if (!Number.isInteger(id) || id < 0 || id >= vocabulary)
      throw new Error(
        `Token ${at} has id ${id}, but the embedding table has rows 0 to ${vocabulary - 1}. ` +
          'The tokenizer does not belong to this model.',
      );
    keys[at] = id * tokens + at;
  }
  keys.sort();
  const order = new Uint32Array(tokens);
  for (let entry = 0; entry < tokens; entry++) order[entry] = (keys[entry] ?? 0) % tokens;
  return {
    tokens,
    shardRows: [...shardRows],
    ids: runtime.input(new Uint32Array(ids), [tokens]),
    order: runtime.input(order, [tokens]),
  };
}

/**
 * Looks up token embeddings: out[t] = table[ids[t]], f32 [T, D], any D. `table` is one matrix [V, D] in shards of consecutive
 * rows. Backward: rows of trainable (f32) shards receive the sum of their tokens' gradients, in the order of the tokens. What is
 * dispatched depends on the number of tokens alone, not on their ids.
 * @throws Error when the index was made for other shards.
 */
export function embedding(runtime: Runtime, table: readonly TableShard[], index: TokenIndex): Tensor {
  const columns = table[0]?.weight.columns ?? 0;
  const { tokens, shardRows, ids, order } = index;
  if (table.length !== shardRows.length)
    throw new Error(`embedding: ${table.length} shards, but the token index was made for ${shardRows.length}.`);
  table.forEach(({ weight }, s) => expectShape(`embedding shard ${s}`, weight, [shardRows[s] ?? 0, columns]));
  const out = runtime.tensor([tokens, columns]);
  const firstRows = shardRows.map((_, s) => shardRows.slice(0, s).reduce((sum, rows) => sum + rows, 0));
  table.forEach(({ weight }, s) => {
    if (weight.dtype === 'u32') throw new Error('embedding: a table holds floating-point numbers.');
    runtime.dispatch({
      kernel: 'embedding/forward',
      constants: { WEIGHT_FORMAT: WEIGHT_FORMAT[weight.dtype] },
      params: { tokens, columns, firstRow: firstRows[s] ?? 0, rows: weight.rows },
      bindings: {
        ids: ids.slice,
        table: weight.slice,
        scales: (weight.scales ?? weight).slice,
        out: out.slice,
      },
      groups: [Math.ceil((tokens * columns) / THREADS)],
      flops: 0,
      // Every token is found in one of the shards.
      bytes: (tokens * columns * (4 + bytesPerElement(weight.dtype))) / table.length + 4 * tokens,
    });
  });
  const weights = table.map(({ weight }) => weight);
  runtime.tape?.record({
    name: 'embedding',
    inputs: weights,
    outputs: [out],
    saved: [ids, order],
    backward([gradient], tape) {
      if (!gradient) return;
      weights.forEach((weight, s) => {
        if (!weight.requiresGrad) return;
        const { tensor, accumulate } = tape.target(weight);
        // Most rows belong to no token of the batch, so the kernel only ever adds to the rows that do.
        if (!accumulate) runtime.recorder.clear(tensor.slice);
        runtime.dispatch({
          kernel: 'embedding/gradient',
          params: { tokens, columns, firstRow: firstRows[s] ?? 0, rows: weight.rows },
          bindings: {
            ids: ids.slice,
            order: order.slice,
            gradient: gradient.slice,
            tableGradient: tensor.slice,
          },
          groups: [tokens, Math.ceil(columns / GRADIENT_COLUMNS)],
          flops: (tokens * columns) / table.length,
          // As if no id came twice: the most there may be.
          bytes: (12 * tokens * columns) / table.length + 8 * tokens,
        });
      });
    },
  });
  return out;
}
