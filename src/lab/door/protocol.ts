import type { GivenText } from '../../corpus/given.ts';
import type { DeviceProgress, DeviceReport } from '../../run/deviceBench/report.ts';
import type { BatchView, CorpusSummary, Evaluation, ProbeRecord, ScoredText, StepRecord } from '../../run/record.ts';
import type { CollectionScored } from '../../run/runLog.ts';
import type { SavedRunView } from '../../run/savedRuns.ts';
import type { ScalingProgress } from '../../run/scaling/measure.ts';
import type { Axis, ScalingReport } from '../../run/scaling/report.ts';
import type { Configuration } from '../../settings/configuration.ts';
import type { ChosenFile } from './chosenFile.ts';
import type {
  Budget,
  ComparisonEntry,
  ComparisonPlan,
  ComparisonProgress,
  ComparisonReport,
} from './comparisonViews.ts';
import type {
  EncoderOffer,
  EncoderPoolingView,
  EncoderProgress,
  EncoderSource,
  EncodersView,
  EncoderView,
} from './encoderViews.ts';
import type {
  CollectionSource,
  CollectionView,
  EvaluationFile,
  EvaluationProgress,
  EvaluationTable,
  QueryFilter,
  QueryPage,
  RankedListsView,
  SystemRequest,
} from './evaluationViews.ts';
import type { LabError } from './labError.ts';
import type {
  AttributionView,
  DownloadView,
  KernelsView,
  LabFile,
  ModelOffer,
  ModelsView,
  PairView,
  PlanView,
  ResumedRun,
  SearchResult,
  TextPreview,
  TextProgress,
} from './views.ts';

export type { ChosenFile } from './chosenFile.ts';

/** The run that is open. All of these are stopped by a newer one and by `pause`. */
export type SessionCommand =
  /** Take a configuration (and text, when its source is 'text'); prepares the corpus, drops a run under way. */
  | {
      readonly type: 'configure';
      readonly configuration: Configuration;
      readonly text?: GivenText;
      readonly title?: string;
    }
  /**
   * Train until paused, or for so many steps and no more; answered when it has paused. Opens the GPU and builds the models when that
   * has not happened yet.
   */
  | { readonly type: 'train'; readonly steps?: number }
  /** Stops training after the step under way, and preparing at once. */
  | { readonly type: 'pause' }
  /** One step, then pause. */
  | { readonly type: 'step' }
  /** Back to step 0 with the same configuration. */
  | { readonly type: 'reset' };

/**
 * Getting, keeping and measuring checkpoints. None of these touches the run. `hub`: address of another hub than the usual one,
 * a mirror say.
 */
export type ModelCommand =
  /** What this browser keeps, and how much room there is. */
  | { readonly type: 'listModels' }
  /** Asks the hub what a repository would cost. Nothing is fetched but sizes and the configuration. */
  | { readonly type: 'describeModel'; readonly id: string; readonly hub?: string }
  /** Downloads it into this browser's storage, or goes on where a download stopped; stopping it is a pause. */
  | { readonly type: 'downloadModel'; readonly id: string; readonly hub?: string }
  | { readonly type: 'deleteModel'; readonly id: string }
  /** A folder of the reader's own under a name; `keep` copies it into this browser's storage. */
  | {
      readonly type: 'openFolder';
      readonly name: string;
      readonly files: readonly ChosenFile[];
      readonly keep: boolean;
    }
  /** What a configuration would need of the GPU's memory. */
  | { readonly type: 'plan'; readonly configuration: Configuration };

/** Pretrained encoders: what stands beside retrievers in evaluations, and teaches by distillation. None of these touches the run. */
export type EncoderCommand =
  | { readonly type: 'listEncoders' }
  /** Asks the hub what an encoder would cost and under which licence it is. Nothing is fetched but its small files. */
  | { readonly type: 'describeEncoder'; readonly id: string; readonly hub?: string }
  /** Opens one in the place of the one that is open. `pooling`: where its files do not say. */
  | { readonly type: 'openEncoder'; readonly source: EncoderSource; readonly pooling?: EncoderPoolingView }
  | { readonly type: 'closeEncoder' }
  /** Out of this browser's storage. */
  | { readonly type: 'deleteEncoder'; readonly id: string };

/** A text of the reader's own, before anything runs on it. None of these touches the run. */
export type TextCommand =
  /**
   * Reads files of any kind that is known (sources/readers): decoded, or taken out of their format. Where the files come from a
   * folder, those of other kinds are left out with a note.
   */
  | { readonly type: 'readFiles'; readonly files: readonly ChosenFile[] }
  /** How a text is divided and cut under a configuration. `from`: the first document that is shown. */
  | {
      readonly type: 'previewText';
      readonly configuration: Configuration;
      readonly text: GivenText;
      readonly from?: number;
    };

