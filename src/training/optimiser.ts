import type { Runtime } from '../ops/core/runtime.ts';
import { adamw, adamwNumbers, type AdamWArena, type AdamWSettings, type AdamWStep } from '../ops/adamw.ts';
import { gradientNorms } from '../ops/gradientNorm.ts';
import { Tensor } from '../ops/core/tensor.ts';
import type { ParameterSet } from '../models/parameters.ts';

/** Everything of AdamW that does not change from step to step; clipNorm is one norm over all that is trained. */
export type OptimiserOptions = AdamWSettings;

/** Parameters that are trained together, under a name for their gradient norm. */
export interface ParameterGroup {
  readonly name: string;
  readonly parameters: ParameterSet;
}

/** AdamW with decoupled weight decay (Loshchilov & Hutter 2019), as in torch.optim.AdamW, over all groups at once. */
export class Optimiser {
  /** Updates made: whoever sends one counts it. */
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
   * Gradient norms on the GPU, [1 + groups]: that of all (what clipping uses), then those of the groups by their order in `names`.
   * Belongs to the caller's scope.
   */
  norms(): { readonly norms: Tensor; readonly names: readonly string[] } {
    const gradients = [...this.#states.values()].map((blocks) => blocks.map((block) => block.gradients));
    return { norms: gradientNorms(this.runtime, gradients), names: [...this.#states.keys()] };
  }

  /** Uploads, in the caller's scope, what update() takes of a step: which it is, and how far it goes. */
  numbers(step: AdamWStep): Tensor {
    return adamwNumbers(this.runtime, step, this.options);
  }

  /** Moves the parameters by the gradients in their slots; skipped on the GPU when the norm of all, the first of `norms`, is not finite. */
  update(numbers: Tensor, norms: Tensor): void {
    for (const blocks of this.#states.values())
      for (const arena of blocks) adamw(this.runtime, arena, norms, numbers, this.options);
  }

  destroy(): void {
    for (const blocks of this.#states.values())
      for (const { m, v } of blocks) {
        m.release();
        v.release();
      }
  }
}
