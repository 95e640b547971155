import type { GivenText } from '../../corpus/given.ts';
import type { DeviceProgress, DeviceReport } from '../../run/deviceBench/report.ts';
import type { BatchView, CorpusSummary, Evaluation, ProbeRecord, ScoredText, StepRecord } from '../../run/record.ts';
import type { CollectionScored } from '../../run/runLog.ts';
import type { SavedRunView } from '../../run/savedRuns.ts';
import type { PrecisionProgress, PrecisionReport } from '../../run/precision/report.ts';
import type { ScalingProgress } from '../../run/scaling/measure.ts';
import type { ScalingReport } from '../../run/scaling/report.ts';
import type { ComparisonEntry, ComparisonPlan, ComparisonProgress, ComparisonReport } from './comparisonViews.ts';
import type { EncoderOffer, EncoderProgress, EncodersView, EncoderView } from './encoderViews.ts';
import type {
  CollectionView,
  EvaluationProgress,
  EvaluationTable,
  QueryPage,
  RankedListsView,
} from './evaluationViews.ts';
import type { LabError } from './labError.ts';
import type {
  AttributionView,
  DownloadView,
  HandoverProgress,
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
  TilesView,
} from './views.ts';
import type { LabCommand, CommandType } from './commands.ts';

export type { ChosenFile } from './chosenFile.ts';
export type * from './commands.ts';

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
  readonly tuneTiles: TilesView;
  readonly listTiles: TilesView;
  readonly chooseTiles: TilesView;
  readonly profileStep: KernelsView;
  readonly kernelSource: { readonly code: string };
  readonly measureDevice: DeviceReport;
  readonly measureScaling: ScalingReport;
  readonly measurePrecision: PrecisionReport;
}

/** What some of them tell on their way. */
interface Reports {
  readonly downloadModel: DownloadView;
  readonly openFolder: DownloadView;
  readonly openEncoder: EncoderProgress;
  /** What is under way, and the share of it that is done. */
  readonly readFiles: TextProgress;
  readonly previewText: TextProgress;
  readonly handOver: HandoverProgress;
  /** Share of the chunks that are embedded. */
  readonly search: number;
  readonly exportEmbeddings: number;
  /** Share of the passes that are done. */
  readonly attribute: number;
  readonly measureDevice: DeviceProgress;
  readonly measureScaling: ScalingProgress;
  readonly measurePrecision: PrecisionProgress;
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
  | {
      readonly type: 'gpu';
      readonly description: string;
      readonly software: boolean;
      /** Whether threads exchange numbers within subgroups there. */
      readonly hasSubgroups: boolean;
    }
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
  /** Matrix products take other tiles from now on; their results stay the same. */
  | { readonly type: 'tiles'; readonly tiles: TilesView }
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
