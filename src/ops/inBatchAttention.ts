import {
  attentionVariant,
  DIRECT_TILE,
  directConstants,
  directSlabs,
  type AttentionVariant,
} from './core/attentionVariant.ts';
import { headSplits, keyValueGradients } from './core/headSplits.ts';
import type { Runtime } from './core/runtime.ts';
import { gated, type Gate } from './gate.ts';
import { pairStateBytes, type PairList } from './core/pairs.ts';
import { reducing } from './core/reductions.ts';
import { reductionThreads } from './core/rowLanes.ts';
import type { Rows } from './core/rows.ts';
import type { OpTape } from './core/opTape.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

/** ε of V-normalisation, as in the released code: o / (Σ_m P_m ‖V_m‖ + ε). */
export const V_NORM_EPSILON = 1e-6;

/** What the private accumulators of lib/headTiles.wgsl hold: 16 vectors of four for each thread. */
const MAX_HEAD_DIM = 256;

export interface InBatchAttentionInputs {
  /** Ordinary self-attention of the in-batch pass, before the output projection: [T, H · headDim]. */
  readonly self: Tensor;
  /** Queries of the in-batch pass, after RoPE: [T, H · headDim]. */
  readonly q: Tensor;
  /** Keys (after RoPE) and values of the plain pass over the same chunks: [T, G · headDim]. */
  readonly k: Tensor;
  readonly v: Tensor;
  /** Batch attention A: [B, B]. */
  readonly attention: Tensor;
  /** The pairs that are read; must hold every pair with A_ij ≠ 0. */
  readonly pairs: PairList;
  readonly rows: Rows;
  /** H query heads share G = kvHeads key/value heads. */
  readonly heads: number;
  readonly kvHeads: number;
  /** Even, at most 256. */
  readonly headDim: number;
  readonly vNorm: boolean;
  /** γ: factor of the in-batch term (the paper has 1). */
  readonly gate: Gate;
  /** Forces a kind of kernel (tests, measurements). */
  readonly variant?: AttentionVariant;
}

/** With a factor that the kernels take as a parameter, and their kind. */
interface Call extends InBatchAttentionInputs {
  readonly gate: number;
  readonly variant: AttentionVariant;
}

/**
 * Similarity-weighted in-batch attention (Revela, arXiv 2506.16552, equation of the in-batch attention):
 *
 *   out_i = self_i + γ · Σ_{j≠i} A_ij · Ô_ij,   P = softmax(q_i K_jᵀ / √headDim) over all tokens of chunk j,
 *   Ô_ij = P V_j / (Σ_m P_m ‖V_jm‖₂ + ε) with V-normalisation, else P V_j
 *
 * per head and query token; no L×L scores are kept, in either direction, and the forward pass keeps the values' norms alone. Result:
 * [T, H · headDim]. Gradients go to self, q, k, v, A and a learnt γ. ∂L/∂A_ij is 0 for pairs that are not in `pairs`.
 * @throws Error when shapes do not fit together.
 */
export function inBatchAttention(runtime: Runtime, inputs: InBatchAttentionInputs): Tensor {
  check(inputs);
  const { gate, attention } = inputs;
  const variant = attentionVariant(runtime, inputs.variant);
  if (typeof gate === 'number') return attend(runtime, { ...inputs, gate, variant });
  // γ and A appear as their product only, so a learnt γ goes into A beforehand: ∂L/∂γ = Σ_ij A_ij · ∂L/∂(γA)_ij.
  return runtime.scope(() =>
    attend(runtime, { ...inputs, attention: gated(runtime, attention, gate), gate: 1, variant }),
  );
}

function attend(runtime: Runtime, inputs: Call): Tensor {
  const { self, q, k, v, attention, pairs, kvHeads, headDim, gate } = inputs;
  const out = runtime.tensor(self.shape);
  const c = divisors(runtime, inputs);
  runtime.dispatch({
    ...reducing(runtime, kernel('forward', inputs), queryConstants(inputs)),
    params: { ...shapeParams(inputs), kvHeads, scale: 1 / Math.sqrt(headDim), gate },
    bindings: {
      table: pairs.table.slice,
      own: self.slice,
      q: q.slice,
      k: k.slice,
      v: v.slice,
      c: c.slice,
      attention: attention.slice,
      out: out.slice,
    },
    groups: [...queryGroups(inputs), inputs.rows.count],
    ...cost(inputs, { products: slabs(inputs) + 1, tensors: 3, rows: queryRows(inputs) }),
  });
  runtime.tape?.record({
    name: 'inBatchAttention',
    inputs: [self, q, k, v, attention],
    outputs: [out],
    saved: [q, k, v, c, attention, pairs.table],
    backward([gradient], tape) {
      if (!gradient) return;
      tape.add(self, gradient);
      if ([q, k, v, attention].some(({ requiresGrad }) => requiresGrad))
        backward(runtime, inputs, { c, u: gradient }, tape);
    },
  });
  return out;
}

