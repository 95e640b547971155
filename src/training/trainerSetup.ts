import type { Objective, ObjectiveBatch, ObjectiveForward } from '../objectives/objective.ts';
import type { PassWatch } from '../objectives/readPass.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Optimiser } from './optimiser.ts';

/** Where a trainer gets its batches. Batch n depends on n alone, so the position of a run is one number. */
export interface BatchFeed<B> {
  /** Makes ready what the batches of update `step` + 1 are made with, where that takes the models as they are; awaited before it. */
  prepare?(step: number): Promise<void>;
  batchAt(position: number): B;
  /** Batches for scores, which training never sees where there is text enough for that; the same at every call. */
  scored(): readonly B[];
}

/** Looks at a step between its backward pass and its update: nothing has moved yet. */
export type StepWatch = PassWatch<ObjectiveForward>;

/** Dropout of the adapters that learn, in steps alone: what only looks drops nothing. */
export interface StepDropout {
  /** Share that is dropped, above 0 and below 1. */
  readonly rate: number;
  /** Two words [2] that make the masks of batch `position`, which depend on nothing else. */
  keyAt(position: number): Uint32Array;
}

export interface TrainerSetup<B extends ObjectiveBatch> {
  readonly runtime: Runtime;
  readonly objective: Objective<B>;
  readonly optimiser: Optimiser;
  readonly feed: BatchFeed<B>;
  /** Learning rate of update number `step`, from 1. */
  readonly learningRate: (step: number) => number;
  /** Batches per update; their gradients are averaged. */
  readonly accumulation: number;
  readonly dropout?: StepDropout | undefined;
}
