import type { Arithmetic } from './arithmetic.ts';
import type { GradientTarget, OpTape, TapeNode } from './opTape.ts';
import type { Runtime } from './runtime.ts';
import { addInto } from './sums.ts';
import { Tensor } from './tensor.ts';

/** How an op computed is how its gradients are computed. */
interface RecordedNode extends TapeNode {
  readonly arithmetic: Arithmetic;
}

/** Reverse-mode differentiation: ops are recorded as they run and walked backwards once. */
export class Tape implements OpTape {
  #nodes: RecordedNode[] = [];
  #gradients = new Map<number, Tensor>();

  constructor(private readonly runtime: Runtime) {}

  record(node: TapeNode): void {
    if (node.inputs.some((input) => input.requiresGrad)) this.recordAlways(node);
  }

  recordAlways(node: TapeNode): void {
    for (const output of node.outputs) output.requiresGrad = true;
    for (const tensor of node.saved) tensor.retain();
    this.#nodes.push({ ...node, arithmetic: this.runtime.arithmetic });
  }

  add(input: Tensor, gradient: Tensor): void {
    if (!input.requiresGrad) return;
    if (input.gradient) {
      addInto(this.runtime, input.gradient, gradient);
      return;
    }
    const existing = this.#gradients.get(input.id);
    if (!existing) {
      this.#gradients.set(input.id, gradient.retain());
      return;
    }
    const { tensor } = this.#owned(input, existing);
    addInto(this.runtime, tensor, gradient);
  }

  target(input: Tensor): GradientTarget {
    if (input.gradient) return { tensor: input.gradient, accumulate: true };
    const existing = this.#gradients.get(input.id);
    if (existing) return this.#owned(input, existing);
    const tensor = Tensor.allocate(this.runtime.pool, input.shape, 'f32', 'gradients');
    this.#gradients.set(input.id, tensor);
    return { tensor, accumulate: false };
  }

  /** The gradient that has arrived at `input` so far; valid until the tape is disposed of. */
  gradientOf(input: Tensor): Tensor | undefined {
    return input.gradient ?? this.#gradients.get(input.id);
  }

  /**
   * Walks back from `roots`. Gradients of intermediate tensors are released as soon as they are used up; those of
   * `keep` and of leaves without a gradient slot stay until dispose().
   */
  backward(roots: readonly { tensor: Tensor; gradient: Tensor }[], keep: readonly Tensor[] = []): void {
    const { runtime } = this;
    for (const { tensor, gradient } of roots) this.add(tensor, gradient);
    const kept = new Set(keep.map(({ id }) => id));
    const outer = runtime.tape;
    runtime.tape = undefined;
    try {
      // A node leaves the list when it is done with, so that after an error dispose() finds what it still holds.
      for (let node = this.#nodes.at(-1); node; node = this.#nodes.at(-1)) {
        const { outputs, saved, backward, arithmetic } = node;
        const gradients = outputs.map(({ id }) => this.#gradients.get(id));
        checkPromise(node, gradients[0]);
        if (gradients.some((gradient) => gradient !== undefined))
          runtime.computing(arithmetic, () => runtime.scope(() => backward(gradients, this)));
        for (const { id } of outputs) {
          if (kept.has(id)) continue;
          this.#gradients.get(id)?.release();
          this.#gradients.delete(id);
        }
        this.#nodes.pop();
        for (const tensor of saved) tensor.release();
      }
    } finally {
      runtime.tape = outer;
    }
  }

  /** Gives back all that is still held: leaf gradients, and everything when backward() did not run. */
  dispose(): void {
    for (const node of this.#nodes.splice(0)) for (const tensor of node.saved) tensor.release();
    for (const gradient of this.#gradients.values()) gradient.release();
    this.#gradients.clear();
  }

  // A gradient may be shared (both sides of a residual get the same one): write only into what nobody else holds.
  #owned(input: Tensor, existing: Tensor): GradientTarget {
    if (existing.references === 1) return { tensor: existing, accumulate: true };
    const copy = Tensor.allocate(this.runtime.pool, input.shape, 'f32', 'gradients');
    this.runtime.recorder.copy(existing.slice, copy.slice, copy.slice.size);
    existing.release();
    this.#gradients.set(input.id, copy);
    return { tensor: copy, accumulate: true };
  }
}

function checkPromise({ name, isPromised }: TapeNode, arrived: Tensor | undefined): void {
  if (!isPromised || (arrived && isPromised(arrived))) return;
  throw new Error(
    `${name}: gradients were computed for a seed that was promised, but ${arrived ? 'another gradient' : 'none'} arrived. ` +
      'Begin backward() with that seed at this output and use the output for nothing else, or promise no seed.',
  );
}