/** What is taken out of a run and put back. */
export type RunCommand =
  /** Both adapters (or, trained whole, both models) in one zip. */
  | { readonly type: 'exportAdapters' }
  /** All that the run needs to go on elsewhere, with batches for so many updates. */
  | { readonly type: 'handOver'; readonly steps: number }
  /** Puts adapters, as exported or saved by PEFT, under the run that is open; they go on learning from there. */
  | { readonly type: 'importAdapters'; readonly files: readonly ChosenFile[] }
  /** The whole state of the run as one file. */
  | { readonly type: 'exportRun' }
  /**
   * The same into this browser's storage, as happens by itself about once a minute. `ifWorthIt`: only where that would be done
   * at a pause.
   */
  | { readonly type: 'saveRun'; readonly ifWorthIt?: true }
  | { readonly type: 'listSavedRuns' }
  /** A saved run, as it lies in the storage, as one file. */
  | { readonly type: 'exportSavedRun'; readonly id: string }
  | { readonly type: 'renameSavedRun'; readonly id: string; readonly name: string }
  /** Goes on with a saved run, from storage or from a file. */
  | { readonly type: 'resumeRun'; readonly id: string }
  | { readonly type: 'importRun'; readonly blob: Blob }
  | { readonly type: 'deleteSavedRun'; readonly id: string };

export type SearchCommand =
  /** Ranks all chunks of the corpus for a query; embeds them first when the retriever has learnt since. */
  | { readonly type: 'search'; readonly query: string; readonly limit: number }
  /** The chunks' embeddings by the retriever as it is, as a file for numpy or a table with the texts. */
  | { readonly type: 'exportEmbeddings'; readonly format: 'npy' | 'tsv' };

/** Looking inside the models as they are now, at the batch of any step so far. Training goes on the same to the bit. */
export type InspectCommand =
  /** How the tokens of one chunk read those of another. Chunks by their places in the step's batch; layers from 0, the last that reads neighbours unless given. */
  | {
      readonly type: 'inspectPair';
      readonly step: number | 'probe';
      readonly query: number;
      readonly context: number;
      readonly layer?: number;
    }
  /** Which neighbour the gain of each chunk comes from. */
  | { readonly type: 'attribute'; readonly step: number | 'probe' };

/**
 * Measuring retrievers on labelled queries. What needs the run's retriever is done between two steps, all else beside the run; the
 * numbers of training stay the same to the bit.
 */
export type EvaluationCommand =
  /** Reads a labelled collection, in the place of the one that is open; what was measured on that goes. */
  | { readonly type: 'openCollection'; readonly source: CollectionSource }
  | { readonly type: 'closeCollection' }
  /** Text of a built-in collection's field, without labels: to train on. */
  | { readonly type: 'trainingText'; readonly id: string }
  /** Measures a system on it, which is then a row of the table. */
  | { readonly type: 'evaluateSystem'; readonly system: SystemRequest }
  /** Rankings of other programs, as TREC has them: each file a row. */
  | { readonly type: 'importRankings'; readonly files: readonly ChosenFile[] }
  | { readonly type: 'forgetSystem'; readonly id: string }
  /** All rows, beside the one that they are compared with. The first one and nDCG@10, unless given. */
  | { readonly type: 'evaluationTable'; readonly reference?: string; readonly measure?: string }
  /** Queries by how much a system gains or loses against the reference. */
  | {
      readonly type: 'evaluationQueries';
      readonly system: string;
      readonly reference?: string;
      readonly measure?: string;
      readonly filter: QueryFilter;
      readonly from: number;
      readonly limit: number;
    }
  /** What some systems found for one query. */
  | {
      readonly type: 'rankedLists';
      readonly query: string;
      readonly systems: readonly string[];
      readonly limit: number;
    }
  | {
      readonly type: 'exportEvaluation';
      readonly file: EvaluationFile;
      readonly reference?: string;
      readonly measure?: string;
    };

/**
 * Several runs at one budget, over seeds. They are made while no run trains, on the GPU that the run that is open rests on, which stays as
 * it is. `definition`: as the command line's file has it; `text`, `title`: the reader's own text, where the settings read that.
 */
