import { gemm } from './gemm.ts';
import type { GemmCut, GemmTile } from './gemmTiles.ts';
import type { GradientTarget } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import { SWIGLU_GRADIENT_FLOPS } from './swigluGradient.ts';
import { expectShape, type Tensor } from './tensor.ts';

/** Two products that read A, a gradient, as those of a linear map do: first (+)= A · B, second (+)= Aᵀ · C. */
export interface GemmPair {
  /** [M, K]. */
  readonly a: Tensor;
  /** [K, N], in any format. */
  readonly b: Tensor;
  /** [M, N]. */
  readonly c: Tensor;
  /** [M, N]; with swiglu [M, 2N]. */
  readonly first: GradientTarget;
  /** [K, N]. */
  readonly second: GradientTarget;
  /** [M, 2N]: what the first product goes back through (gemm.ts). N a multiple of four. */
  readonly swiglu?: Tensor | undefined;
  /** Forces a tile, one of those of the kernel `tiled` (tests). */
  readonly tile?: GemmTile | undefined;
}

/** Multiply-adds of one of the products above which it keeps a GPU busy by itself, and a launch is nothing beside it. */
const MOST_MULTIPLY_ADDS = 2 ** 28;

/**
 * Both in one dispatch where they are small, of 32-bit operands, and their numbers lie in fours, else in two: the bits are the same. On
 * software GPUs in two: a launch is nothing to them, and what a kernel chooses between costs them more. Not recorded on the tape.
 * @throws Error for shapes that do not fit together.
 */
export function gemmPair(runtime: Runtime, pair: GemmPair): void {
  const { a, b, c, first, second, swiglu } = pair;
  const [m, k, n] = [a.rows, a.columns, b.columns];
  if (b.rows !== k || c.rows !== m || c.columns !== n)
    throw new Error(
      `gemmPair: A [${m}, ${k}] does not go with B [${b.shape.join(', ')}] and C [${c.shape.join(', ')}].`,
    );
  expectShape('The second result of gemmPair', second.tensor, [k, n]);
  if (first.tensor.size !== (swiglu ? 2 : 1) * m * n || (swiglu && swiglu.size !== 2 * m * n))
    throw new Error(`gemmPair: the first result or what it goes through does not have ${m} rows for ${n} columns.`);
  const { tile, first: firstCut, second: secondCut } = choiceOf(runtime, pair);
  if (!tile) {
    const { tensor, accumulate } = first;
    const operands = { a: { tensor: a }, b: { tensor: b } };
    gemm(runtime, {
      layout: 'NN',
      m,
      n,
      k,
      ...operands,
      ofGradient: true,
      out: { tensor },
      accumulate,
      swiglu: swiglu && { tensor: swiglu },
      cut: firstCut,
    });
    gemm(runtime, {
      layout: 'TN',
      m: k,
      n,
      k: m,
      ofGradient: true,
      a: { tensor: a },
      b: { tensor: c },
      out: { tensor: second.tensor },
      accumulate: second.accumulate,
      cut: secondCut,
    });
    return;
  }
  const firstGroups = Math.ceil(m / tile.m);
  const multiplyAdds = m * n * k;
  const firstNumbers = m * n * (swiglu ? 2 : 1) * ((first.accumulate ? 2 : 1) + (swiglu ? 1 : 0));
  runtime.dispatch({
    kernel: 'gemm/tiledPair',
    constants: {
      ROWS: tile.rows,
      COLUMNS: tile.columns,
      TILE_M: tile.m,
      TILE_N: tile.n,
      BUFFERS: tile.buffers ?? 1,
    },
    params: {
      m,
      n,
      k,
      firstGroups,
      accumulate: Number(first.accumulate),
      accumulateSecond: Number(second.accumulate),
      swiglu: Number(swiglu !== undefined),
    },
    bindings: {
      a: a.slice,
      b: b.slice,
      c: c.slice,
      out: first.tensor.slice,
      outSecond: second.tensor.slice,
      // Every binding needs a buffer, also one that the kernel leaves alone.
      gateUp: (swiglu ?? a).slice,
    },
    groups: [Math.ceil(n / tile.n), firstGroups + Math.ceil(k / tile.m)],
    flops: 4 * multiplyAdds + (swiglu ? SWIGLU_GRADIENT_FLOPS * m * n : 0),
    bytes: 4 * (2 * m * k + k * n + m * n + firstNumbers + (second.accumulate ? 2 : 1) * k * n),
  });
}

/** The tile that both take, if they are not better apart; else how each is cut, where that was asked already. */
interface Choice {
  readonly tile?: GemmTile | undefined;
  readonly first?: GemmCut;
  readonly second?: GemmCut;
}

function choiceOf({ tiles, arithmetic }: Runtime, { a, b, tile }: GemmPair): Choice {
  const [m, k, n] = [a.rows, a.columns, b.columns];
  const fits = b.dtype === 'f32' && n % 4 === 0 && k % 4 === 0 && m > 0 && m * n * k <= MOST_MULTIPLY_ADDS;
  if (!fits || arithmetic.products === 'f16') return {};
  if (tile) return { tile };
  const first = tiles.cut({ layout: 'NN', m, n, k, dtype: 'f32' });
  const second = tiles.cut({ layout: 'TN', m: k, n, k: m, dtype: 'f32' });
  if (first.splits > 1 || second.splits > 1) return { first, second };
  const common = first.tile === second.tile ? first.tile : tiles.byRule({ m: m + k, n, k: Math.max(m, k) }).tile;
  return common.kernel === 'tiled' ? { tile: common } : { first, second };
}
