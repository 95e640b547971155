import type { Runtime } from '../ops/core/runtime.ts';
import type { Experiment } from './experiment.ts';
import type { PreparedRun } from './recipe.ts';

/** A run that is open: what the desks work on. */
export interface OpenRun {
  readonly runtime: Runtime;
  readonly prepared: PreparedRun;
  readonly experiment: Experiment;
}
