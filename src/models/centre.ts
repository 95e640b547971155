import { centre } from '../ops/centre.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { Tensor } from '../ops/core/tensor.ts';

/** The two sides of a search, in the order in which their centres lie. */
export const SIDES = ['query', 'passage'] as const;
export type Side = (typeof SIDES)[number];

/**
 * What is subtracted from a retriever's pooled states before they are scaled to length 1, a vector for each side (docs/METHOD.md,
 * step 1). A constant: it gets no gradient, and stays as it was measured.
 */
export class Centre {
  /** Queries' and passages': [2, D]. What it holds is undefined until it is set. */
  readonly tensor: Tensor;

  constructor(
    private readonly runtime: Runtime,
    readonly width: number,
  ) {
    this.tensor = Tensor.allocate(runtime.pool, [SIDES.length, width], 'f32', 'weights');
  }

  /** @param numbers [2, D]. @throws Error for another length. */
  set(numbers: Float32Array<ArrayBuffer>): void {
    if (numbers.length !== this.tensor.size)
      throw new Error(`A centre of ${this.tensor.size} numbers cannot hold ${numbers.length}.`);
    this.runtime.recorder.upload(this.tensor.slice, numbers);
  }

  /** [2, D]. */
  async read(): Promise<Float32Array<ArrayBuffer>> {
    const numbers = this.runtime.read(this.tensor);
    await this.runtime.recorder.flush();
    return numbers;
  }

  /** Pooled states [2B, D], queries and then passages, each less the centre of its side. */
  ofBoth(pooled: Tensor): Tensor {
    return centre(this.runtime, pooled, this.tensor, { first: 0, each: pooled.rows / SIDES.length });
  }

  /** Pooled states [N, D] of one side less its centre. */
  ofSide(pooled: Tensor, side: Side): Tensor {
    return centre(this.runtime, pooled, this.tensor, { first: SIDES.indexOf(side), each: pooled.rows });
  }

  destroy(): void {
    this.tensor.release();
  }
}
