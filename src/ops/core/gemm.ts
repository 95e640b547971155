import { withFeature } from '../../gpu/shaderLibrary.ts';
import { GRADIENT_SCALE, type Arithmetic } from './arithmetic.ts';
import type { Runtime } from './runtime.ts';
import { directRows, type GemmCut, type GemmTile } from './gemmTiles.ts';
import {
  blockParams,
  blockSize,
  checkBlocks,
  isBlocks,
  place,
  vectors,
  type Blocks,
  type Matrix,
  type Place,
} from './gemmOperands.ts';
import { SWIGLU_FLOPS, SWIGLU_GRADIENT_FLOPS } from './swigluGradient.ts';
import { bytesPerElement, WEIGHT_FORMAT, type DType, type Tensor } from './tensor.ts';

export type { Blocks, Matrix } from './gemmOperands.ts';

export interface GemmSpec {
  /** How A and B are stored. NN: A [M, K], B [K, N]. NT: B [N, K], the usual x·Wᵀ. TN: A [K, M], as in dyᵀ·x. */
  readonly layout: 'NN' | 'NT' | 'TN';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Matrix;
  /** f32, bf16, f16, or a whole i8 tensor; all else is f32. Blocks: of layout NN. */
  readonly b: Matrix | Blocks;
  readonly out: Matrix;
  /** A second product that joins the same sums: A [M, k], B as the layout has it, f32. Not of TN; blocks: of NT. */
  readonly more?: { readonly k: number; readonly a: Matrix; readonly b: Matrix | Blocks } | undefined;
  /** [N], added once (unscaled). */
  readonly bias?: Tensor | undefined;
  /** [M, N], added once (unscaled). */
  readonly residual?: Matrix | undefined;
  /**
   * [M, 2N], gates first: what the product is the gradient of, silu(gate) · up, was made of. `out` is [M, 2N] then and receives the
   * gradients of gates and values. N a multiple of four, as are offsets and strides; no bias and no residual.
   */
  readonly swiglu?: Matrix | undefined;
  /**
   * [M, N / 2]: receives silu(gate) · up of the product, the first half of whose columns are gates. Of NT; N a multiple of four, as are
   * offsets and strides, no bias, no residual, nothing to be added to. Without `keep` the product itself is not stored.
   */
  readonly activated?: (Matrix & { readonly keep: boolean }) | undefined;
  /** Factor of the product. Default 1. */
  readonly scale?: number;
  /** Add to `out` instead of overwriting it. */
  readonly accumulate?: boolean;
  /** What the operands are rounded to. Default: as the runtime's arithmetic has it. */
  readonly precision?: Arithmetic['products'] | undefined;
  /** A, and the second A, are gradients: numbers too small for 16 bits, which are therefore scaled where they are rounded to those. */
  readonly ofGradient?: boolean | undefined;
  /** How to cut it up, instead of what the runtime's choice says (tests, measurements). */
  readonly cut?: GemmCut | undefined;
}

/**
 * out[M, N] (+)= scale · (op(A)·op(B) + op(A₂)·op(B₂)) (+ bias + residual). Deterministic: the order of every sum depends on the sizes
 * and the kind of device alone, whatever tile the runtime chooses. With f16 operands op(A) and op(B) are rounded first. Not recorded on the tape. `out` must not share a buffer with what is read.
 * @throws Error when a matrix does not fit into its tensor or the layout, A, bias or out is not f32, or an i8 B is a piece of its tensor.
 */
