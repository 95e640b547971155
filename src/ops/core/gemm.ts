import type { Runtime } from './runtime.ts';
import {
  CPU_WORKGROUPS,
  DIRECT_TILE,
  GEMM_TILES,
  GPU_WORKGROUPS,
  cutGemm,
  type GemmCut,
  type GemmTile,
} from './gemmTiles.ts';
import { bytesPerElement, WEIGHT_FORMAT, type Tensor } from './tensor.ts';

/** A row-major matrix inside a tensor: element (row, column) at offset + row · stride + column, all in elements. */
export interface Matrix {
  readonly tensor: Tensor;
  /** Default 0. */
  readonly offset?: number;
  /** From one row to the next. Default: the tensor's last dimension. */
  readonly stride?: number;
}

export interface GemmSpec {
  /** How A and B are stored. NN: A [M, K], B [K, N]. NT: B [N, K], the usual x·Wᵀ. TN: A [K, M], as in dyᵀ·x. */
  readonly layout: 'NN' | 'NT' | 'TN';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Matrix;
  /** f32, bf16, f16, or a whole i8 tensor; all else is f32. */
  readonly b: Matrix;
  readonly out: Matrix;
  /** [N], added once (unscaled). */
  readonly bias?: Tensor | undefined;
  /** Factor of the product. Default 1. */
  readonly scale?: number;
  /** Add to `out` instead of overwriting it. */
  readonly accumulate?: boolean;
  /** How to cut it up, instead of what cutGemm says for this device (tests, measurements). */
  readonly cut?: GemmCut | undefined;
}

interface Place {
  readonly offset: number;
  readonly stride: number;
}

/**
 * out[M, N] (+)= scale · op(A)·op(B) (+ bias). Deterministic: the order of every sum depends on the sizes and the kind of device alone.
 * Not recorded on the tape. `out` must not share a buffer with A, B or bias.
 * @throws Error when a matrix does not fit into its tensor, A, bias or out is not f32, or an i8 B is a piece of its tensor.
 */
export function gemm(runtime: Runtime, spec: GemmSpec): void {
  const { layout, m, n, k, bias, accumulate = false, scale = 1 } = spec;
  const a = place('A', spec.a, layout === 'TN' ? k : m, layout === 'TN' ? m : k);
  const b = place('B', spec.b, layout === 'NT' ? n : k, layout === 'NT' ? k : n);
  const out = place('The result', spec.out, m, n);
  for (const [what, tensor] of [
    ['A', spec.a.tensor],
    ['The result', spec.out.tensor],
    ['The bias', bias],
  ] as const)
    if (tensor && tensor.dtype !== 'f32') throw new Error(`gemm: ${what} must be f32, but is ${tensor.dtype}.`);
  if (spec.b.tensor.dtype === 'u32') throw new Error('gemm: B holds whole numbers, not weights.');
  // The scales of i8 belong to places in the tensor, not in a stretch of it.
  if (spec.b.tensor.scales && (b.offset !== 0 || b.stride !== spec.b.tensor.columns))
    throw new Error('gemm: an i8 matrix B must be the whole rows of its tensor, from the first on.');
  if (bias && bias.size !== n) throw new Error(`gemm: a bias of ${bias.size} numbers does not fit ${n} columns.`);
  if (m === 0 || n === 0) return;

  const options = runtime.gpu.info.software
    ? { workgroups: CPU_WORKGROUPS, tiles: [DIRECT_TILE] }
    : { workgroups: GPU_WORKGROUPS, tiles: GEMM_TILES };
  const { tile, splits } = spec.cut ?? cutGemm(m, n, k, options);
  // Whole steps, so that a stretch of K begins where vectors begin.
  const splitLength = tile.k * Math.max(1, Math.ceil(k / (tile.k * splits)));
  const used = Math.max(1, Math.ceil(k / splitLength));
  const shared = {
    spec,
    tile,
    splitLength,
    splits: used,
    a,
    b,
    vectorA: vectors(a, layout === 'TN' ? m : k),
    vectorB: vectors(b, layout === 'NT' ? k : n),
  };
  if (used === 1) {
    multiply(runtime, { ...shared, target: spec.out.tensor, out, scale, bias, accumulate });
    return;
  }
  runtime.scope(() => {
    const partials = runtime.tensor([used, m, n], 'f32', 'scratch');
    const packed = { offset: 0, stride: n };
    multiply(runtime, { ...shared, target: partials, out: packed, scale: 1, bias: undefined, accumulate: false });
    runtime.dispatch({
      kernel: 'gemm/sumSplits',
      constants: { ACCUMULATE: accumulate, HAS_BIAS: bias !== undefined },
      params: { m, n, splits: used, offsetOut: out.offset, strideOut: out.stride, scale },
      bindings: { partials: partials.slice, bias: (bias ?? partials).slice, out: spec.out.tensor.slice },
      groups: [Math.ceil((m * n) / 256)],
      flops: used * m * n,
      bytes: 4 * m * n * (used + (accumulate ? 2 : 1)),
    });
  });
}

