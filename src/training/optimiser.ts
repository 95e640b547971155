import type { Runtime } from '../ops/core/runtime.ts';
import { adamw, type AdamWArena, type AdamWSettings } from '../ops/adamw.ts';
import { gradientNorm } from '../ops/gradientNorm.ts';
import { Tensor } from '../ops/core/tensor.ts';
import type { ParameterSet } from '../models/parameters.ts';

/** Everything of AdamW that does not change from step to step; clipNorm is one norm over all that is trained. */
export type OptimiserOptions = Omit<AdamWSettings, 'learningRate' | 'step'>;

/** Parameters that are trained together, under a name for their gradient norm. */
export interface ParameterGroup {
  readonly name: string;
  readonly parameters: ParameterSet;
}

/** AdamW with decoupled weight decay (Loshchilov & Hutter 2019), as in torch.optim.AdamW, over all groups at once. */
export class Optimiser {
  /** Updates made. */
  step = 0;
  readonly #states: ReadonlyMap<string, readonly AdamWArena[]>;

  constructor(
    private readonly runtime: Runtime,
    readonly groups: readonly ParameterGroup[],
    readonly options: OptimiserOptions,
  ) {
    const zeros = (like: Tensor): Tensor => {
      const tensor = Tensor.allocate(runtime.pool, like.shape, 'f32', 'optimiser');
      runtime.recorder.clear(tensor.slice);
      return tensor;
    };
    this.#states = new Map(
      groups.map(({ name, parameters }) => [
        name,
        parameters.blocks.map((block) => ({ ...block, m: zeros(block.parameters), v: zeros(block.parameters) })),
      ]),
    );
  }

  /** State tensors in a fixed order, for checkpoints. */
  state(): { name: string; arena: AdamWArena }[] {
    return [...this.#states].flatMap(([group, blocks]) => blocks.map((arena, i) => ({ name: `${group}.${i}`, arena })));
  }

  zeroGradients(): void {
    for (const { parameters } of this.groups) parameters.zeroGradients();
  }

  /**
   * Gradient norms as [1] tensors on the GPU: of each group, and of all (what clipping uses). Belongs to the caller's scope.
   */
  norms(): { total: Tensor; byGroup: ReadonlyMap<string, Tensor> } {
    const gradients = (blocks: readonly AdamWArena[]) => blocks.map((block) => block.gradients);
    const all = [...this.#states.values()].flatMap(gradients);
    return {
      total: gradientNorm(this.runtime, all),
      byGroup: new Map(
        [...this.#states].map(([name, blocks]) => [name, gradientNorm(this.runtime, gradients(blocks))]),
      ),
    };
  }

  /** Moves the parameters by the gradients in their slots; skipped on the GPU when the total norm is not finite. */
  update(learningRate: number, totalNorm: Tensor): void {
    this.step++;
    for (const blocks of this.#states.values())
      for (const arena of blocks)
        adamw(this.runtime, arena, totalNorm, { ...this.options, learningRate, step: this.step });
  }

  destroy(): void {
    for (const blocks of this.#states.values())
      for (const { m, v } of blocks) {
        m.release();
        v.release();
      }
  }
}
