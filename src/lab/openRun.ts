import type { Context } from '../ops/context.ts';
import type { Experiment } from './experiment.ts';
import type { PreparedRun } from './workbench.ts';

/** A run that is open: what the desks work on. */
export interface OpenRun {
  readonly context: Context;
  readonly prepared: PreparedRun;
  readonly experiment: Experiment;
}
