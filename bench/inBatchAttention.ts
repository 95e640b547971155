import type { Context } from '../src/ops/context.ts';
import { inBatchAttention } from '../src/ops/inBatchAttention.ts';
import { makePairs, pairStateBytes } from '../src/ops/pairs.ts';
import { makeRows } from '../src/ops/rows.ts';
import { Tape } from '../src/ops/tape.ts';

/** One layer's in-batch attention, measured forward and backward. */
export interface InBatchAttentionRow {
  /** Tokens of each chunk. */
  readonly length: number;
  /** B. */
  readonly chunks: number;
  /** Sharp: every chunk reads one neighbour. Soft: every chunk reads all others. */
  readonly attention: 'sharp' | 'soft';
  readonly pairsRead: number;
  /** Best of the rounds, ms. */
  readonly forwardMs: number;
  readonly backwardMs: number;
  /** What the backward pass holds for the pairs; the forward pass holds nothing. */
  readonly stateBytes: number;
  /** What the scores of all pairs would take, B × B × H × L × L in f32. */
  readonly scoreBytes: number;
}

export interface BenchInBatchAttentionOptions {
  /** Chunk lengths. Default: the small preset's facts and its prose. */
  readonly lengths?: readonly number[];
  readonly batches?: readonly number[];
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly headDim?: number;
  /** Measurements per row; the best counts. Default 3. */
  readonly rounds?: number;
}

/**
 * Time and memory of one layer at growing batch sizes, with A as sharp as it gets and as soft as it gets. Every row is
 * measured in the same run, so that their ratios mean something on a busy machine too.
 */
export async function benchInBatchAttention(
  context: Context,
  options: BenchInBatchAttentionOptions = {},
): Promise<InBatchAttentionRow[]> {
  const { lengths = [13, 64], batches = [4, 8, 16, 32], heads = 4, kvHeads = 2, headDim = 32, rounds = 3 } = options;
  const rows: InBatchAttentionRow[] = [];
  for (const length of lengths)
    for (const chunks of batches)
      for (const attention of ['sharp', 'soft'] as const)
        rows.push(await measure(context, { length, chunks, attention, heads, kvHeads, headDim, rounds }));
  return rows;
}

interface Case {
  readonly length: number;
  readonly chunks: number;
  readonly attention: 'sharp' | 'soft';
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rounds: number;
}

async function measure(context: Context, given: Case): Promise<InBatchAttentionRow> {
  const { length, chunks, heads, kvHeads, headDim } = given;
  const lengths = Array<number>(chunks).fill(length);
  const values = Float32Array.from({ length: chunks * chunks }, (_, at) => {
    const [i, j] = [Math.floor(at / chunks), at % chunks];
    if (given.attention === 'sharp') return Number(j === (i + 1) % chunks);
    return i === j ? 0 : 1 / (chunks - 1);
  });
  const tokens = chunks * length;
  let best = { forwardMs: Infinity, backwardMs: Infinity };
  let pairsRead = 0;
  let stateBytes = 0;
  // One round more than asked for: the first compiles.
  for (let round = 0; round <= given.rounds; round++) {
    const tape = new Tape(context);
    const held = [
      ...[heads, heads, kvHeads, kvHeads].map((n) =>
        context.fromArray(wave(tokens * n * headDim), [tokens, n * headDim]),
      ),
      context.fromArray(values, [chunks, chunks]),
    ];
    for (const tensor of held) tensor.requiresGrad = true;
    const [self, q, k, v, attention] = held;
    if (!self || !q || !k || !v || !attention) throw new Error('An input is missing: this is a bug.');
    const out = context.scope(() => {
      const layout = makeRows(context, lengths);
      const pairs = makePairs(context, layout, values);
      pairsRead = pairs.count;
      stateBytes = pairStateBytes(pairs, heads);
      context.tape = tape;
      const result = inBatchAttention(context, {
        self,
        q,
        k,
        v,
        attention,
        pairs,
        rows: layout,
        heads,
        kvHeads,
        headDim,
        vNorm: true,
        gate: 1,
      });
      context.tape = undefined;
      return result;
    });
    held.push(out);
    const forward = await context.recorder.flush();
    tape.backward([{ tensor: out, gradient: out }]);
    const backward = await context.recorder.flush();
    tape.dispose();
    for (const tensor of held) tensor.release();
    if (round > 0)
      best = {
        forwardMs: Math.min(best.forwardMs, forward.gpuMs),
        backwardMs: Math.min(best.backwardMs, backward.gpuMs),
      };
  }
  const { attention } = given;
  const scoreBytes = 4 * chunks * chunks * heads * length * length;
  return { length, chunks, attention, pairsRead, ...best, stateBytes, scoreBytes };
}

/** Smooth numbers in [−1, 1]: the kernels' time does not depend on them, as long as they are ordinary numbers. */
function wave(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => Math.sin(1.7 * i));
}