export function gemm(runtime: Runtime, spec: GemmSpec): void {
  const { m, n, k, bias, accumulate = false } = spec;
  const operands = check(spec);
  if (m === 0 || n === 0) return;
  const isHalf = precisionOf(runtime, spec) === 'f16';
  const scaleA = isHalf && spec.ofGradient ? GRADIENT_SCALE : 1;
  const scale = (spec.scale ?? 1) / scaleA;

  const { tile, splits } = spec.cut ?? cutOf(runtime, spec);
  // Whole steps, so that a stretch of K begins where vectors begin. What goes through SwiGLU must be the whole sum.
  const isWhole = spec.swiglu !== undefined || spec.activated !== undefined;
  const splitLength = tile.k * Math.max(1, Math.ceil(k / (tile.k * (isWhole ? 1 : splits))));
  const used = Math.max(1, Math.ceil(k / splitLength));
  const shared = { spec, operands, tile, splitLength, splits: used, isHalf, scaleA };
  const { tensor } = spec.out;
  if (used === 1) {
    multiply(runtime, { ...shared, target: tensor, out: operands.out, scale, whole: true });
    return;
  }
  runtime.scope(() => {
    const partials = runtime.tensor([used, m, n], 'f32', 'scratch');
    multiply(runtime, { ...shared, target: partials, out: { offset: 0, stride: n }, scale: 1, whole: false });
    runtime.dispatch({
      kernel: 'gemm/sumSplits',
      constants: { ACCUMULATE: accumulate, HAS_BIAS: bias !== undefined, HAS_RESIDUAL: spec.residual !== undefined },
      params: {
        m,
        n,
        splits: used,
        offsetOut: operands.out.offset,
        strideOut: operands.out.stride,
        offsetResidual: operands.residual?.offset ?? 0,
        strideResidual: operands.residual?.stride ?? 0,
        scale,
      },
      bindings: {
        partials: partials.slice,
        bias: (bias ?? partials).slice,
        out: tensor.slice,
        residual: (spec.residual?.tensor ?? partials).slice,
      },
      groups: [Math.ceil((m * n) / 256)],
      flops: used * m * n,
      bytes: 4 * m * n * (used + (accumulate ? 2 : 1) + (spec.residual ? 1 : 0)),
    });
  });
}

/** A product with blocks does less than its sizes say: what was measured of others does not hold for it. */
function cutOf(runtime: Runtime, spec: GemmSpec): GemmCut {
  const { layout, m, n, k, b } = spec;
  if (isBlocks(b)) return runtime.tiles.byRule({ m, n, k });
  return runtime.tiles.cut({ layout, m, n, k, dtype: b.tensor.dtype, precision: precisionOf(runtime, spec) });
}

function precisionOf({ arithmetic }: Runtime, { precision }: GemmSpec): Arithmetic['products'] {
  return precision ?? arithmetic.products;
}

/** Where everything lies; undefined: there is none, or it is blocks. */
interface Operands {
  readonly a: Place;
  readonly b: Place | undefined;
  readonly out: Place;
  readonly moreA: Place | undefined;
  readonly moreB: Place | undefined;
  readonly residual: Place | undefined;
  readonly blocks: Blocks | undefined;
}

interface Multiplication {
  readonly spec: GemmSpec;
  readonly operands: Operands;
  readonly tile: GemmTile;
  readonly splits: number;
  readonly splitLength: number;
  readonly target: Tensor;
  readonly out: Place;
  readonly scale: number;
  /** Operands are rounded to 16 bits, A multiplied by scaleA before. */
  readonly isHalf: boolean;
  readonly scaleA: number;
  /** Bias and residual join here, and what `out` holds; else where the splits are summed. */
  readonly whole: boolean;
}

