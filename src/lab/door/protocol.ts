import type { FailureKind } from '../../base/errors.ts';
import type { DownloadState } from '../../files/hub/progress.ts';
import type { Configuration } from '../../settings/configuration.ts';
import type { AttributionView, PairView } from '../desks/inspectDesk.ts';
import type { CorpusSummary, Evaluation, RunRecord, StepRecord } from '../../run/record.ts';
import type { SearchResult } from '../desks/search.ts';

import type { SavedRunView } from '../../run/savedRuns.ts';

export type { SavedRunView } from '../../run/savedRuns.ts';
export type { AttributionView, PairView } from '../desks/inspectDesk.ts';
export type { SearchHit, SearchResult, SearchSide } from '../desks/search.ts';

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
  | { readonly type: 'reset' }
  | ModelCommand
  | RunCommand
  | SearchCommand
  | InspectCommand
  | KernelCommand;

/**
 * Getting, keeping and measuring checkpoints. None of these touches the run. `hub`: address of another hub than the usual one,
 * a mirror say.
 */
export type ModelCommand =
  /** What this browser keeps, and how much room there is. */
  | { readonly type: 'listModels' }
  /** Asks the hub what a repository would cost. Nothing is fetched but sizes and the configuration. */
  | { readonly type: 'describeModel'; readonly id: string; readonly hub?: string }
  /** Downloads it into this browser's storage, or goes on where a download stopped. */
  | { readonly type: 'downloadModel'; readonly id: string; readonly hub?: string }
  | { readonly type: 'pauseDownload' }
  | { readonly type: 'deleteModel'; readonly id: string }
  /** A folder of the reader's own under a name; `keep` copies it into this browser's storage. */
  | {
      readonly type: 'openFolder';
      readonly name: string;
      readonly files: readonly { readonly path: string; readonly blob: Blob }[];
      readonly keep: boolean;
    }
  /** What a configuration would need of the GPU's memory. */
  | { readonly type: 'plan'; readonly configuration: Configuration };

/** What is taken out of a run and put back. */
export type RunCommand =
  /** Both adapters (or, trained whole, both models) in one zip. */
  | { readonly type: 'exportAdapters' }
  /** Puts adapters, as exported or saved by PEFT, under the run that is open; they go on learning from there. */
  | { readonly type: 'importAdapters'; readonly files: readonly { readonly path: string; readonly blob: Blob }[] }
  /** The whole state of the run as one file. */
  | { readonly type: 'exportRun' }
  /** The same into this browser's storage, as every so many steps happens by itself. */
  | { readonly type: 'saveRun' }
  | { readonly type: 'listSavedRuns' }
  /** Goes on with a saved run, from storage or from a file. */
  | { readonly type: 'resumeRun'; readonly id: string }
  | { readonly type: 'importRun'; readonly blob: Blob }
  | { readonly type: 'deleteSavedRun'; readonly id: string };

export type SearchCommand =
  /** Ranks all chunks of the corpus for a query; embeds them first when the retriever has learnt since. */
  | { readonly type: 'search'; readonly query: string; readonly limit: number }
  | { readonly type: 'stopSearch' }
  /** The chunks' embeddings by the retriever as it is, as a file for numpy or a table with the texts. */
  | { readonly type: 'exportEmbeddings'; readonly format: 'npy' | 'tsv' };

/** Looking at the kernels; the numbers of training stay the same to the bit. */
export type KernelCommand =
  /** The next step tells what its kernels took. */
  { readonly type: 'profileStep' } | { readonly type: 'kernelSource'; readonly name: string };

/** One kernel over a step. */
export interface KernelRow {
  readonly kernel: string;
  /** Launches; a long one may have been split. */
  readonly calls: number;
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
}

/** All kernels of one step, longest first. */
export interface KernelsView {
  readonly step: number;
  /** Whether the times are the GPU's own timestamps; else the step's time shared out by expectation. */
  readonly measured: boolean;
  /** Time from sending the step to the GPU's answer, ms. */
  readonly gpuMs: number;
  readonly rows: readonly KernelRow[];
}

