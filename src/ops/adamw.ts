import type { Runtime } from './core/runtime.ts';
import type { Tensor } from './core/tensor.ts';

const THREADS = 256;

/** Parameters laid end to end, with their gradients and the optimiser's moments in the same layout: flat f32, each in a buffer of its own. */
export interface AdamWArena {
  readonly parameters: Tensor;
  readonly gradients: Tensor;
  /** First moment, zero before the first step. */
  readonly m: Tensor;
  /** Second moment, zero before the first step. */
  readonly v: Tensor;
}

/** What stays the same from step to step. */
export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  /** Above 0, so that padding (0/√0) stays zero. */
  readonly epsilon: number;
  /** λ of the decoupled decay: each step multiplies parameters by 1 − learningRate · λ. */
  readonly weightDecay: number;
  /** Longest gradient let through; 0 = no clipping. */
  readonly clipNorm: number;
}

/** What does not. */
export interface AdamWStep {
  readonly learningRate: number;
  /** Number of this step, from 1. */
  readonly step: number;
}

/**
 * The numbers of a step as the kernel takes them, uploaded: f32 [3].
 * @throws Error for a step or a learning rate that there cannot be
 */
export function adamwNumbers(runtime: Runtime, { learningRate, step }: AdamWStep, settings: AdamWSettings): Tensor {
  const { beta1, beta2, weightDecay } = settings;
  if (!Number.isInteger(step) || step < 1) throw new Error(`adamw: steps count from 1, but this is step ${step}.`);
  if (!(learningRate >= 0 && Number.isFinite(learningRate)))
    throw new Error(`adamw: the learning rate must be 0 or more, but is ${learningRate}.`);
  const numbers = [1 - learningRate * weightDecay, learningRate / (1 - beta1 ** step), Math.sqrt(1 - beta2 ** step)];
  return runtime.input(Float32Array.from(numbers), [numbers.length]);
}

/**
 * One AdamW step over an arena, in place and in one pass: as torch.nn.utils.clip_grad_norm_ followed by torch.optim.AdamW. `numbers`:
 * those of the step, from adamwNumbers() with the same settings.
 * The first of `gradientNorms` (from gradientNorms(), over all arenas that are clipped together) scales the gradients; when it is not
 * finite, parameters and moments stay as they are. Gradients are not cleared.
 * @throws Error when the arena's tensors differ in size or a setting is out of range.
 */
export function adamw(
  runtime: Runtime,
  arena: AdamWArena,
  gradientNorms: Tensor,
  numbers: Tensor,
  settings: AdamWSettings,
): void {
  const { parameters, gradients, m, v } = arena;
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = settings;
  const count = parameters.size;
  for (const [name, tensor] of Object.entries({ gradients, m, v }))
    if (tensor.size !== count) throw new Error(`adamw: ${tensor.size} ${name} do not match ${count} parameters.`);
  if (!(epsilon > 0)) throw new Error(`adamw: epsilon must be above 0, but is ${epsilon}.`);
  if (![beta1, beta2].every((beta) => beta >= 0 && beta < 1))
    throw new Error(`adamw: betas lie in [0, 1), but are ${beta1} and ${beta2}.`);
  if (![weightDecay, clipNorm].every((value) => value >= 0 && Number.isFinite(value)))
    throw new Error('adamw: weight decay and clip norm must be 0 or more.');
  runtime.dispatch({
    kernel: 'adamw/step',
    params: {
      count,
      beta1,
      oneMinusBeta1: 1 - beta1,
      beta2,
      oneMinusBeta2: 1 - beta2,
      epsilon,
      clipNorm,
    },
    bindings: {
      gradients: gradients.slice,
      norm: gradientNorms.slice,
      parameters: parameters.slice,
      m: m.slice,
      v: v.slice,
      numbers: numbers.slice,
    },
    groups: [Math.ceil(count / (4 * THREADS))],
    flops: 14 * count,
    bytes: 28 * count,
  });
}
