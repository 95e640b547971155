import type { Configuration } from '../settings/configuration.ts';

/** A chunk as the page shows it. */
export interface ChunkView {
  readonly text: string;
  /** Label of its document: equal labels are partners. In a batch, labels count from 0 in order of appearance. */
  readonly document: number;
  readonly documentTitle: string;
  /** The language model's tokens, as text; joined they give the chunk as the model saw it. */
  readonly tokens: readonly string[];
}

/** The batch of one step. */
export interface BatchView {
  readonly chunks: readonly ChunkView[];
}

/** GPU memory in bytes, by purpose, and the pool's total with what it keeps for reuse. */
export interface MemoryView {
  readonly weights: number;
  readonly gradients: number;
  readonly optimiser: number;
  readonly activations: number;
  readonly scratch: number;
  /** Highest of each during the step sum up to this at most. */
  readonly peak: number;
  readonly total: number;
}

/** All numbers of one training step; losses in nats per token, before the update of that step. */
export interface StepMetrics {
  /** Updates made so far, from 1: the metrics are those of the batch that made this update. */
  readonly step: number;
  /** What is differentiated: ntpLoss, plus isolatedLoss with dual loss. */
  readonly loss: number;
  /** Next-token loss with context. */
  readonly ntpLoss: number;
  /** Next-token loss of the same chunks alone. */
  readonly isolatedLoss: number;
  /** Share of rows whose highest S_ij (j ≠ i) has the same label; undefined when no row has a partner. */
  readonly recallAt1: number | undefined;
  /** Recall that guessing gives on this batch. */
  readonly chance: number | undefined;
  /** Mean over rows of exp(entropy of A_i): how many neighbours a chunk effectively reads. */
  readonly effectiveDocuments: number;
  readonly gradientNorm: number;
  readonly retrieverGradientNorm: number;
  readonly languageModelGradientNorm: number;
  readonly learningRate: number;
  readonly stepMs: number;
  readonly tokensPerSecond: number;
  readonly memory: MemoryView;
}

/** A step with the pictures that belong to it. */
export interface StepRecord {
  readonly metrics: StepMetrics;
  readonly batch: BatchView;
  /** S and A, row-major [B, B]; rows are query chunks. */
  readonly similarity: readonly number[];
  readonly attention: readonly number[];
  /** Loss per predicted token (token 1 onwards) of each chunk, with context and alone. */
  readonly tokenLoss: readonly (readonly number[])[];
  readonly isolatedTokenLoss: readonly (readonly number[])[];
}

/** Scores on batches that training never sees. */
export interface Evaluation {
  readonly step: number;
  readonly recallAt1: number | undefined;
  readonly chance: number | undefined;
  /** Recall of a TF-IDF ranking on the same batches. */
  readonly tfidfRecallAt1: number | undefined;
  readonly ntpLoss: number;
  readonly isolatedLoss: number;
  readonly effectiveDocuments: number;
}

/** What the corpus turned out to be. */
export interface CorpusSummary {
  readonly title: string;
  /** Undefined for an endless stream. */
  readonly documents: number | undefined;
  readonly chunks: number | undefined;
  readonly vocabulary: number;
  /** Things worth knowing that stop nothing ("one document only: recall cannot be measured"). */
  readonly notices: readonly string[];
  /** The first chunks, for the list on the page. */
  readonly preview: readonly ChunkView[];
}

/** A whole run as a plain object: saved, shared, replayed and compared as it is. */
export interface RunRecord {
  readonly version: 1;
  readonly name: string;
  readonly configuration: Configuration;
  readonly corpus: CorpusSummary;
  readonly adapter: string;
  /** Metrics of every step. */
  readonly metrics: readonly StepMetrics[];
  /** Pictures of chosen steps. */
  readonly snapshots: readonly StepRecord[];
  readonly evaluations: readonly Evaluation[];
}
