import type { GivenText } from '../../corpus/given.ts';
import type { DownloadState } from '../../files/hub/progress.ts';
import type { Attribution } from '../../objectives/revela/attribution.ts';
import type { PairInspection } from '../../objectives/revela/inspection.ts';
import type { MeasuredProduct } from '../../ops/core/tileChoice.ts';
import type { BatchView, CorpusSummary, RunRecord } from '../../run/record.ts';
import type { Configuration } from '../../settings/configuration.ts';

export type { GivenFile, GivenText, Split } from '../../corpus/given.ts';
export type { Unit } from '../../corpus/sources/division/units.ts';
export type { DocumentPreview, TextPreview } from '../../run/textPreview.ts';

/** How far a text is read, or cut. */
export interface TextProgress {
  readonly detail: string;
  /** 0 to 1. */
  readonly fraction: number;
}

/** How far a run is with being handed over: what is under way, and the share of it that is done. */
export type HandoverProgress = TextProgress;

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

/** Which checkpoints are here, and how much room there is for more. */
export interface ModelsView {
  readonly models: readonly ModelView[];
  readonly storage: StorageView;
}

/** What a repository of the hub holds, before anything is downloaded. */
export interface ModelOffer {
  readonly id: string;
  readonly revision: string;
  readonly bytes: number;
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** For people: "24 layers of width 896, 494 million parameters"; undefined where one of `packed` is to be chosen first. */
  readonly shape: string | undefined;
  /** GGUF files of the repository, each a model by itself, the smallest first: `id` is what it is looked up by. */
  readonly packed: readonly { readonly id: string; readonly name: string; readonly bytes: number }[];
  /** What its config.json contradicts itself in, and what was made of that. */
  readonly notices: readonly string[];
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

/** A file for the reader to keep. */
export interface LabFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A saved run that stands where it was left: what it was made with, and its steps so far as a record. */
export interface ResumedRun {
  /** The run goes on under the id that it was saved under; one from a file has a new one, and so has a copy. */
  readonly id: string;
  /** Another tab has that run open, so that a copy of it goes on here. */
  readonly isCopy: boolean;
  /** What of its settings this device does not do, and how it goes on all the same, in words for people. */
  readonly without: string | undefined;
  readonly configuration: Configuration;
  readonly text: GivenText | undefined;
  readonly title: string | undefined;
  /** Updates it has made. */
  readonly step: number;
  readonly run: RunRecord | undefined;
  readonly corpus: CorpusSummary;
}

/** The rankings that are set side by side: the retriever as trained, as it began, and two by shared words. */
export const SEARCH_SIDES = ['after', 'before', 'bm25', 'tfidf'] as const;
export type SearchSide = (typeof SEARCH_SIDES)[number];

/** A chunk in one of the rankings. */
export interface SearchHit {
  /** Index of the chunk in the corpus. */
  readonly chunk: number;
  readonly text: string;
  readonly document: number;
  readonly documentTitle: string;
  /** Cosine for the retrievers and TF-IDF; BM25's own scale otherwise. */
  readonly score: number;
  /** Its place in each ranking, from 1; undefined where that goes by words and finds none of the query in it. */
  readonly ranks: Readonly<Record<SearchSide, number | undefined>>;
}

/** Where the first chunk of a document stands in each ranking, from 1; undefined where none of its chunks does. */
export interface DocumentStanding {
  readonly document: number;
  readonly title: string;
  readonly first: Readonly<Record<SearchSide, number | undefined>>;
}

export interface SearchResult {
  readonly query: string;
  /** Step of the retriever that the chunks were embedded with. */
  readonly step: number;
  /** Chunks searched. */
  readonly chunks: number;
  /** The best of each ranking, best first; equal scores in the corpus's order. */
  readonly hits: Readonly<Record<SearchSide, readonly SearchHit[]>>;
  /** The documents of these hits, and the one that is asked for. */
  readonly documents: readonly DocumentStanding[];
  /** The document that holds the query word for word, or is called so; undefined where none does, or several do. */
  readonly asked: number | undefined;
}

/** What an inspection was made of. */
export interface InspectedBatch {
  /** The step whose batch was looked at; 'probe': the one that stays the same. */
  readonly step: number | 'probe';
  /** Updates made by then: the weights are those after so many. */
  readonly updates: number;
  readonly batch: BatchView;
}

/** How one chunk reads another; [H, L_i, L_j] and [H, L_i] lie row-major, tokens as in the batch. */
export interface PairView extends InspectedBatch, PairInspection {}

/** Which neighbour each chunk's gain comes from. */
export interface AttributionView extends InspectedBatch, Attribution {}

/** One kernel over a step. */
export interface KernelRow {
  readonly kernel: string;
  /** Launches; a long one may have been split. */
  readonly calls: number;
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
}

/** Which tiles matrix products take here. */
export interface TilesView {
  /** Names of those that there are to choose from. */
  readonly tiles: readonly string[];
  /** Products that were measured, and what each of their class takes since; all others go by rule. */
  readonly measured: readonly MeasuredProduct[];
  /** Where that is from: measured in this visit, kept from one before, or known of such devices. */
  readonly from: 'rule' | 'known' | 'kept' | 'measured';
  /** Classes of products of the run that could not be measured: in the time for it, or in memory. */
  readonly left: number;
  /** Whether times are by the GPU's own clock. */
  readonly byClock: boolean;
  /** Workgroups that keep this device busy, by which the rule goes; undefined where that was not measured. */
  readonly workgroups: number | undefined;
  /** Whether the rule decides all the same, as somebody chose. */
  readonly isByRule: boolean;
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
