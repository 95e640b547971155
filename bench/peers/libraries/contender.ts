import type { ModelSize, ProductSize, Weights } from '../work.ts';

/** A piece of work that is prepared and can be done again and again. */
export interface Job {
  /** Does it so many times, and comes back when the GPU has done all of it. */
  run(times: number): Promise<void>;
  /** What the last time gave. */
  result(): Promise<Float32Array>;
  destroy(): void;
}

/** A training run: `run` makes steps, `result` gives the loss before the last of them. */
export type Training = Job;

/** A library that computes on WebGPU, with a device of its own. */
export interface Contender {
  readonly name: string;
  readonly version: string;
  /** X · Wᵀ. */
  product(size: ProductSize, x: Float32Array<ArrayBuffer>, w: Float32Array<ArrayBuffer>): Promise<Job>;
  /** x ← x · Wᵀ, `length` times one after the other, all [side, side]: as many dispatches. */
  chain(side: number, length: number, x: Float32Array<ArrayBuffer>, w: Float32Array<ArrayBuffer>): Promise<Job>;
  /** Steps of the small language model by Adam, of the mean loss of all tokens but the first of each row. Left out: cannot train. */
  training?(model: ModelSize, weights: Weights, ids: readonly (readonly number[])[]): Promise<Training>;
}