export type ComparisonCommand =
  /** How much it would be. Nothing runs. */
  | {
      readonly type: 'planComparison';
      readonly definition: unknown;
      readonly text?: GivenText;
      readonly title?: string;
    }
  /** Makes one; stopped, it is kept as far as it has come. */
  | { readonly type: 'compare'; readonly definition: unknown; readonly text?: GivenText; readonly title?: string }
  /** Goes on with one that was stopped, be it by a reload. */
  | { readonly type: 'resumeComparison'; readonly id: string }
  | { readonly type: 'comparisons' }
  /** One that is kept, as far as it has come. */
  | { readonly type: 'readComparison'; readonly id: string }
  | { readonly type: 'deleteComparison'; readonly id: string }
  /** Everything (json), every look (tsv), or the chart by `axis` (svg). */
  | {
      readonly type: 'exportComparison';
      readonly id: string;
      readonly format: 'json' | 'tsv' | 'svg';
      readonly axis?: Budget;
    };

/** Looking at the kernels and at what steps cost; the numbers of training stay the same to the bit. */
export type KernelCommand =
  /**
   * Opens the GPU and compiles what a run of the configuration would need, so that its first step need not wait for that. Nothing else is
   * done, and what is open stays as it is. Stopped, what was compiled is kept.
   */
  | { readonly type: 'warmUp'; readonly configuration: Configuration }
  /** Waits for the next step, whoever starts it, and tells what its kernels took. */
  | { readonly type: 'profileStep' }
  /** The WGSL of a kernel, as it is compiled. */
  | { readonly type: 'kernelSource'; readonly name: string }
  /**
   * What the GPU does at most, and what kernels and steps make of that; on a device of its own, which is given back. Stopped, it is
   * answered with what was measured until then. `host`: what the page runs in, for the report.
   */
  | { readonly type: 'measureDevice'; readonly host: string }
  /**
   * What steps of the configuration cost as these grow, for each method; on a device of its own, which is given back. Stopped, it is
   * answered with what was measured until then.
   */
  | {
      readonly type: 'measureScaling';
      readonly configuration: Configuration;
      readonly axes: readonly Axis[];
      readonly text?: GivenText;
      readonly title?: string;
    };

/** What the page asks of the lab. */
export type LabCommand =
  | SessionCommand
  | ModelCommand
  | EncoderCommand
  | TextCommand
  | RunCommand
  | SearchCommand
  | InspectCommand
  | EvaluationCommand
  | ComparisonCommand
  | KernelCommand;
export type CommandType = LabCommand['type'];
export type CommandOf<T extends CommandType> = Extract<LabCommand, { type: T }>;

/** What each command is answered with; one that goes wrong is rejected with a LabFailure instead. */
export interface Answers {
  readonly configure: CorpusSummary;
  readonly train: void;
  readonly pause: void;
  readonly step: void;
  readonly reset: void;
  readonly listModels: ModelsView;
  readonly describeModel: ModelOffer;
  readonly downloadModel: void;
  readonly deleteModel: void;
  /** The id it is listed by: not the name that was wished for, where that was taken. */
  readonly openFolder: { readonly id: string };
  readonly listEncoders: EncodersView;
  readonly describeEncoder: EncoderOffer;
  readonly openEncoder: EncoderView;
  readonly closeEncoder: void;
  readonly deleteEncoder: void;
  readonly plan: PlanView;
  readonly readFiles: GivenText;
  readonly previewText: TextPreview;
  readonly exportAdapters: LabFile;
  readonly handOver: LabFile;
  /** What was put under the run, in words. */
  readonly importAdapters: { readonly detail: string };
  readonly exportRun: LabFile;
  /** The step that it is saved at now. */
  readonly saveRun: { readonly step: number };
  readonly listSavedRuns: readonly SavedRunView[];
  readonly exportSavedRun: LabFile;
  readonly renameSavedRun: readonly SavedRunView[];
  readonly resumeRun: ResumedRun;
  readonly importRun: ResumedRun;
  /** Those that are left. */
  readonly deleteSavedRun: readonly SavedRunView[];
  readonly search: SearchResult;
  readonly exportEmbeddings: LabFile;
  readonly inspectPair: PairView;
  readonly attribute: AttributionView;
  readonly openCollection: CollectionView;
  readonly closeCollection: void;
  readonly trainingText: GivenText;
  /** The id of its row. */
  readonly evaluateSystem: { readonly id: string };
  readonly importRankings: { readonly ids: readonly string[] };
  readonly forgetSystem: void;
  readonly evaluationTable: EvaluationTable;
  readonly evaluationQueries: QueryPage;
  readonly rankedLists: RankedListsView;
  readonly exportEvaluation: LabFile;
  readonly planComparison: ComparisonPlan;
  readonly compare: ComparisonReport;
  readonly resumeComparison: ComparisonReport;
  /** The newest first. */
  readonly comparisons: readonly ComparisonEntry[];
  readonly readComparison: ComparisonReport;
  /** Those that are left. */
  readonly deleteComparison: readonly ComparisonEntry[];
  readonly exportComparison: LabFile;
  /** How many kernels it needs, each with its constants. */
  readonly warmUp: { readonly kernels: number };
  readonly profileStep: KernelsView;
  readonly kernelSource: { readonly code: string };
  readonly measureDevice: DeviceReport;
  readonly measureScaling: ScalingReport;
}