/** `c`: the divisors of the forward pass; `u`: ∂L/∂out. */
function backward(
  runtime: Runtime,
  inputs: Call,
  { c, u }: { readonly c: Tensor; readonly u: Tensor },
  tape: OpTape,
): void {
  const { q, k, v, attention, pairs, rows, heads, kvHeads, headDim, vNorm, gate } = inputs;
  const shape = shapeParams(inputs);
  const scale = 1 / Math.sqrt(headDim);
  const stateEntries = Math.max(1, pairStateBytes(pairs, heads) / 8);
  const state = runtime.tensor([stateEntries, 2], 'f32', 'scratch');
  const given = { table: pairs.table.slice, q: q.slice, k: k.slice, v: v.slice, u: u.slice, state: state.slice };

  runtime.dispatch({
    ...reducing(runtime, kernel('statistics', inputs), queryConstants(inputs)),
    params: { ...shape, kvHeads, scale, gate },
    bindings: { ...given, c: c.slice, attention: attention.slice },
    groups: [...queryGroups(inputs, 1), pairs.count],
    ...cost(inputs, { products: 2, tensors: 2, rows: queryRows(inputs) }),
  });
  if (attention.requiresGrad) {
    const { tensor, accumulate } = tape.target(attention);
    if (!accumulate) runtime.recorder.clear(tensor.slice);
    runtime.dispatch({
      kernel: 'inBatchAttention/pairGradient',
      constants: { THREADS: reductionThreads(runtime, 64) },
      params: { ...shape, gate, accumulate: Number(accumulate) },
      bindings: { table: pairs.table.slice, state: state.slice, attentionGradient: tensor.slice },
      groups: [pairs.count],
      flops: stateEntries,
      bytes: 8 * stateEntries,
    });
  }
  if (q.requiresGrad) {
    const { tensor, accumulate } = tape.target(q);
    runtime.dispatch({
      kernel: kernel('queryGradient', inputs),
      constants: queryConstants(inputs),
      params: { ...shape, kvHeads, scale, accumulate: Number(accumulate) },
      bindings: { ...given, c: c.slice, queryGradient: tensor.slice },
      groups: [...queryGroups(inputs), rows.count],
      ...cost(inputs, { products: 2 * slabs(inputs) + 1, tensors: 3, rows: queryRows(inputs) }),
    });
  }
  if (k.requiresGrad || v.requiresGrad) {
    const workgroups = keyTiles(inputs) * kvHeads * rows.count;
    // The direct kernel's tiles are low enough for a CPU's few cores.
    const work = cost(inputs, { products: 2 * slabs(inputs) + 2, tensors: 2, rows: tileSize(inputs) });
    const unsplit = { groupHeads: heads / kvHeads, workgroups, multiplyAdds: work.flops / 2 };
    const splits = inputs.variant === 'direct' ? 1 : headSplits(runtime, unsplit);
    keyValueGradients(runtime, tape, { k, v, splits }, (keys, values) =>
      runtime.dispatch({
        ...reducing(runtime, kernel('keyValueGradient', inputs), { ...tileConstants(inputs), V_NORM: vNorm }),
        params: {
          ...shape,
          kvHeads,
          ...(inputs.variant === 'direct' ? {} : { tokens: rows.tokens, splits }),
          scale,
          epsilon: V_NORM_EPSILON,
          accumulateKeys: Number(keys.accumulate),
          accumulateValues: Number(values.accumulate),
        },
        bindings: { ...given, keyGradient: keys.tensor.slice, valueGradient: values.tensor.slice },
        groups: [keyTiles(inputs), kvHeads * splits * slabs(inputs), rows.count],
        ...work,
      }),
    );
  }
}

