import type { Constants } from '../gpu/pipelines.ts';
import {
  attentionVariant,
  DIRECT_TILE,
  directConstants,
  directSlabs,
  type AttentionVariant,
} from './core/attentionVariant.ts';
import { reducing } from './core/reductions.ts';
import type { Runtime } from './core/runtime.ts';
import type { RowTiles, Rows } from './core/rows.ts';
import { headSplits, keyValueGradients } from './core/headSplits.ts';
import type { OpTape } from './core/opTape.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

/** Heads of an attention layer. */
export interface AttentionHeads {
  /** Query heads, H. */
  readonly heads: number;
  /** Key and value heads, G, a divisor of H: query head h reads KV head floor(h / (H / G)). */
  readonly kvHeads: number;
  /** Numbers per head, D: even, at most 256. */
  readonly headDim: number;
}

/** Time per multiply-add in tiles of 16 against tiles of 32, which load a third less for it. */
const SMALL_TILE_COST = 1.5;
/** Largest head whose sums fit in the registers and the memory of tall tiles (lib/attentionTile.wgsl). */
const WIDEST_IN_TALL_TILES = 128;

/**
 * The tiles with which tiled attention over `rows` costs least: tall ones waste most of their work on short rows, and have no
 * room for very large heads.
 */
export function tilesFor(rows: Rows, headDim: number): RowTiles {
  if (headDim > WIDEST_IN_TALL_TILES) return rows.tiles[16];
  const cost = (size: number): number =>
    rows.lengths.reduce((sum, length) => {
      const tiles = Math.ceil(length / size);
      return sum + ((tiles * (tiles + 1)) / 2) * size * size;
    }, 0);
  return rows.tiles[cost(16) * SMALL_TILE_COST < cost(32) ? 16 : 32];
}

/**
 * Causal self-attention inside each row: out[t, h] = Σ_{s ≤ t} softmax_s(q[t, h]·k[s, g] / √D) v[s, g].
 * q: [T, H·D]; k, v: [T, G·D], rotary embedding already applied; result: [T, H·D]. No L × L matrix is stored: forward
 * keeps one logsumexp per token and head, from which backward recomputes the weights (FlashAttention, Dao et al. 2022).
 * `options.variant` forces a kind of kernel (tests, measurements).
 * @throws Error when shapes and `heads` do not fit together, or the head size is odd or above 256.
 */
export function causalAttention(
  runtime: Runtime,
  q: Tensor,
  k: Tensor,
  v: Tensor,
  rows: Rows,
  { heads, kvHeads, headDim }: AttentionHeads,
  options: { readonly variant?: AttentionVariant } = {},
): Tensor {
  if (headDim % 2 !== 0 || headDim < 2 || headDim > 256)
    throw new Error(`Attention heads must have an even number of dimensions up to 256, but this model has ${headDim}.`);
  if (kvHeads < 1 || heads % kvHeads !== 0)
    throw new Error(`${heads} query heads cannot be shared out evenly among ${kvHeads} key and value heads.`);
  expectShape('The queries', q, [rows.tokens, heads * headDim]);
  expectShape('The keys', k, [rows.tokens, kvHeads * headDim]);
  expectShape('The values', v, [rows.tokens, kvHeads * headDim]);
  return runtime.scope(() => {
    const out = runtime.tensor(q.shape);
    const statistics = runtime.tensor([rows.tokens, heads, 2]);
    const direct = attentionVariant(runtime, options.variant) === 'direct';
    const call: Call = {
      q,
      k,
      v,
      rows,
      heads,
      kvHeads,
      headDim,
      direct,
      tiles: direct ? rows.tiles[DIRECT_TILE] : tilesFor(rows, headDim),
      slabs: direct ? directSlabs(headDim) : 1,
      scale: 1 / Math.sqrt(headDim),
    };
    runtime.dispatch({
      ...reducing(runtime, kernel('forward', call), tileConstants(call, 128)),
      params: { heads, kvHeads, scale: call.scale },
      bindings: {
        q: q.slice,
        k: k.slice,
        v: v.slice,
        tiles: call.tiles.tensor.slice,
        out: out.slice,
        statistics: statistics.slice,
      },
      groups: [call.tiles.count, heads * call.slabs],
      flops: products(call, 1, 1),
      bytes: 4 * (2 * q.size + 2 * k.size + statistics.size / 2),
    });
    runtime.tape?.record({
      name: 'causalAttention',
      inputs: [q, k, v],
      outputs: [out],
      saved: [q, k, v, out, statistics, call.tiles.tensor],
      backward([gradient], tape) {
        if (!gradient) return;
        const pass = { gradient, out, statistics };
        queryGradient(runtime, tape, call, pass);
        if (k.requiresGrad || v.requiresGrad) keyValueGradient(runtime, tape, call, pass);
      },
    });
    return out;
  });
}

