import type { Runtime } from './core/runtime.ts';
import type { Rows } from './core/rows.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

const THREADS = 256;

/** How the columns of a fused query-key-value projection are shared out. */
export interface HeadLayout {
  /** H, query heads. */
  readonly heads: number;
  /** G, key and value heads. */
  readonly kvHeads: number;
  /** hd, even. */
  readonly headDim: number;
}

/** Cosines and sines of the rotary position embedding, as far as the longest row of a batch needs them; made for each batch. */
export interface RotaryTable {
  /** Positions 0 … length − 1. */
  readonly length: number;
  /** f32 [length, hd/2, 2]: cos and sin of position · frequency, times the amplitude. */
  readonly values: Tensor;
}

/**
 * Tables of one sort: position · frequency, with `frequencies` hd/2 numbers in radians per token. Angles are taken in f64 and only
 * then rounded, so that late positions are as exact as early ones. An `amplitude` makes what is turned longer as well (YaRN). What
 * was tabulated once is kept: a shorter table is the beginning of a longer one.
 */
export class RotaryTables {
  #values = new Float32Array();

  constructor(
    private readonly frequencies: ArrayLike<number>,
    private readonly amplitude = 1,
  ) {}

  /** Uploads that of positions 0 … length − 1. */
  upTo(runtime: Runtime, length: number): RotaryTable {
    const half = this.frequencies.length;
    const count = length * half * 2;
    if (this.#values.length < count) this.#values = this.#tabulate(length);
    return { length, values: runtime.fromArray(this.#values.subarray(0, count), [length, half, 2], 'weights') };
  }

  #tabulate(length: number): Float32Array<ArrayBuffer> {
    const { frequencies, amplitude } = this;
    const half = frequencies.length;
    const values = new Float32Array(length * half * 2);
    for (let position = 0; position < length; position++) {
      for (let d = 0; d < half; d++) {
        const angle = position * (frequencies[d] ?? NaN);
        values[2 * (position * half + d)] = amplitude * Math.cos(angle);
        values[2 * (position * half + d) + 1] = amplitude * Math.sin(angle);
      }
    }
    return values;
  }
}

/**
 * Splits a fused projection qkv [T, (H + 2G)·hd] into q [T, H·hd], k and v [T, G·hd], and rotates q and k by their position
 * in the row (RoPE, Su et al. 2021, in the half-split pairing (d, d + hd/2) of Llama and Qwen checkpoints).
 * Backward: the transposed map (the opposite rotation, times the amplitude); a gradient that did not arrive counts as zero.
 * @throws Error when shapes do not match or a row is longer than the table.
 */
export function ropeSplit(
  runtime: Runtime,
  qkv: Tensor,
  rows: Rows,
  { heads, kvHeads, headDim }: HeadLayout,
  rope: RotaryTable,
): [q: Tensor, k: Tensor, v: Tensor] {
  const { tokens } = rows;
  if (headDim < 2 || headDim % 2 !== 0) throw new Error(`ropeSplit: head_dim must be even, but is ${headDim}.`);
  const half = headDim / 2;
  expectShape('The input of ropeSplit', qkv, [tokens, (heads + 2 * kvHeads) * headDim]);
  expectShape('The rotary table', rope.values, [rope.length, half, 2]);
  if (rows.longest > rope.length)
    throw new Error(
      `A row has ${rows.longest} tokens, but this model's positions end at ${rope.length}. Use shorter chunks.`,
    );
  const q = runtime.tensor([tokens, heads * headDim]);
  const k = runtime.tensor([tokens, kvHeads * headDim]);
  const v = runtime.tensor([tokens, kvHeads * headDim]);
  const count = qkv.size / 2;
  const constants = { HEADS: heads, KV_HEADS: kvHeads, HALF: half };
  const groups = [Math.ceil(count / THREADS)] as const;
  const flops = 6 * tokens * (heads + kvHeads) * half;
  const tableBytes = 4 * tokens + 4 * rows.longest * headDim;
  runtime.dispatch({
    kernel: 'ropeSplit/forward',
    constants,
    params: { count },
    bindings: {
      qkv: qkv.slice,
      positions: rows.positions.slice,
      rotary: rope.values.slice,
      q: q.slice,
      k: k.slice,
      v: v.slice,
    },
    groups,
    flops,
    bytes: 8 * qkv.size + tableBytes,
  });
  runtime.tape?.record({
    name: 'ropeSplit',
    inputs: [qkv],
    outputs: [q, k, v],
    saved: [rows.positions, rope.values],
    backward([dq, dk, dv], tape) {
      const any = dq ?? dk ?? dv;
      if (!any) return;
      const { tensor: dqkv, accumulate } = tape.target(qkv);
      runtime.dispatch({
        kernel: 'ropeSplit/gradient',
        constants,
        params: {
          count,
          hasQ: Number(dq !== undefined),
          hasK: Number(dk !== undefined),
          hasV: Number(dv !== undefined),
          accumulate: Number(accumulate),
        },
        // Every binding needs a buffer, also one that the kernel leaves alone.
        bindings: {
          dq: (dq ?? any).slice,
          dk: (dk ?? any).slice,
          dv: (dv ?? any).slice,
          positions: rows.positions.slice,
          rotary: rope.values.slice,
          dqkv: dqkv.slice,
        },
        groups,
        flops,
        bytes: 4 * ((dq?.size ?? 0) + (dk?.size ?? 0) + (dv?.size ?? 0) + (accumulate ? 2 : 1) * qkv.size) + tableBytes,
      });
    },
  });
  return [q, k, v];
}