/** c [T, G]: what each value counts in the divisor (shaders/inBatchAttention/divisors.wgsl). */
function divisors(runtime: Runtime, { v, rows, kvHeads, headDim, vNorm }: InBatchAttentionInputs): Tensor {
  const c = runtime.tensor([rows.tokens, kvHeads]);
  runtime.dispatch({
    kernel: 'inBatchAttention/divisors',
    constants: { HEAD_DIM: headDim, V_NORM: vNorm },
    params: { count: c.size, epsilon: V_NORM_EPSILON },
    bindings: { v: v.slice, c: c.slice },
    groups: [Math.ceil(c.size / 64)],
    flops: 2 * v.size,
    bytes: 4 * (v.size + c.size),
  });
  return c;
}

function shapeParams({ rows, pairs, heads }: InBatchAttentionInputs) {
  return { chunks: rows.count, pairs: pairs.count, heads };
}

function kernel(part: string, { variant }: Call): string {
  return `inBatchAttention/${part}.${variant}`;
}

/** Workgroups of a tile and head, each of which computes the scores anew for its part of the result. */
function slabs({ variant, headDim }: Call): number {
  return variant === 'direct' ? directSlabs(headDim) : 1;
}

function tileConstants(inputs: Call) {
  const { variant, headDim } = inputs;
  return variant === 'direct' ? directConstants(headDim) : { HEAD_DIM: headDim, TILE: tileSize(inputs) };
}

/**
 * Tokens on a side of a tile. With 32 each number read from workgroup memory is used four times instead of twice, but more
 * of the tile may hang over the ends of short rows; above headDim 64 its accumulators no longer fit into registers.
 */
function tileSize({ variant, headDim, rows: { lengths } }: Call): 16 | 32 {
  if (variant === 'direct') return DIRECT_TILE;
  if (headDim > 64) return 16;
  const padded = (tile: number) => lengths.reduce((sum, length) => sum + tile * Math.ceil(length / tile), 0);
  // Work grows with the square of the padded length; a larger tile does the same work in about two thirds of the time.
  return padded(32) ** 2 <= 1.5 * padded(16) ** 2 ? 32 : 16;
}

/** Query heads whose rows stand in one tile with those of their neighbours, since they read the same keys and values. */
function sharing({ variant, heads, kvHeads }: Call): number {
  return variant === 'direct' ? 1 : heads / kvHeads;
}

/**
 * Queries in a tile: of several heads twice as many as keys, which are read half as often for it. Rows of one head alone would too
 * often end in the middle of so tall a tile.
 */
function queryRows(inputs: Call): number {
  return tileSize(inputs) * (sharing(inputs) > 1 ? 2 : 1);
}

function queryConstants(inputs: Call) {
  const constants = tileConstants(inputs);
  return inputs.variant === 'direct' ? constants : { ...constants, ROWS: queryRows(inputs), GROUP: sharing(inputs) };
}

/** Workgroups of a chunk in kernels with a tile of queries each. */
function queryGroups(inputs: Call, parts = slabs(inputs)): [tiles: number, heads: number] {
  const shared = sharing(inputs);
  return [Math.ceil((inputs.rows.longest * shared) / queryRows(inputs)), (inputs.heads / shared) * parts];
}

function keyTiles(inputs: Call): number {
  return Math.ceil(inputs.rows.longest / tileSize(inputs));
}

interface Work {
  /** Matrix products of (query × key × headDim) per pair and head. */
  readonly products: number;
  /** Tensors of q's size that are moved. */
  readonly tensors: number;
  /** Of a tile: each tile reads the other side anew. */
  readonly rows: number;
}

function cost({ pairs, q, heads, headDim }: Call, { products, tensors, rows }: Work) {
  const multiplyAdds = products * pairs.scores * heads * headDim;
  return { flops: 2 * multiplyAdds, bytes: 4 * tensors * q.size + (4 * multiplyAdds) / rows };
}

function check({ self, q, k, v, attention, rows, heads, kvHeads, headDim }: InBatchAttentionInputs): void {
  if (headDim % 2 !== 0 || headDim < 2 || headDim > MAX_HEAD_DIM)
    throw new Error(`In-batch attention takes heads of an even size up to ${MAX_HEAD_DIM}, not ${headDim}.`);
  if (heads % kvHeads !== 0)
    throw new Error(
      `${heads} query heads cannot share ${kvHeads} key/value heads evenly: check the model's config.json.`,
    );
  expectShape('Self-attention output', self, [rows.tokens, heads * headDim]);
  expectShape('Queries', q, [rows.tokens, heads * headDim]);
  expectShape('Keys', k, [rows.tokens, kvHeads * headDim]);
  expectShape('Values', v, [rows.tokens, kvHeads * headDim]);
  expectShape('Batch attention', attention, [rows.count, rows.count]);
}