/** What some of them tell on their way. */
interface Reports {
  readonly downloadModel: DownloadView;
  readonly openFolder: DownloadView;
  readonly openEncoder: EncoderProgress;
  /** What is under way, and the share of it that is done. */
  readonly readFiles: TextProgress;
  readonly previewText: TextProgress;
  /** Share of the chunks that are embedded. */
  readonly search: number;
  readonly exportEmbeddings: number;
  /** Share of the passes that are done. */
  readonly attribute: number;
  readonly measureDevice: DeviceProgress;
  readonly measureScaling: ScalingProgress;
  readonly openCollection: EvaluationProgress;
  readonly evaluateSystem: EvaluationProgress;
  readonly importRankings: EvaluationProgress;
  readonly compare: ComparisonProgress;
  readonly resumeComparison: ComparisonProgress;
}
export type ProgressOf<T extends CommandType> = T extends keyof Reports ? Reports[T] : never;

/** How a request is followed and ended by who made it. */
export interface AskOptions<T extends CommandType> {
  /** Stops it, be it under way or still waiting for its turn: it is rejected with a failure of kind 'stopped'. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ProgressOf<T>) => void) | undefined;
}

/** Where commands are answered: the Lab itself, or the page's end of its worker. */
export interface Door {
  /** @throws LabFailure */
  ask<C extends LabCommand>(command: C, options?: AskOptions<C['type']>): Promise<Answers[C['type']]>;
}

export type LabState = 'idle' | 'preparing' | 'running' | 'paused' | 'failed';

/** What is so, for everybody who looks: no answer to any one command. */
export type LabEvent =
  | { readonly type: 'state'; readonly state: LabState; readonly detail: string; readonly progress?: number }
  | { readonly type: 'gpu'; readonly description: string; readonly software: boolean }
  /** What the run reads now. Another text has other chunks, and models made for it. */
  | { readonly type: 'corpus'; readonly summary: CorpusSummary }
  /** A run is open: its steps from now on are those of the run of this id, under which it is saved. */
  | { readonly type: 'opened'; readonly id: string }
  | { readonly type: 'step'; readonly record: StepRecord }
  | { readonly type: 'evaluation'; readonly evaluation: Evaluation }
  /** The batch that stays the same through the run, as the models see it now. */
  | { readonly type: 'probe'; readonly of: ScoredText; readonly batch: BatchView; readonly record: ProbeRecord }
  /** How good the retriever's rankings of the labelled collection that is open are now. */
  | ({ readonly type: 'collection' } & CollectionScored)
  /** The run stands at its beginning again. */
  | { readonly type: 'reset' }
  /** Another checkpoint is here, or one less. */
  | { readonly type: 'models'; readonly models: ModelsView }
  /** Another encoder is open or kept, or one less. */
  | { readonly type: 'encoders'; readonly encoders: EncodersView }
  /** The run was saved in this browser's storage, by itself or because somebody asked. */
  | { readonly type: 'saved'; readonly run: SavedRunView }
  /** It should have been saved by itself, and could not be; it goes on. */
  | { readonly type: 'notSaved'; readonly error: LabError }
  /** int8 weights: the largest relative error (RMS, per tensor) against the stored ones. */
  | { readonly type: 'quantised'; readonly worstError: number }
  /** The GPU is gone, or a bug has spoilt what lies on it: the next Train begins afresh. */
  | { readonly type: 'lost'; readonly error: LabError }
  /** Its worker has not answered for half a minute, or does so again. */
  | { readonly type: 'silent'; readonly isSilent: boolean };

/** What the page sends its worker; a request's id is its own as long as the worker lives. */
export type ToLab =
  | { readonly kind: 'ask'; readonly id: number; readonly command: LabCommand }
  /** Its signal was aborted. */
  | { readonly kind: 'stop'; readonly id: number }
  /** Whether the worker still answers. */
  | { readonly kind: 'beat' };

/** What the worker sends the page. */
export type FromLab =
  | { readonly kind: 'progress'; readonly id: number; readonly progress: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly error: LabError }
  | { readonly kind: 'event'; readonly event: LabEvent }
  | { readonly kind: 'beat' };
