import { columnSums } from './core/sums.ts';
import type { Runtime } from './core/runtime.ts';
import { gemm } from './core/gemm.ts';
import type { OpTape } from './core/opTape.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

/**
 * Low-rank update (LoRA, Hu et al. 2021) of some stretches of a weight's rows: W_p + scale · B_p · A_p. Projections merged
 * into one weight (q/k/v, gate/up) have a part each; those without an update have none.
 */
export interface Lora {
  /** α / r. */
  readonly scale: number;
  readonly rank: number;
  /** The A matrices of all P parts, one below the other: [P · rank, K]; part p owns rows p · rank … */
  readonly a: Tensor;
  readonly parts: readonly LoraPart[];
}

export interface LoraPart {
  /** The stretch of W's rows, and so of the output's columns, that this part updates. Stretches must not overlap. */
  readonly rowOffset: number;
  readonly rows: number;
  /** [rows, rank]. */
  readonly b: Tensor;
}

export interface LinearOptions {
  /** [N]. */
  readonly bias?: Tensor | undefined;
  readonly lora?: Lora | undefined;
}

/**
 * y[T, N] = x[T, K] · Wᵀ + bias, W [N, K] in f32, bf16, f16 or i8; with LoRA, columns rowOffset … of y get
 * scale · (x · A_pᵀ) · B_pᵀ on top. x may have more dimensions: all but the last are rows.
 * Backward: dx = dy · W + scale · (dy_p · B_p) · A_p, dW = dyᵀ · x, dbias = column sums of dy, dA_p = scale · (dy_p · B_p)ᵀ · x,
 * dB_p = scale · dy_pᵀ · (x · A_pᵀ); each only where requiresGrad asks for it. Saved: x and x · Aᵀ.
 * @throws Error for shapes that do not fit, or a packed weight that should be trained.
 */
export function linear(runtime: Runtime, x: Tensor, weight: Tensor, options: LinearOptions = {}): Tensor {
  const { bias, lora } = options;
  const [n, k, t] = [weight.rows, weight.columns, x.rows];
  if (x.columns !== k) throw new Error(`linear: the input has rows of ${x.columns} numbers, the weight takes ${k}.`);
  if (weight.requiresGrad && weight.dtype !== 'f32')
    throw new Error(
      `linear: a ${weight.dtype} weight cannot be trained. Load it as f32, or train a LoRA on top of it.`,
    );
  if (bias) expectShape('The bias', bias, [n]);
  if (lora) checkLora(lora, n, k);

  const y = runtime.tensor([...x.shape.slice(0, -1), n]);
  gemm(runtime, { layout: 'NT', m: t, n, k, a: { tensor: x }, b: { tensor: weight }, out: { tensor: y }, bias });
  const reduced = lora && loraForward(runtime, x, lora, y);

  const parameters = [weight, bias, lora?.a, ...(lora?.parts.map(({ b }) => b) ?? [])].filter((p) => p !== undefined);
  const savesInput = weight.requiresGrad || lora?.a.requiresGrad;
  runtime.tape?.record({
    name: 'linear',
    inputs: [x, ...parameters],
    outputs: [y],
    saved: [...parameters, ...(savesInput ? [x] : []), ...(reduced && trainsB(lora) ? [reduced] : [])],
    backward([dy], tape) {
      if (!dy) return;
      if (x.requiresGrad) {
        const { tensor, accumulate } = tape.target(x);
        gemm(runtime, {
          layout: 'NN',
          m: t,
          n: k,
          k: n,
          a: { tensor: dy },
          b: { tensor: weight },
          out: { tensor },
          accumulate,
        });
        if (lora) loraBackward(runtime, tape, lora, { x, dy, reduced, dx: tensor });
      } else if (lora) loraBackward(runtime, tape, lora, { x, dy, reduced, dx: undefined });
      if (weight.requiresGrad) {
        const { tensor, accumulate } = tape.target(weight);
        gemm(runtime, {
          layout: 'TN',
          m: n,
          n: k,
          k: t,
          a: { tensor: dy },
          b: { tensor: x },
          out: { tensor },
          accumulate,
        });
      }
      if (bias?.requiresGrad) columnSums(runtime, dy, tape.target(bias));
    },
  });
  return y;
}

