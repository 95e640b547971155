import { gemm, type Blocks } from './gemm.ts';
import { blockParams } from './gemmOperands.ts';
import type { GradientTarget, OpTape } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import { expectShape, type Tensor } from './tensor.ts';

/**
 * Low-rank update (LoRA, Hu et al. 2021) of some stretches of a weight's rows: W_p + scale · B_p · A_p. Projections merged
 * into one weight (q/k/v, gate/up) have a part each, three at most; those without an update have none.
 */
export interface Lora {
  /** α / r. */
  readonly scale: number;
  readonly rank: number;
  /** The A matrices of all P parts, one below the other: [P · rank, K]; part p owns rows p · rank … */
  readonly a: Tensor;
  /** The B matrices likewise: [Σ rows, rank]. */
  readonly b: Tensor;
  /** The stretches of W's rows, and so of the output's columns, that are updated: in order, without overlap. */
  readonly parts: readonly { readonly rowOffset: number; readonly rows: number }[];
}

/** The B matrices as one: part p in rows rowOffset … and columns p · rank …. */
export function blocksOf({ b, rank, parts }: Lora): Blocks {
  return { stacked: b, rank, stretches: parts };
}

/** scale · x · Aᵀ, [T, P · rank]: one product for all parts, for they read the same x. */
export function reducedInput(runtime: Runtime, x: Tensor, { a, scale }: Lora): Tensor {
  const reduced = runtime.tensor([x.rows, a.rows]);
  gemm(runtime, {
    layout: 'NT',
    m: x.rows,
    n: a.rows,
    k: x.columns,
    a: { tensor: x },
    b: { tensor: a },
    out: { tensor: reduced },
    scale,
  });
  return reduced;
}

/** scale · dy_p · B_p, all parts side by side as in x · Aᵀ: then dA and its share of dx are one product each. */
export function reducedGradient(runtime: Runtime, dy: Tensor, lora: Lora): Tensor {
  const { a, scale } = lora;
  const dReduced = runtime.tensor([dy.rows, a.rows]);
  gemm(runtime, {
    layout: 'NN',
    m: dy.rows,
    n: a.rows,
    k: dy.columns,
    a: { tensor: dy },
    b: blocksOf(lora),
    out: { tensor: dReduced },
    scale,
  });
  return dReduced;
}

export interface LoraPass {
  readonly x: Tensor;
  readonly dy: Tensor;
  /** scale · x · Aᵀ and scale · dy · B. */
  readonly reduced: Tensor | undefined;
  readonly dReduced: Tensor | undefined;
}

/** Columns of a wide and of a narrow matrix that a workgroup of loraGradients multiplies. */
const WIDE_COLUMNS = 64;
const STRIP = 8;
/** Shares of the rows in a workgroup, whose sums fill 16 KiB: on a software GPU one, for there a barrier costs more than the sum. */
const SLICES = 8;

/**
 * dA = dReducedᵀ · x and dB_p = dy_pᵀ · reduced_p, those of them that are wanted, in one dispatch (shaders/lora/gradients.wgsl).
 * `slices` forces how the rows are shared out (tests).
 */
export function loraGradients(
  runtime: Runtime,
  tape: OpTape,
  lora: Lora,
  { x, dy, reduced, dReduced }: LoraPass,
  slices = runtime.gpu.info.software ? 1 : SLICES,
): void {
  const { a, b } = lora;
  const learns = { a: a.requiresGrad && dReduced, b: b.requiresGrad && reduced };
  if (!learns.a && !learns.b) return;
  // Every binding needs a buffer of its own, also one that nothing is written to.
  const unwanted = (): GradientTarget => ({ tensor: runtime.tensor([1], 'f32', 'scratch'), accumulate: false });
  const dA = learns.a ? tape.target(a) : unwanted();
  const dB = learns.b ? tape.target(b) : unwanted();
  const [tokens, narrow] = [dy.rows, a.rows];
  const strips = Math.ceil(narrow / STRIP);
  const groups = (columns: number, wanted: unknown) => (wanted ? strips * Math.ceil(columns / WIDE_COLUMNS) : 0);
  const groupsA = groups(x.columns, learns.a);
  const readA = learns.a ? tokens * (narrow + x.columns) + (dA.accumulate ? 2 : 1) * a.size : 0;
  const readB = learns.b ? tokens * (narrow + dy.columns) + (dB.accumulate ? 2 : 1) * b.size : 0;
  const vectors = (columns: number) => columns % 4 === 0;
  runtime.dispatch({
    kernel: 'lora/gradients',
    constants: {
      SLICES: slices,
      VECTOR_X: vectors(x.columns),
      VECTOR_DY: vectors(dy.columns),
      VECTOR_NARROW: vectors(narrow),
    },
    params: {
      tokens,
      columnsX: x.columns,
      columnsDy: dy.columns,
      narrow,
      groupsA,
      accumulateA: Number(dA.accumulate),
      accumulateB: Number(dB.accumulate),
      ...blockParams(blocksOf(lora)),
    },
    bindings: {
      x: x.slice,
      dReduced: (dReduced ?? dy).slice,
      dy: dy.slice,
      reduced: (reduced ?? dy).slice,
      dA: dA.tensor.slice,
      dB: dB.tensor.slice,
    },
    groups: [groupsA + groups(dy.columns, learns.b)],
    flops: 2 * tokens * ((learns.a ? a.size : 0) + (learns.b ? b.size : 0)),
    bytes: 4 * (readA + readB),
  });
}

/** @throws Error unless the update fits a weight of n rows and k columns. */
export function checkLora({ a, b, parts, rank }: Lora, n: number, k: number): void {
  expectShape('The stacked A matrices of a LoRA', a, [parts.length * rank, k]);
  expectShape('The stacked B matrices of a LoRA', b, [parts.reduce((sum, { rows }) => sum + rows, 0), rank]);
  for (const { rowOffset, rows } of parts)
    if (rowOffset < 0 || rowOffset + rows > n)
      throw new Error(
        `linear: a LoRA for rows ${rowOffset} to ${rowOffset + rows} does not fit a weight of ${n} rows.`,
      );
}
