import type { Context } from '../ops/context.ts';
import { adamw } from '../ops/adamw.ts';
import { gradientNorm } from '../ops/gradientNorm.ts';
import { Tensor } from '../ops/tensor.ts';
import type { ParameterBlock, ParameterSet } from '../models/parameters.ts';

export interface OptimiserOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** One norm over everything trained; 0: no clipping. */
  readonly clipNorm: number;
}

/** Parameters that are trained together, under a name for their gradient norm. */
export interface ParameterGroup {
  readonly name: string;
  readonly parameters: ParameterSet;
}

interface BlockState extends ParameterBlock {
  /** Running means of the gradient and of its square, laid out like the parameters. */
  readonly mean: Tensor;
  readonly square: Tensor;
}

/** AdamW with decoupled weight decay (Loshchilov & Hutter 2019), as in torch.optim.AdamW, over all groups at once. */
export class Optimiser {
  /** Updates made. */
  step = 0;
  readonly #states: ReadonlyMap<string, readonly BlockState[]>;

  constructor(
    private readonly context: Context,
    readonly groups: readonly ParameterGroup[],
    readonly options: OptimiserOptions,
  ) {
    const zeros = (like: Tensor): Tensor => {
      const tensor = Tensor.allocate(context.pool, like.shape, 'f32', 'optimiser');
      context.recorder.clear(tensor.slice);
      return tensor;
    };
    this.#states = new Map(
      groups.map(({ name, parameters }) => [
        name,
        parameters.blocks.map((block) => ({ ...block, mean: zeros(block.parameters), square: zeros(block.parameters) })),
      ]),
    );
  }

  /** State tensors in a fixed order, for checkpoints. */
  state(): { name: string; mean: Tensor; square: Tensor }[] {
    return [...this.#states].flatMap(([group, blocks]) =>
      blocks.map(({ mean, square }, i) => ({ name: `${group}.${i}`, mean, square })),
    );
  }

  zeroGradients(): void {
    for (const { parameters } of this.groups) parameters.zeroGradients();
  }

  /**
   * Gradient norms as [1] tensors on the GPU: of each group, and of all (what clipping uses). Belongs to the caller's scope.
   */
  norms(): { total: Tensor; byGroup: ReadonlyMap<string, Tensor> } {
    const gradients = (blocks: readonly BlockState[]) => blocks.map((block) => block.gradients);
    const all = [...this.#states.values()].flatMap(gradients);
    return {
      total: gradientNorm(this.context, all),
      byGroup: new Map([...this.#states].map(([name, blocks]) => [name, gradientNorm(this.context, gradients(blocks))])),
    };
  }

  /** Moves the parameters by the gradients in their slots; skipped on the GPU when the total norm is not finite. */
  update(learningRate: number, totalNorm: Tensor): void {
    this.step++;
    for (const blocks of this.#states.values())
      for (const { parameters, gradients, mean, square } of blocks)
        adamw(this.context, {
          parameters,
          gradients,
          mean,
          square,
          gradientNorm: totalNorm,
          learningRate,
          step: this.step,
          ...this.options,
        });
  }

  destroy(): void {
    for (const blocks of this.#states.values())
      for (const { mean, square } of blocks) {
        mean.release();
        square.release();
      }
  }
}
