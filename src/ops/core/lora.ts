import { applyDropout, rateParams, type Dropout, type DropoutMask } from './dropout.ts';
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
  /** What A_p reads is x under the mask of its part's site; undefined: x itself. */
  readonly dropout?: LoraDropout | undefined;
}

/** Dropout on the way into a LoRA alone: W_p · x + scale · B_p · A_p · (x ⊙ mask_p), as PEFT has it, a mask per projection. */
export interface LoraDropout extends Dropout {
  /** A site per part. */
  readonly sites: readonly number[];
}

/** The B matrices as one: part p in rows rowOffset … and columns p · rank …. */
export function blocksOf({ b, rank, parts }: Lora): Blocks {
  return { stacked: b, rank, stretches: parts };
}

/** scale · x · Aᵀ, [T, P · rank]: one product for all parts, for they read the same x; under dropout one each, of (x ⊙ mask_p) · A_pᵀ. */
export function reducedInput(runtime: Runtime, x: Tensor, lora: Lora): Tensor {
  const { a, scale, dropout } = lora;
  const reduced = runtime.tensor([x.rows, a.rows]);
  const reduce = (read: Tensor, first: number, n: number): void =>
    gemm(runtime, {
      layout: 'NT',
      m: x.rows,
      n,
      k: x.columns,
      a: { tensor: read },
      b: { tensor: a, offset: first * x.columns },
      out: { tensor: reduced, offset: first },
      scale,
    });
  if (!dropout) reduce(x, 0, a.rows);
  else
    masksOf(dropout).forEach((mask, p) =>
      runtime.scope(() => {
        const kept = runtime.tensor([x.rows, x.columns], 'f32', 'scratch');
        applyDropout(runtime, x, mask, { tensor: kept, accumulate: false });
        reduce(kept, p * lora.rank, lora.rank);
      }),
    );
  return reduced;
}

/** dx += Σ_p (dReduced_p · A_p) ⊙ mask_p: the share of a LoRA under dropout, dx [T, K]. */
export function addMaskedInputGradient(
  runtime: Runtime,
  dx: Tensor,
  dReduced: Tensor,
  { a, rank }: Lora,
  dropout: LoraDropout,
): void {
  masksOf(dropout).forEach((mask, p) =>
    runtime.scope(() => {
      const share = runtime.tensor([dx.rows, dx.columns], 'f32', 'scratch');
      gemm(runtime, {
        layout: 'NN',
        m: dx.rows,
        n: dx.columns,
        k: rank,
        ofGradient: true,
        a: { tensor: dReduced, offset: p * rank },
        b: { tensor: a, offset: p * rank * dx.columns },
        out: { tensor: share },
      });
      applyDropout(runtime, share, mask, { tensor: dx, accumulate: true });
    }),
  );
}

function masksOf({ rate, key, sites }: LoraDropout): DropoutMask[] {
  return sites.map((site) => ({ rate, key, site }));
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
    ofGradient: true,
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
 * dA = dReducedᵀ · x (under dropout dA_p = dReduced_pᵀ · (x ⊙ mask_p)) and dB_p = dy_pᵀ · reduced_p, those of them that are wanted, in
 * one dispatch (shaders/lora/gradients.wgsl).
 * `slices` forces how the rows are shared out (tests).
 */
export function loraGradients(
  runtime: Runtime,
  tape: OpTape,
  lora: Lora,
  { x, dy, reduced, dReduced }: LoraPass,
  slices = runtime.gpu.info.software ? 1 : SLICES,
): void {
  const { a, b, rank, dropout } = lora;
  const learns = { a: a.requiresGrad && dReduced, b: b.requiresGrad && reduced };
  if (!learns.a && !learns.b) return;
  // Every binding needs a buffer of its own, also one that nothing is written to.
  const unwanted = (): GradientTarget => ({ tensor: runtime.tensor([1], 'f32', 'scratch'), accumulate: false });
  const dA = learns.a ? tape.target(a) : unwanted();
  const dB = learns.b ? tape.target(b) : unwanted();
  const [tokens, narrow] = [dy.rows, a.rows];
  // A strip under dropout is of one part, whose mask it takes.
  const strips = dropout ? lora.parts.length * Math.ceil(rank / STRIP) : Math.ceil(narrow / STRIP);
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
      VECTOR_NARROW: vectors(dropout ? rank : narrow),
      DROPOUT: dropout !== undefined,
    },
    params: {
      tokens,
      columnsX: x.columns,
      columnsDy: dy.columns,
      narrow,
      strips,
      groupsA,
      accumulateA: Number(dA.accumulate),
      accumulateB: Number(dB.accumulate),
      ...blockParams(blocksOf(lora)),
      ...maskParams(dropout),
    },
    bindings: {
      x: x.slice,
      dReduced: (dReduced ?? dy).slice,
      dy: dy.slice,
      reduced: (reduced ?? dy).slice,
      dA: dA.tensor.slice,
      dB: dB.tensor.slice,
      key: (dropout?.key ?? dy).slice,
    },
    groups: [groupsA + groups(dy.columns, learns.b)],
    // A number of x is masked once for each strip that reads it.
    flops:
      2 * tokens * ((learns.a ? a.size : 0) + (learns.b ? b.size : 0)) +
      (dropout && learns.a ? tokens * strips * x.columns : 0),
    bytes: 4 * (readA + readB),
  });
}

function maskParams(dropout: LoraDropout | undefined) {
  const [site0 = 0, site1 = 0, site2 = 0] = dropout?.sites ?? [];
  return { site0, site1, site2, ...rateParams(dropout?.rate ?? 0) };
}

/** @throws Error unless the update fits a weight of n rows and k columns. */
export function checkLora({ a, b, parts, rank, dropout }: Lora, n: number, k: number): void {
  expectShape('The stacked A matrices of a LoRA', a, [parts.length * rank, k]);
  expectShape('The stacked B matrices of a LoRA', b, [parts.reduce((sum, { rows }) => sum + rows, 0), rank]);
  for (const { rowOffset, rows } of parts)
    if (rowOffset < 0 || rowOffset + rows > n)
      throw new Error(
        `linear: a LoRA for rows ${rowOffset} to ${rowOffset + rows} does not fit a weight of ${n} rows.`,
      );
  if (dropout && dropout.sites.length !== parts.length)
    throw new Error(`linear: ${dropout.sites.length} masks do not fit a LoRA of ${parts.length} parts.`);
}