interface Call extends AttentionHeads {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly rows: Rows;
  /** Kernels without workgroup memory. */
  readonly direct: boolean;
  readonly tiles: RowTiles;
  /** Workgroups of a tile and head, each of which computes the scores anew for its part of the result. */
  readonly slabs: number;
  readonly scale: number;
}

function kernel(part: string, { direct }: Call): string {
  return `causalAttention/${part}.${direct ? 'direct' : 'tiled'}`;
}

/** Larger heads than `narrow` get twice the threads, so that no thread holds more sums than it has registers for. */
function tileConstants({ direct, headDim, tiles }: Call, narrow: number): Constants {
  if (direct) return directConstants(headDim);
  return { HEAD_DIM: headDim, TILE: tiles.size, ACROSS: headDim > narrow ? 16 : 8 };
}

/** Operations of `scores` products that every slab forms, and of `sums` that they share, over all allowed pairs of tokens. */
function products({ rows, heads, headDim, slabs }: Call, scores: number, sums: number): number {
  // Half as many pairs, of two operations each.
  const pairs = rows.lengths.reduce((sum, length) => sum + length * (length + 1), 0);
  return (scores * slabs + sums) * pairs * heads * headDim;
}

/** What has arrived, and what the forward pass left behind. */
interface BackwardPass {
  readonly gradient: Tensor;
  readonly out: Tensor;
  /** (logSumExp, Σ gradient·out) of each token and head, [T, H, 2]: the sum is there once queryGradient() has run. */
  readonly statistics: Tensor;
}

/** Runs in any case, for the statistics. */
function queryGradient(runtime: Runtime, tape: OpTape, call: Call, { gradient, out, statistics }: BackwardPass): void {
  const { q, k, v, heads, kvHeads, tiles, scale } = call;
  const { tensor, accumulate } = q.requiresGrad
    ? tape.target(q)
    : { tensor: runtime.tensor(q.shape, 'f32', 'scratch'), accumulate: false };
  runtime.dispatch({
    ...reducing(runtime, kernel('queryGradient', call), tileConstants(call, 64)),
    params: { heads, kvHeads, scale, accumulate: Number(accumulate) },
    bindings: {
      q: q.slice,
      k: k.slice,
      v: v.slice,
      gradient: gradient.slice,
      statistics: statistics.slice,
      tiles: tiles.tensor.slice,
      queryGradient: tensor.slice,
      out: out.slice,
    },
    groups: [tiles.count, heads * call.slabs],
    flops: products(call, 2, 1) + 2 * out.size,
    bytes: 4 * ((accumulate ? 5 : 4) * q.size + 2 * k.size + statistics.size),
  });
}

function keyValueGradient(runtime: Runtime, tape: OpTape, call: Call, { gradient, statistics }: BackwardPass): void {
  const { q, k, v, rows, heads, kvHeads, tiles, scale } = call;
  // The direct kernel's tiles are low enough for a CPU's few cores.
  const flops = products(call, 2, 2);
  const work = { groupHeads: heads / kvHeads, workgroups: tiles.count * kvHeads, multiplyAdds: flops / 2 };
  const splits = call.direct ? 1 : headSplits(runtime, work);
  keyValueGradients(runtime, tape, { k, v, splits }, (key, value) =>
    runtime.dispatch({
      kernel: kernel('keyValueGradient', call),
      constants: tileConstants(call, 64),
      params: {
        heads,
        kvHeads,
        ...(call.direct ? {} : { tokens: rows.tokens, splits }),
        scale,
        accumulateKey: Number(key.accumulate),
        accumulateValue: Number(value.accumulate),
      },
      bindings: {
        q: q.slice,
        k: k.slice,
        v: v.slice,
        gradient: gradient.slice,
        statistics: statistics.slice,
        tiles: tiles.tensor.slice,
        keyGradient: key.tensor.slice,
        valueGradient: value.tensor.slice,
      },
      groups: [tiles.count, kvHeads * splits * call.slabs],
      flops,
      bytes: 4 * (2 * q.size + (2 + 2 * splits) * k.size + statistics.size),
    }),
  );
}
