import { addInto } from '../add.ts';
import type { Runtime } from './runtime.ts';
import { Tensor } from './tensor.ts';

/** What an op tells the tape. */
export interface TapeNode {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** What backward() reads; kept alive until it has run. */
  readonly saved: readonly Tensor[];
  /**
   * The gradient for which the op has computed in its forward pass what it hands on: the very tensor that will arrive at its
   * first output. backward() throws when another arrives there, or none.
   */
  readonly promised?: Tensor | undefined;
  /**
   * Receives the gradient of each output (undefined where none arrived; never all undefined) and hands gradients on with
   * tape.add or tape.target, for inputs with requiresGrad only.
   */
  readonly backward: (gradients: readonly (Tensor | undefined)[], tape: Tape) => void;
}

/** Where an op writes an input's gradient: over it, or on top of what is there. */
export interface GradientTarget {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

/** Reverse-mode differentiation: ops are recorded as they run and walked backwards once. */
export class Tape {
  #nodes: TapeNode[] = [];
  #gradients = new Map<number, Tensor>();

  constructor(private readonly runtime: Runtime) {}

  /** Records an op if any input needs a gradient, and marks its outputs accordingly. */
  record(node: TapeNode): void {
    if (node.inputs.some((input) => input.requiresGrad)) this.recordAlways(node);
  }

  /** Records an op whose parameters are hidden inside it (checkpoint). */
  recordAlways(node: TapeNode): void {
    for (const output of node.outputs) output.requiresGrad = true;
    for (const tensor of node.saved) tensor.retain();
    this.#nodes.push(node);
  }

  /** Hands gradient `gradient` on to `input`. The tape keeps a reference of its own. */
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

  /** A place to write `input`'s gradient (shape of `input`) directly; call once per use of the input. */
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
        const { outputs, saved, backward } = node;
        const gradients = outputs.map(({ id }) => this.#gradients.get(id));
        checkPromise(node, gradients[0]);
        if (gradients.some((gradient) => gradient !== undefined)) runtime.scope(() => backward(gradients, this));
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

function checkPromise({ name, promised }: TapeNode, arrived: Tensor | undefined): void {
  if (!promised || promised === arrived) return;
  throw new Error(
    `${name}: gradients were computed for a seed that was promised, but ${arrived ? 'another gradient' : 'none'} arrived. ` +
      'Begin backward() with that seed at this output and use the output for nothing else, or promise no seed.',
  );
}
