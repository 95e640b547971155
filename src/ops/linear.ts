import { columnSums } from './core/sums.ts';
import type { Runtime } from './core/runtime.ts';
import { gemm } from './core/gemm.ts';
import { gemmPair } from './core/gemmPair.ts';
import {
  addMaskedInputGradient,
  blocksOf,
  checkLora,
  loraGradients,
  reducedGradient,
  reducedInput,
  type Lora,
} from './core/lora.ts';
import type { OpTape } from './core/opTape.ts';
import { swigluGradient } from './core/swigluGradient.ts';
import { expectShape, type Tensor } from './core/tensor.ts';

export type { Lora, LoraDropout } from './core/lora.ts';

export interface LinearOptions {
  /** [N]. */
  readonly bias?: Tensor | undefined;
  readonly lora?: Lora | undefined;
  /** Added to the result (residual connection): of its shape. */
  readonly residual?: Tensor | undefined;
  /** What x is the SwiGLU of, made without a tape: x's gradient goes on to this. [T, 2K]. */
  readonly swigluOf?: Tensor | undefined;
  /**
   * Receives silu(gate) · up of the result, whose first half are gates (gemm.ts says when). Takes no part in the graph. Where no gradient
   * is wanted, this is all that is computed, and the result undefined.
   */
  readonly activated?: Tensor | undefined;
}

/**
 * y[T, N] = x[T, K] · Wᵀ + bias + residual, W [N, K] in f32, bf16, f16 or i8; with LoRA, columns rowOffset … of y get
 * scale · (x · A_pᵀ) · B_pᵀ on top, as rank more columns of x and of W: one product. x may have more dimensions: all but the last are rows.
 * With dropout A_p reads x ⊙ mask_p, in what follows too, and its share of dx is masked likewise.
 * Backward: dx = dy · W + scale · (dy_p · B_p) · A_p, dW = dyᵀ · x, dbias = column sums of dy, dA_p = scale · (dy_p · B_p)ᵀ · x,
 * dB_p = scale · dy_pᵀ · (x · A_pᵀ), dresidual = dy; each only where requiresGrad asks for it. Saved: x and scale · x · Aᵀ.
 * @throws Error for shapes that do not fit, or a packed weight that should be trained.
 */
export function linear(runtime: Runtime, x: Tensor, weight: Tensor, options: LinearOptions = {}): Tensor {
  const { bias, lora, residual, swigluOf, activated } = options;
  const source = swigluOf ?? x;
  const [n, k, t] = [weight.rows, weight.columns, x.rows];
  if (x.columns !== k) throw new Error(`linear: the input has rows of ${x.columns} numbers, the weight takes ${k}.`);
  if (weight.requiresGrad && weight.dtype !== 'f32')
    throw new Error(
      `linear: a ${weight.dtype} weight cannot be trained. Load it as f32, or train a LoRA on top of it.`,
    );
  if (bias) expectShape('The bias', bias, [n]);
  if (lora) checkLora(lora, n, k);
  const shape = [...x.shape.slice(0, -1), n];
  if (residual) expectShape('The residual', residual, shape);

  const parameters = [weight, bias, lora?.a, lora?.b].filter((p) => p !== undefined);
  const keep = !activated || (runtime.tape !== undefined && [source, ...parameters].some((one) => one.requiresGrad));
  const y = keep ? runtime.tensor(shape) : runtime.tensor([1], 'f32', 'scratch');
  const reduced = lora && reducedInput(runtime, x, lora);
  gemm(runtime, {
    layout: 'NT',
    m: t,
    n,
    k,
    a: { tensor: x },
    b: { tensor: weight },
    more: lora && reduced && { k: reduced.columns, a: { tensor: reduced }, b: blocksOf(lora) },
    out: { tensor: y },
    bias,
    residual: residual && { tensor: residual },
    activated: activated && { tensor: activated, keep },
  });

  const savesInput = weight.requiresGrad || lora?.a.requiresGrad;
  runtime.tape?.record({
    name: 'linear',
    inputs: [source, ...parameters, ...(residual ? [residual] : [])],
    outputs: [y],
    saved: [
      ...(swigluOf ? [swigluOf] : []),
      ...parameters,
      ...(savesInput ? [x] : []),
      ...(reduced && lora?.b.requiresGrad ? [reduced] : []),
      ...(lora?.dropout ? [lora.dropout.key] : []),
    ],
    backward([dy], tape) {
      if (!dy) return;
      if (residual) tape.add(residual, dy);
      const dReduced =
        lora && (source.requiresGrad || lora.a.requiresGrad) ? reducedGradient(runtime, dy, lora) : undefined;
      const pass = { dy, weight, lora, dReduced, source, swigluOf };
      const goesTogether = source.requiresGrad && weight.requiresGrad && !lora && (!swigluOf || k % 4 === 0);
      if (goesTogether) bothGradients(runtime, tape, pass, x);
      else if (source.requiresGrad) inputGradient(runtime, tape, pass);
      if (lora) loraGradients(runtime, tape, lora, { x, dy, reduced, dReduced });
      if (weight.requiresGrad && !goesTogether) productGradient(runtime, tape, weight, { left: dy, right: x });
      if (bias?.requiresGrad) columnSums(runtime, dy, tape.target(bias));
    },
  });
  return y;
}

