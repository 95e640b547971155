import type { Configuration } from './configuration.ts';
import type { CorpusSummary, Evaluation, StepRecord } from './run.ts';

/** What the page asks of the worker. */
export type LabCommand =
  /** Take a configuration (and text, when its source is 'text'); prepares the corpus, drops a run under way. */
  | {
      readonly type: 'configure';
      readonly configuration: Configuration;
      readonly text?: string;
      readonly title?: string;
    }
  /** Train until paused. Opens the GPU and builds the models when that has not happened yet. */
  | { readonly type: 'train' }
  | { readonly type: 'pause' }
  /** One step, then pause. */
  | { readonly type: 'step' }
  /** Back to step 0 with the same configuration. */
  | { readonly type: 'reset' };

export type LabState = 'idle' | 'preparing' | 'running' | 'paused' | 'failed';

/** What went wrong, for people: what happened, and what to do. The state of the run before it is kept. */
export interface LabError {
  readonly kind: 'noWebGpu' | 'deviceLost' | 'outOfMemory' | 'badInput' | 'badSetting' | 'diverged' | 'bug';
  readonly message: string;
  readonly action: string;
  /** The setting at fault, where there is one. */
  readonly setting?: string;
}

/** What the worker tells the page. */
export type LabEvent =
  | { readonly type: 'state'; readonly state: LabState; readonly detail: string; readonly progress?: number }
  | { readonly type: 'adapter'; readonly description: string; readonly software: boolean }
  /** Answers a configuration: it is taken. */
  | { readonly type: 'corpus'; readonly summary: CorpusSummary }
  /** Answers a configuration: a pause or a newer one stopped its preparation, and what was there before is kept. */
  | { readonly type: 'stopped' }
  | { readonly type: 'step'; readonly record: StepRecord }
  | { readonly type: 'evaluation'; readonly evaluation: Evaluation }
  | { readonly type: 'reset' }
  | { readonly type: 'error'; readonly error: LabError };