function multiply(runtime: Runtime, job: Multiplication): void {
  const { spec, operands, tile, out, target, splits, whole, isHalf } = job;
  const { layout, m, n, k, more } = spec;
  const { a, b, moreA, moreB, blocks } = operands;
  const accumulate = whole && spec.accumulate === true;
  const bias = whole ? spec.bias : undefined;
  const residual = whole ? (spec.swiglu ?? spec.residual) : undefined;
  const { activated } = spec;
  const weights = isBlocks(spec.b) ? undefined : spec.b.tensor;
  const second = isBlocks(spec.b) ? spec.b.stacked : more && (isBlocks(more.b) ? more.b.stacked : more.b.tensor);
  const dtype = weights?.dtype ?? 'f32';
  // With partial products end to end each must be whole vectors too: m · n is, when n is.
  const inVectors = vectors(out, n) && (!residual || !operands.residual || vectors(operands.residual, n));
  const rows = tile.kernel === 'direct' ? directRows(m) : tile.rows;
  const fourRanks = (blocks?.rank ?? 0) % 4 === 0;
  runtime.dispatch({
    kernel: withFeature(
      `gemm/${tile.kernel}${activated ? 'Gated' : inVectors ? '' : 'Ragged'}`,
      // Rounding is exact arithmetic, so that all tiles go on giving the same bits.
      isHalf && runtime.gpu.hasHalf && tile.kernel === 'tiled' ? 'f16' : undefined,
    ),
    constants: {
      HALF: isHalf,
      ROWS: rows,
      COLUMNS: tile.columns,
      ...(tile.kernel === 'tiled' ? { TILE_M: tile.m, TILE_N: tile.n, BUFFERS: tile.buffers ?? 1 } : {}),
      // Number by number any offset and length will do.
      ...(tile.kernel === 'direct'
        ? {}
        : {
            VECTOR_A: vectors(a, layout === 'TN' ? m : k),
            VECTOR_B: !b || vectors(b, layout === 'NT' ? k : n),
            VECTOR_MORE_A: !moreA || !more || vectors(moreA, more.k),
            VECTOR_MORE_B: moreB && more ? vectors(moreB, layout === 'NT' ? more.k : n) : fourRanks,
          }),
      TRANSPOSE_A: layout === 'TN',
      TRANSPOSE_B: layout === 'NT',
      ACCUMULATE: accumulate,
      HAS_BIAS: bias !== undefined,
      ...(activated ? { GATED: true } : { HAS_RESIDUAL: residual !== undefined }),
      ...(inVectors && !activated ? { SWIGLU: spec.swiglu !== undefined } : {}),
      WEIGHT_FORMAT: dtype === 'u32' ? 0 : WEIGHT_FORMAT[dtype],
      MORE: more !== undefined,
      MORE_BLOCKS: more !== undefined && isBlocks(more.b),
      BLOCKS_B: isBlocks(spec.b),
    },
    params: {
      m,
      n,
      k,
      offsetA: a.offset,
      strideA: a.stride,
      offsetB: b?.offset ?? 0,
      strideB: b?.stride ?? 0,
      offsetOut: out.offset,
      strideOut: out.stride,
      splitLength: job.splitLength,
      splitStride: m * n,
      groupsB: weights?.scales?.columns ?? 0,
      scale: job.scale,
      kMore: more?.k ?? 0,
      offsetMoreA: moreA?.offset ?? 0,
      strideMoreA: moreA?.stride ?? 0,
      offsetMoreB: moreB?.offset ?? 0,
      strideMoreB: moreB?.stride ?? 0,
      ...blockParams(blocks),
      offsetResidual: operands.residual?.offset ?? 0,
      strideResidual: operands.residual?.stride ?? 0,
      scaleA: job.scaleA,
    },
    // Every binding needs a buffer, also one that the kernel leaves alone.
    bindings: {
      a: spec.a.tensor.slice,
      b: (weights ?? spec.a.tensor).slice,
      moreA: (more?.a.tensor ?? spec.a.tensor).slice,
      moreB: (second ?? spec.a.tensor).slice,
      scales: (weights?.scales ?? spec.a.tensor).slice,
      bias: (bias ?? spec.a.tensor).slice,
      ...(activated ? { activated: activated.tensor.slice } : { residual: (residual?.tensor ?? spec.a.tensor).slice }),
      out: target.slice,
    },
    groups: [Math.ceil(n / tile.n), Math.ceil(m / (tile.kernel === 'direct' ? rows : tile.m)), splits],
    ...work(spec, {
      accumulate,
      splits,
      dtype,
      scales: weights?.scales?.size ?? 0,
      hasResidual: residual !== undefined,
    }),
  });
}

interface Extras {
  readonly accumulate: boolean;
  readonly splits: number;
  readonly dtype: DType;
  readonly scales: number;
  readonly hasResidual: boolean;
}

/** Operations and bytes: of blocks, those that stand in them. */
function work(
  { m, n, k, b, more, swiglu, activated }: GemmSpec,
  { accumulate, splits, dtype, scales, hasResidual }: Extras,
) {
  const numbersB = isBlocks(b) ? blockSize(b) : k * n;
  const numbersMore = more ? (isBlocks(more.b) ? blockSize(more.b) : more.k * n) : 0;
  // Through SwiGLU two numbers are read and written for each of the product.
  const written = activated
    ? m * n * (activated.keep ? 1.5 : 0.5)
    : m * n * (swiglu ? 2 : 1) * ((accumulate ? 2 : splits) + (hasResidual ? 1 : 0));
  const elementwise = (swiglu ? SWIGLU_GRADIENT_FLOPS : activated ? SWIGLU_FLOPS / 2 : 0) * m * n;
  return {
    flops: 2 * m * (numbersB + numbersMore) + elementwise,
    bytes: 4 * (m * (k + (more?.k ?? 0)) + written + numbersMore) + bytesPerElement(dtype) * numbersB + 2 * scales,
  };
}