interface Multiplication {
  readonly spec: GemmSpec;
  readonly tile: GemmTile;
  readonly splits: number;
  readonly splitLength: number;
  readonly a: Place;
  readonly b: Place;
  readonly vectorA: boolean;
  readonly vectorB: boolean;
  readonly target: Tensor;
  readonly out: Place;
  readonly scale: number;
  readonly bias: Tensor | undefined;
  readonly accumulate: boolean;
}

function multiply(runtime: Runtime, job: Multiplication): void {
  const { spec, tile, a, b, out, target, bias, accumulate, splits } = job;
  const { m, n, k } = spec;
  const weights = spec.b.tensor;
  // With partial products end to end each must be whole vectors too: m · n is, when n is.
  const whole = vectors(out, n);
  runtime.dispatch({
    kernel: `gemm/${tile.name === 'direct' ? 'direct' : 'tiled'}${whole ? '' : 'Ragged'}`,
    constants: {
      ...(tile.name === 'direct' ? {} : { TILE_M: tile.m, TILE_N: tile.n, TILE_K: tile.k, ROWS: tile.rows }),
      TRANSPOSE_A: spec.layout === 'TN',
      TRANSPOSE_B: spec.layout === 'NT',
      VECTOR_A: job.vectorA,
      VECTOR_B: job.vectorB,
      ACCUMULATE: accumulate,
      HAS_BIAS: bias !== undefined,
      WEIGHT_FORMAT: weights.dtype === 'u32' ? 0 : WEIGHT_FORMAT[weights.dtype],
    },
    params: {
      m,
      n,
      k,
      offsetA: a.offset,
      strideA: a.stride,
      offsetB: b.offset,
      strideB: b.stride,
      offsetOut: out.offset,
      strideOut: out.stride,
      splitLength: job.splitLength,
      splitStride: m * n,
      groupsB: weights.scales?.columns ?? 0,
      scale: job.scale,
    },
    bindings: {
      a: spec.a.tensor.slice,
      b: weights.slice,
      packedB: weights.slice,
      scales: (weights.scales ?? weights).slice,
      bias: (bias ?? spec.a.tensor).slice,
      out: target.slice,
    },
    groups: [Math.ceil(n / tile.n), Math.ceil(m / tile.m), splits],
    flops: 2 * m * n * k,
    bytes:
      4 * (m * k + m * n * (accumulate ? 2 : splits)) +
      bytesPerElement(weights.dtype) * n * k +
      2 * (weights.scales?.size ?? 0),
  });
}

function place(what: string, matrix: Matrix, rows: number, columns: number): Place {
  const { tensor, offset = 0, stride = tensor.columns } = matrix;
  const end = rows === 0 || columns === 0 ? 0 : offset + (rows - 1) * stride + columns;
  if (end > tensor.size || (rows > 1 && stride < columns))
    throw new Error(
      `gemm: ${what}, ${rows} × ${columns} from element ${offset} with rows ${stride} apart, does not fit into a tensor of shape ` +
        `[${tensor.shape.join(', ')}].`,
    );
  return { offset, stride };
}

/** Whether rows of `columns` numbers can be read as whole vectors of four. */
function vectors({ offset, stride }: Place, columns: number): boolean {
  return offset % 4 === 0 && stride % 4 === 0 && columns % 4 === 0;
}
