import type { Tensor } from './tensor.ts';

/** What an op tells the tape. */
export interface TapeNode {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** What backward() reads; kept alive until it has run. */
  readonly saved: readonly Tensor[];
  /**
   * Of an op that has computed in its forward pass what it hands on: whether this is the gradient that it was told will arrive at
   * its first output. backward() throws when another arrives there, or none.
   */
  readonly isPromised?: (gradient: Tensor) => boolean;
  /**
   * Receives the gradient of each output (undefined where none arrived; never all undefined) and hands gradients on with
   * tape.add or tape.target, for inputs with requiresGrad only.
   */
  readonly backward: (gradients: readonly (Tensor | undefined)[], tape: OpTape) => void;
}

/** Where an op writes an input's gradient: over it, or on top of what is there. */
export interface GradientTarget {
  readonly tensor: Tensor;
  readonly accumulate: boolean;
}

/**
 * What ops see of the tape (tape.ts). It stands apart because what ops run on, the Runtime, carries a tape, while the tape
 * itself runs kernels to sum gradients.
 */
export interface OpTape {
  /** Records an op if any input needs a gradient, and marks its outputs accordingly. */
  record(node: TapeNode): void;
  /** Records an op whose parameters are hidden inside it (recompute.ts). */
  recordAlways(node: TapeNode): void;
  /** Hands gradient `gradient` on to `input`. The tape keeps a reference of its own. */
  add(input: Tensor, gradient: Tensor): void;
  /** A place to write `input`'s gradient (shape of `input`) directly; call once per use of the input. */
  target(input: Tensor): GradientTarget;
}
