import type { BufferSlice, Purpose } from '../gpu/pool.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { Tensor } from '../ops/core/tensor.ts';

/** A flat stretch of trainable numbers with their gradients: what the optimiser works on in one dispatch. */
export interface ParameterBlock {
  readonly parameters: Tensor;
  readonly gradients: Tensor;
}

/** Bindings start at multiples of 256 bytes, so every tensor in a block does too. */
const ALIGN_FLOATS = 64;
/** Default limit of one binding. */
const MAX_BLOCK_FLOATS = (128 * 2 ** 20) / 4;

/**
 * Trainable f32 tensors laid end to end in few large buffers, their gradients likewise: zeroing, the gradient norm and
 * AdamW then take one dispatch per block instead of one per tensor. The gaps between tensors stay zero.
 */
export class ParameterSet {
  readonly blocks: readonly ParameterBlock[];
  readonly #tensors = new Map<string, Tensor>();
  readonly #runtime: Runtime;

  /** @throws GpuLimitError when a tensor is too large for the GPU; nothing stays allocated then. */
  constructor(
    runtime: Runtime,
    specs: readonly { key: string; shape: readonly number[] }[],
    maxBlockFloats = MAX_BLOCK_FLOATS,
  ) {
    this.#runtime = runtime;
    const plan: { key: string; shape: readonly number[]; offset: number; floats: number }[][] = [];
    let used = Infinity;
    for (const { key, shape } of specs) {
      const floats = shape.reduce((product, length) => product * length, 1);
      const room = Math.ceil(floats / ALIGN_FLOATS) * ALIGN_FLOATS;
      if (used + room > maxBlockFloats) {
        plan.push([]);
        used = 0;
      }
      plan.at(-1)?.push({ key, shape, offset: used, floats });
      used += room;
    }
    const allocated: Tensor[] = [];
    const allocate = (floats: number, purpose: Purpose): Tensor => {
      try {
        const tensor = Tensor.allocate(runtime.pool, [floats], 'f32', purpose);
        allocated.push(tensor);
        return tensor;
      } catch (cause) {
        for (const tensor of allocated) tensor.release();
        throw cause;
      }
    };
    this.blocks = plan.map((entries) => {
      const last = entries.at(-1);
      const floats = last ? last.offset + Math.ceil(last.floats / ALIGN_FLOATS) * ALIGN_FLOATS : ALIGN_FLOATS;
      const parameters = allocate(floats, 'weights');
      const gradients = allocate(floats, 'gradients');
      runtime.recorder.clear(parameters.slice);
      runtime.recorder.clear(gradients.slice);
      for (const { key, shape, offset, floats: length } of entries) {
        const tensor = Tensor.over(stretch(parameters, offset, length), shape);
        tensor.requiresGrad = true;
        tensor.gradient = Tensor.over(stretch(gradients, offset, length), shape);
        this.#tensors.set(key, tensor);
      }
      return { parameters, gradients };
    });
  }

  /** @throws Error for a key that is not in the set. */
  tensor(key: string): Tensor {
    const tensor = this.#tensors.get(key);
    if (!tensor) throw new Error(`There is no parameter ${key}.`);
    return tensor;
  }

  /** Where each tensor lies: its block, and its first number there. */
  places(): { readonly key: string; readonly block: number; readonly offset: number; readonly size: number }[] {
    return [...this.#tensors].map(([key, { slice, size }]) => {
      const block = this.blocks.findIndex(({ parameters }) => parameters.slice.buffer === slice.buffer);
      const first = this.blocks[block]?.parameters.slice.offset ?? NaN;
      return { key, block, offset: (slice.offset - first) / Float32Array.BYTES_PER_ELEMENT, size };
    });
  }

  /** Number of trainable numbers. */
  get count(): number {
    return [...this.#tensors.values()].reduce((sum, tensor) => sum + tensor.size, 0);
  }

  zeroGradients(): void {
    for (const { gradients } of this.blocks) this.#runtime.recorder.clear(gradients.slice);
  }

  /** Marks whether gradients are wanted (a frozen model still runs). */
  setTrainable(trainable: boolean): void {
    for (const tensor of this.#tensors.values()) tensor.requiresGrad = trainable;
  }

  /** The parameters that gradients are wanted for. */
  wanted(): Tensor[] {
    return [...this.#tensors.values()].filter(({ requiresGrad }) => requiresGrad);
  }

  destroy(): void {
    for (const { parameters, gradients } of this.blocks) {
      parameters.release();
      gradients.release();
    }
  }
}

/** Does `work` with no gradient wanted in these sets; afterwards those are wanted again that were before. */
export async function whileFrozen<T>(sets: readonly (ParameterSet | undefined)[], work: () => Promise<T>): Promise<T> {
  const wanted = sets.flatMap((set) => set?.wanted() ?? []);
  for (const tensor of wanted) tensor.requiresGrad = false;
  try {
    return await work();
  } finally {
    for (const tensor of wanted) tensor.requiresGrad = true;
  }
}

function stretch(tensor: Tensor, offset: number, floats: number): BufferSlice {
  return { buffer: tensor.slice.buffer, offset: tensor.slice.offset + 4 * offset, size: 4 * floats };
}