function check(spec: GemmSpec): Operands {
  const { layout, m, n, k, a, b, out, more, bias, residual, swiglu, activated } = spec;
  const given = [a.tensor, out.tensor, bias, (swiglu ?? activated ?? residual)?.tensor, more?.a.tensor];
  const names = ['A', 'The result', 'The bias', 'The residual', 'The second A'];
  given.forEach((tensor, i) => {
    if (tensor && tensor.dtype !== 'f32') throw new Error(`gemm: ${names[i]} must be f32, but is ${tensor.dtype}.`);
  });
  if (bias && bias.size !== n) throw new Error(`gemm: a bias of ${bias.size} numbers does not fit ${n} columns.`);
  const operands = {
    a: place('A', a, layout === 'TN' ? k : m, layout === 'TN' ? m : k),
    b: isBlocks(b) ? undefined : place('B', b, layout === 'NT' ? n : k, layout === 'NT' ? k : n),
    out: activated?.keep === false ? NOWHERE : place('The result', out, m, swiglu ? 2 * n : n),
    moreA: more && place('The second A', more.a, m, more.k),
    moreB:
      more && !isBlocks(more.b)
        ? place('The second B', more.b, layout === 'NT' ? n : more.k, layout === 'NT' ? more.k : n)
        : undefined,
    residual: beside(spec),
    blocks: [b, more?.b].find((matrix) => matrix !== undefined && isBlocks(matrix)),
  };
  checkLayout(layout, { b, more });
  if (swiglu && (bias || residual || !operands.residual || !vectors(operands.residual, n) || !vectors(operands.out, n)))
    throw new Error('gemm: what goes through SwiGLU has whole vectors of four, no bias and no residual.');
  if (activated) checkActivated(spec, operands);
  if (operands.blocks) checkBlocks(operands.blocks, isBlocks(b) ? k : n, more?.k ?? n);
  if (isBlocks(b)) return operands;
  if (b.tensor.dtype === 'u32') throw new Error('gemm: B holds whole numbers, not weights.');
  // The scales of i8 belong to places in the tensor, not in a stretch of it.
  if (b.tensor.scales && (operands.b?.offset !== 0 || operands.b.stride !== b.tensor.columns))
    throw new Error('gemm: an i8 matrix B must be the whole rows of its tensor, from the first on.');
  if (more && !isBlocks(more.b) && more.b.tensor.dtype !== 'f32')
    throw new Error(`gemm: the second B must be f32, but is ${more.b.tensor.dtype}.`);
  return operands;
}

/** What is not stored: the kernel knows it by the stride. */
const NOWHERE: Place = { offset: 0, stride: 0 };

/** What lies where a residual would: there is one of these at most. */
function beside({ m, n, residual, swiglu, activated }: GemmSpec): Place | undefined {
  if (swiglu) return place('Gates and values', swiglu, m, 2 * n);
  if (activated) return place('The activation', activated, m, n / 2);
  return residual && place('The residual', residual, m, n);
}

function checkActivated(spec: GemmSpec, { residual, out }: Operands): void {
  const { layout, n, bias, accumulate } = spec;
  const isAlone = !bias && !spec.residual && !spec.swiglu && accumulate !== true;
  const inTwos = n % 4 === 0 && [residual, out].every((at) => at && at.offset % 4 === 0 && at.stride % 2 === 0);
  if (layout !== 'NT' || isBlocks(spec.b) || !isAlone || !inTwos)
    throw new Error(
      'gemm: gates and values come of x · Wᵀ alone, in columns by the four, with no bias, no residual and nothing to be added to.',
    );
}

/** Blocks and second pairs are for the products that need them. */
function checkLayout(layout: GemmSpec['layout'], { b, more }: Pick<GemmSpec, 'b' | 'more'>): void {
  const fits =
    (!isBlocks(b) || (layout === 'NN' && !more)) &&
    (!more || (layout !== 'TN' && (!isBlocks(more.b) || layout === 'NT')));
  if (!fits) throw new Error(`gemm: there is no product of layout ${layout} with these blocks or this second pair.`);
}