/** Looking inside the models as they are now, at the batch of any step so far. Training goes on the same to the bit. */
export type InspectCommand =
  /** How the tokens of one chunk read those of another. Chunks by their places in the step's batch; layers from 0, the last that reads neighbours unless given. */
  | {
      readonly type: 'inspectPair';
      readonly step: number;
      readonly query: number;
      readonly context: number;
      readonly layer?: number;
    }
  /** Which neighbour the gain of each chunk comes from. */
  | { readonly type: 'attribute'; readonly step: number }
  | { readonly type: 'stopInspection' };

/** A checkpoint that can be chosen. */
export interface ModelView {
  readonly id: string;
  /** `open`: a folder of this visit only. `partial`: a download that can go on. */
  readonly state: 'stored' | 'partial' | 'open';
  readonly bytes: number;
  /** Bytes of a partial download that are there. */
  readonly doneBytes: number;
  /** Time it was stored, ms since 1970. */
  readonly storedAt: number | undefined;
}

/** This browser's storage, in bytes; undefined where it does not tell. */
export interface StorageView {
  readonly usage: number | undefined;
  readonly quota: number | undefined;
  /** Whether the browser has promised not to clear it by itself. */
  readonly persisted: boolean | undefined;
}

/** What a repository of the hub holds, before anything is downloaded. */
export interface ModelOffer {
  readonly id: string;
  readonly revision: string;
  readonly bytes: number;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** For people: "24 layers of width 896, 494 million parameters". */
  readonly shape: string;
}

export interface DownloadView {
  readonly id: string;
  /** `checking`: bytes from an earlier visit are verified. `waiting`: the connection broke, and is tried again. */
  readonly state: DownloadState | 'paused' | 'failed';
  readonly file: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly bytesPerSecond: number | undefined;
  readonly secondsLeft: number | undefined;
}

/** Bytes a configuration needs at once, by purpose, and whether that fits. */
export interface PlanView {
  readonly configuration: Configuration;
  readonly weights: number;
  readonly gradients: number;
  readonly optimiser: number;
  readonly activations: number;
  readonly scratch: number;
  readonly peak: number;
  readonly budget: number;
  /** Why it cannot run, in words; undefined when it can. */
  readonly refusal: string | undefined;
  /** What was assumed, where the checkpoint is not here yet. */
  readonly assumption: string | undefined;
  /** The nearest settings that fit, as changes, where there are any. */
  readonly nearest: Readonly<Partial<Configuration>> | undefined;
}

export type LabState = 'idle' | 'preparing' | 'running' | 'paused' | 'failed';

/** What went wrong, for people: what happened, and what to do. The state of the run before it is kept. */
export interface LabError {
  readonly kind: FailureKind;
  /** The command that failed; training's own failures have none. */
  readonly command?: LabCommand['type'];
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
  | { readonly type: 'models'; readonly models: readonly ModelView[]; readonly storage: StorageView }
  | { readonly type: 'offer'; readonly offer: ModelOffer }
  | { readonly type: 'download'; readonly download: DownloadView }
  | { readonly type: 'plan'; readonly plan: PlanView }
  /** A file for the reader to keep. */
  | { readonly type: 'file'; readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'savedRuns'; readonly runs: readonly SavedRunView[] }
  /** The run was saved in this browser's storage. */
  | { readonly type: 'saved'; readonly step: number }
  /** A saved run has been put back: this is what it was made with. Its steps so far come as a record. */
  | {
      readonly type: 'resumed';
      readonly configuration: Configuration;
      readonly text: string | undefined;
      readonly title: string | undefined;
      readonly step: number;
      readonly run: RunRecord | undefined;
    }
  /** Adapters were put under the run. */
  | { readonly type: 'imported'; readonly detail: string }
  | { readonly type: 'embedding'; readonly fraction: number }
  | { readonly type: 'found'; readonly result: SearchResult }
  | { readonly type: 'inspected'; readonly pair: PairView }
  /** Share of an attribution's passes that are done. */
  | { readonly type: 'attributing'; readonly fraction: number }
  | { readonly type: 'attributed'; readonly attribution: AttributionView }
  /** int8 weights: the largest relative error (RMS, per tensor) against the stored ones. */
  | { readonly type: 'quantised'; readonly worstError: number }
  | { readonly type: 'kernels'; readonly kernels: KernelsView }
  /** WGSL of a kernel, as it is compiled. */
  | { readonly type: 'kernelSource'; readonly name: string; readonly code: string }
  | { readonly type: 'error'; readonly error: LabError };