interface InputPass {
  readonly dy: Tensor;
  readonly weight: Tensor;
  readonly lora: Lora | undefined;
  readonly dReduced: Tensor | undefined;
  /** What receives the gradient: x, or what x is the SwiGLU of. */
  readonly source: Tensor;
  readonly swigluOf: Tensor | undefined;
}

/** dx (+)= dy · W, or what becomes of it on its way back through SwiGLU, and dW (+)= dyᵀ · x. */
function bothGradients(runtime: Runtime, tape: OpTape, { dy, weight, source, swigluOf }: InputPass, x: Tensor): void {
  const [first, second] = [tape.target(source), tape.target(weight)];
  gemmPair(runtime, { a: dy, b: weight, c: x, first, second, swiglu: swigluOf });
}

/** dx (+)= dy · W + dReduced · A, or what becomes of dx on its way back through SwiGLU. What a mask comes between is no part of the product. */
function inputGradient(runtime: Runtime, tape: OpTape, pass: InputPass): void {
  const { dy, weight, lora, dReduced, source, swigluOf } = pass;
  const dropout = lora?.dropout;
  const product = {
    layout: 'NN',
    m: dy.rows,
    n: weight.columns,
    k: weight.rows,
    ofGradient: true,
    a: { tensor: dy },
    b: { tensor: weight },
    more:
      lora && dReduced && !dropout
        ? { k: dReduced.columns, a: { tensor: dReduced }, b: { tensor: lora.a } }
        : undefined,
  } as const;
  const target = tape.target(source);
  if (swigluOf && weight.columns % 4 === 0 && !dropout) {
    const { tensor, accumulate } = target;
    gemm(runtime, { ...product, out: { tensor }, accumulate, swiglu: { tensor: swigluOf } });
    return;
  }
  const { tensor, accumulate } = swigluOf
    ? { tensor: runtime.tensor([dy.rows, weight.columns], 'f32', 'scratch'), accumulate: false }
    : target;
  gemm(runtime, { ...product, out: { tensor }, accumulate });
  if (lora && dReduced && dropout) addMaskedInputGradient(runtime, tensor, dReduced, lora, dropout);
  if (swigluOf) swigluGradient(runtime, swigluOf, tensor, target);
}

/** parameter's gradient = leftᵀ · right, over their T rows. */
function productGradient(
  runtime: Runtime,
  tape: OpTape,
  parameter: Tensor,
  { left, right }: { readonly left: Tensor; readonly right: Tensor },
): void {
  const { tensor, accumulate } = tape.target(parameter);
  gemm(runtime, {
    layout: 'TN',
    m: left.columns,
    n: right.columns,
    k: left.rows,
    ofGradient: true,
    a: { tensor: left },
    b: { tensor: right },
    out: { tensor },
    accumulate,
  });
}