/** Adds the update to y and returns x · Aᵀ, [T, P · rank]: one product for all parts, for they read the same x. */
function loraForward(runtime: Runtime, x: Tensor, { a, parts, rank, scale }: Lora, y: Tensor): Tensor {
  const width = parts.length * rank;
  const [m, n] = [x.rows, y.columns];
  const reduced = runtime.tensor([m, width]);
  gemm(runtime, {
    layout: 'NT',
    m,
    n: width,
    k: x.columns,
    a: { tensor: x },
    b: { tensor: a },
    out: { tensor: reduced },
  });
  parts.forEach(({ rowOffset, rows, b }, p) => {
    gemm(runtime, {
      layout: 'NT',
      m,
      n: rows,
      k: rank,
      a: { tensor: reduced, offset: p * rank, stride: width },
      b: { tensor: b },
      out: { tensor: y, offset: rowOffset, stride: n },
      scale,
      accumulate: true,
    });
  });
  return reduced;
}

interface LoraGradients {
  readonly x: Tensor;
  readonly dy: Tensor;
  /** x · Aᵀ. */
  readonly reduced: Tensor | undefined;
  /** Holds dy · W already; undefined where nothing below needs it. */
  readonly dx: Tensor | undefined;
}

function loraBackward(runtime: Runtime, tape: OpTape, lora: Lora, { x, dy, reduced, dx }: LoraGradients): void {
  const { a, parts, rank, scale } = lora;
  const width = parts.length * rank;
  const [t, n, k] = [dy.rows, dy.columns, x.columns];
  const slice = ({ rowOffset }: LoraPart) => ({ tensor: dy, offset: rowOffset, stride: n });
  if (dx || a.requiresGrad) {
    // scale · dy_p · B_p, all parts side by side as in x · Aᵀ: then dA and dx are one product each.
    const dReduced = runtime.tensor([t, width]);
    parts.forEach((part, p) => {
      const out = { tensor: dReduced, offset: p * rank, stride: width };
      gemm(runtime, { layout: 'NN', m: t, n: rank, k: part.rows, a: slice(part), b: { tensor: part.b }, out, scale });
    });
    const side = { tensor: dReduced };
    if (dx)
      gemm(runtime, {
        layout: 'NN',
        m: t,
        n: k,
        k: width,
        a: side,
        b: { tensor: a },
        out: { tensor: dx },
        accumulate: true,
      });
    if (a.requiresGrad) {
      const { tensor, accumulate } = tape.target(a);
      gemm(runtime, { layout: 'TN', m: width, n: k, k: t, a: side, b: { tensor: x }, out: { tensor }, accumulate });
    }
  }
  parts.forEach((part, p) => {
    if (!part.b.requiresGrad || !reduced) return;
    const { tensor, accumulate } = tape.target(part.b);
    const b = { tensor: reduced, offset: p * rank, stride: width };
    gemm(runtime, { layout: 'TN', m: part.rows, n: rank, k: t, a: slice(part), b, out: { tensor }, scale, accumulate });
  });
}

function trainsB(lora: Lora | undefined): boolean {
  return lora?.parts.some(({ b }) => b.requiresGrad) ?? false;
}

function checkLora({ a, parts, rank }: Lora, n: number, k: number): void {
  expectShape('The stacked A matrices of a LoRA', a, [parts.length * rank, k]);
  for (const { rowOffset, rows, b } of parts) {
    expectShape('The B matrix of a LoRA', b, [rows, rank]);
    if (rowOffset < 0 || rowOffset + rows > n)
      throw new Error(
        `linear: a LoRA for rows ${rowOffset} to ${rowOffset + rows} does not fit a weight of ${n} rows.`,
      );
  }
}
