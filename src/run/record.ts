import type { Configuration } from '../settings/configuration.ts';

/** A chunk as the page shows it. */
export interface ChunkView {
  readonly text: string;
  /** Label of its document: equal labels are partners. In a batch, labels count from 0 in order of appearance. */
  readonly document: number;
  readonly documentTitle: string;
  /** The language model's tokens, as text; joined they give the chunk as the model saw it. */
  readonly tokens: readonly string[];
  /** Which sentence it was told in, where a corpus knows: equal numbers are one template. */
  readonly wording?: number;
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

/** Numbers that a step has whatever is trained for; losses in nats, before the update of that step. */
export interface TrainerMetrics {
  /** Updates made so far, from 1: the metrics are those of the batch that made this update. */
  readonly step: number;
  /** What is differentiated. */
  readonly loss: number;
  readonly gradientNorm: number;
  readonly retrieverGradientNorm: number;
  readonly languageModelGradientNorm: number;
  readonly learningRate: number;
  readonly stepMs: number;
  readonly tokensPerSecond: number;
  /** Operations by the ops' own counts; records of earlier versions do not say. */
  readonly flops?: number;
  readonly memory: MemoryView;
}

/**
 * All numbers of one training step: those above, and beside them the objective's own, by the keys of its table; undefined where a
 * batch has none.
 */
export type StepMetrics = TrainerMetrics & { readonly [metric: string]: number | MemoryView | undefined };

/**
 * A step with the pictures that belong to it, by the keys of the objective's table: matrices row-major [B, B] with query chunks as
 * rows, and a number per token (from the second on) of each chunk.
 */
export type StepRecord = { readonly metrics: StepMetrics; readonly batch: BatchView } & {
  readonly [view: string]: StepMetrics | BatchView | Matrix | TokenRows | undefined;
};

type Matrix = readonly number[];
type TokenRows = readonly (readonly number[])[];

/** Numbers of the probe after `step` updates (0: untrained), by the keys of the objective's table. */
export type ProbeMetrics = { readonly step: number } & { readonly [metric: string]: number | undefined };

/**
 * The probe as the models saw it after `metrics.step` updates, whereas a step shows its batch with the weights before its own:
 * matrices and numbers of tokens by the keys of the objective's table, as in a step.
 */
export type ProbeRecord = { readonly metrics: ProbeMetrics } & {
  readonly [view: string]: ProbeMetrics | Matrix | TokenRows | undefined;
};

/** One batch that stays the same through a run, and what was seen of it, in the order of steps. */
export interface Probe {
  readonly of: ScoredText;
  readonly batch: BatchView;
  readonly records: readonly ProbeRecord[];
}

/** A probe record with the batch that it is of. */
export type ProbePicture = { readonly metrics: ProbeMetrics; readonly batch: BatchView } & {
  readonly [view: string]: ProbeMetrics | BatchView | Matrix | TokenRows | undefined;
};

/** What a picture is drawn from: a step's own batch, or the probe at a step. */
export type Picture = StepRecord | ProbePicture;

export function probePicture({ batch }: Pick<Probe, 'batch'>, record: ProbeRecord): ProbePicture {
  return { ...record, batch };
}

/** What the batches of an evaluation were: of documents that training never sees, or, where a text is too short for that, its own. */
export type ScoredText = 'heldOut' | 'training';

/**
 * What several rankings find on the same batches, chunk by chunk: a letter for each chunk that asks and has a partner, in the
 * order in which they first ask. It says how often the first chunk found was of the same document, in twelfths: '0' never, 'c'
 * always. (A chunk may ask in several batches, and share a first place.)
 */
export interface Findings {
  readonly retriever: string;
  /** The same retriever before its first step; undefined where that was never measured. */
  readonly untrained?: string | undefined;
  readonly tfidf: string;
  readonly bm25: string;
}

/** Scores by the keys of the objective's table, and what they are of. Records of earlier versions have the numbers alone. */
export type Evaluation = {
  readonly step: number;
  readonly of?: ScoredText | undefined;
  readonly findings?: Findings | undefined;
} & { readonly [metric: string]: number | ScoredText | Findings | undefined };

/** A score of an evaluation; undefined where it has none. */
export function scoreOf(evaluation: Evaluation | undefined, key: string): number | undefined {
  const value = evaluation?.[key];
  return typeof value === 'number' ? value : undefined;
}

/** How the notice of a text begins that is too short for anything to be held out of training. */
export const NOTHING_HELD_OUT = 'The text has too few documents to keep some out of training';

/**
 * The evaluations of a record, with what those of earlier versions do not say themselves: the notice of their text tells whether
 * anything was held out, and the evaluation before the first step what the untrained retriever found.
 */
export function completed({ evaluations, corpus }: Pick<RunRecord, 'evaluations' | 'corpus'>): Evaluation[] {
  const of = corpus.notices.some((notice) => notice.startsWith(NOTHING_HELD_OUT)) ? 'training' : 'heldOut';
  const untrainedRecallAt1 = scoreOf(
    evaluations.find(({ step }) => step === 0),
    'recallAt1',
  );
  return evaluations.map((one) => ({ of, untrainedRecallAt1, ...defined(one) }));
}

function defined(evaluation: Evaluation): Evaluation {
  return Object.fromEntries(Object.entries(evaluation).filter(([, value]) => value !== undefined)) as Evaluation;
}

/** A metric of a step or of the probe; NaN where it has none. */
export function metricOf(metrics: StepMetrics | ProbeMetrics, key: string): number {
  const value = metrics[key];
  return typeof value === 'number' ? value : NaN;
}

/** A matrix of a picture, row-major [B, B]; empty where it has none of that name. */
export function matrixOf(record: Picture | ProbeRecord, key: string): readonly number[] {
  return (record[key] as Matrix | undefined) ?? [];
}

/** A number per predicted token of each chunk; empty where a picture has none of that name. */
export function tokenRowsOf(record: Picture | ProbeRecord, key: string): readonly (readonly number[])[] {
  return (record[key] as TokenRows | undefined) ?? [];
}

/** What the corpus turned out to be. */
export interface CorpusSummary {
  readonly title: string;
  /** Undefined for an endless stream. */
  readonly documents: number | undefined;
  readonly chunks: number | undefined;
  /** Chunks that have another one of their document to find; undefined where that is not known. */
  readonly partnered?: number;
  readonly vocabulary: number;
  /** Things worth knowing that stop nothing ("one document only: recall cannot be measured"). */
  readonly notices: readonly string[];
  /** Texts to search with whose answers are among the chunks, where a corpus knows some that are no copies of them. */
  readonly queries?: readonly string[];
  /** The first chunks, for the list on the page. */
  readonly preview: readonly ChunkView[];
}

/** How good the retriever's rankings of a labelled collection were after `step` updates. */
export interface CollectionScores {
  readonly step: number;
  /** Means over the collection's queries, by the measures' names: `ndcg@10`. */
  readonly means: CollectionMeans;
}

export type CollectionMeans = Readonly<Record<string, number>>;

/** A labelled collection that a run was scored on while it trained, in the order of steps. */
export interface CollectionCurve {
  readonly title: string;
  readonly documents: number;
  /** Those with a relevant document. */
  readonly queries: number;
  /** Other systems on the same queries, by their names: `bm25`. */
  readonly beside: Readonly<Record<string, CollectionMeans>>;
  readonly scores: readonly CollectionScores[];
}

/** A matrix product that was measured, with names of layouts, formats and tiles as ops/core/tileChoice.ts has them. */
export interface ProductRecord {
  readonly layout: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly dtype: string;
  /** What its operands are rounded to. Absent: f32. */
  readonly precision?: string;
  /** The tile that is taken, and the one that would be otherwise. */
  readonly tile: string;
  readonly byRule: string;
  /** ms a product, by the names of tiles. */
  readonly times: Readonly<Record<string, number>>;
}

/** What was measured of a device's tiles; `device` names all that it holds for. */
export interface TileRecord {
  readonly device: string;
  readonly measured: readonly ProductRecord[];
  /** Workgroups that keep it busy; absent where that was not measured. */
  readonly workgroups?: number | undefined;
}

/** A whole run as a plain object: saved, shared, replayed and compared as it is. */
export interface RunRecord {
  readonly version: 1;
  readonly name: string;
  readonly configuration: Configuration;
  readonly corpus: CorpusSummary;
  readonly adapter: string;
  /** Tiles of matrix products that were measured there; absent where the rule alone decided. */
  readonly tiles?: TileRecord;
  /** Metrics of every step. */
  readonly metrics: readonly StepMetrics[];
  /** Pictures of chosen steps. */
  readonly snapshots: readonly StepRecord[];
  readonly evaluations: readonly Evaluation[];
  /** Absent in records of earlier versions. */
  readonly probe?: Probe;
  /** Only where the run was scored on a labelled collection. */
  readonly collection?: CollectionCurve;
}
