import type { GivenText } from '../../corpus/given.ts';
import type { Axis } from '../../run/scaling/report.ts';
import type { Configuration } from '../../settings/configuration.ts';
import type { ChosenFile } from './chosenFile.ts';
import type { Budget } from './comparisonViews.ts';
import type { EncoderPoolingView, EncoderSource } from './encoderViews.ts';
import type { CollectionSource, EvaluationFile, QueryFilter, SystemRequest } from './evaluationViews.ts';

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
  /**
   * Measures which tiles of matrix products are fastest for a run of the configuration, as far as that is not known, while nothing else is
   * done on the GPU; `anew`: all of them, at more leisure. Answered once that is done or out of time. Results are the same to the bit.
   */
  | { readonly type: 'tuneTiles'; readonly configuration: Configuration; readonly anew?: true }
  /** What is known of that. */
  | { readonly type: 'listTiles' }
  /** Whether the rule is to decide whatever was measured, and nothing is to be measured unasked: from now on, and at other visits. */
  | { readonly type: 'chooseTiles'; readonly byRule: boolean }
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
   * Whether 16-bit products and sums within subgroups pay for a run of the configuration, and how far results move; on a device of its own,
   * which is given back. Stopped, it is answered with what was measured until then.
   */
  | {
      readonly type: 'measurePrecision';
      readonly configuration: Configuration;
      readonly text?: GivenText;
      readonly title?: string;
    }
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
