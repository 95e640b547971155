import type { Batch, Chunk, ContentSpan, RetrieverRows } from '../corpus/types.ts';
import type { TextTokenizer } from '../corpus/tokenizer/tokenizer.ts';
import type { Random } from '../corpus/random.ts';
import type { Centre } from '../models/centre.ts';
import type { Decoder } from '../models/decoder.ts';
import type { LayerGates } from '../models/gates.ts';
import type { Dropout } from '../ops/core/dropout.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Tape } from '../ops/core/tape.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import type { Configuration } from '../settings/configuration.ts';
import type { ObjectiveTable } from './table.ts';

/** The models of a run. Any may be frozen (nothing in it requires a gradient); two may share one frozen base. */
export interface ObjectiveModels {
  readonly retriever: Decoder;
  /** Undefined where the objective needs none: then none is loaded. */
  readonly languageModel: Decoder | undefined;
  /** γ of each layer, where it is learnt. */
  readonly gates?: LayerGates | undefined;
  /** What the retriever's pooled states are less by; undefined: nothing. */
  readonly centre?: Centre | undefined;
}

/** Which of the two models learn. */
export interface Learners {
  readonly retriever: boolean;
  readonly languageModel: boolean;
}

/** A batch as an objective takes it. What else it holds is the objective's own. */
export interface ObjectiveBatch {
  /** Equal labels belong together: [B]. */
  readonly labels: readonly number[];
}

/** A scalar that is differentiated, with the gradient that is sent into it: its weight in the sum, as a [1] tensor. */
export interface Root {
  readonly tensor: Tensor;
  readonly gradient: Tensor;
}

/** A batch whose numbers are on their way to the GPU: nothing is computed yet. */
export interface PreparedPass {
  /** Tokens that go through the models that learn text or are trained: the language model's, else the retriever's. */
  readonly tokens: number;
  /**
   * Records the pass in the caller's scope. With a tape, tape.backward(roots) then fills the gradients; without one the pass is an
   * evaluation. What it records follows from the objective, from the options and from what was uploaded, runtime.input() apart. What it
   * should upload itself makes the pass one that is recorded anew for every batch.
   */
  record(tape: Tape | undefined): Promise<ObjectiveForward>;
  /** Makes numbers and pictures of what was read, gradients as they arrived. */
  observe(read: Readonly<Record<string, Float32Array<ArrayBuffer>>>): Observation;
}

/** What an objective recorded for a batch. */
export interface ObjectiveForward {
  /** What backward() starts from; several are a weighted sum. Empty where there is nothing to learn from. */
  readonly roots: readonly Root[];
  /** Small tensors that are read back with the step, by name. */
  readonly reads: Readonly<Record<string, Tensor>>;
  /** Small tensors whose gradients are read back with them, by the name that the gradient has; those that get none are left out. */
  readonly signals: Readonly<Record<string, Tensor>>;
}

/** Numbers and pictures of one batch, as the objective's table names them. */
export interface Observation {
  /** What is differentiated, all weights but that of accumulation included. */
  readonly loss: number;
  /** By the table's keys; undefined where this batch has no such number. */
  readonly metrics: Readonly<Record<string, number | undefined>>;
  /** Row-major [B, B]; the gradients of the signals among them, of the loss without weights. */
  readonly matrices: Readonly<Record<string, Float32Array>>;
  /** A number per token of each row. */
  readonly tokenRows: Readonly<Record<string, readonly Float32Array[]>>;
}

export interface ForwardOptions {
  /** Factor on all roots: 1 / batches per update when gradients accumulate. */
  readonly lossWeight: number;
  /**
   * Gradients end at the signals: what they are made of gets none through them. Where nothing else wants a gradient either, the
   * backward pass is that of looking.
   */
  readonly endsAtSignals?: boolean;
  /** Of the adapters that learn, in every pass that a gradient goes back through. Default: nothing is dropped, as wherever one only looks. */
  readonly dropout?: Dropout | undefined;
}

/** What is trained for: bound to the models of a run. */
export interface Objective<B extends ObjectiveBatch = ObjectiveBatch> {
  /** Uploads, in the caller's scope, what a pass over a batch needs of it. */
  prepare(runtime: Runtime, batch: B, options: ForwardOptions): PreparedPass;
}

/** A chunk of another document that a batch is to be told apart from. */
export interface HardNegative {
  readonly text: string;
  /** Rows of the batch whose document it is of all the same: to them it is no wrong answer. */
  readonly partners: readonly number[];
}

/** What an objective may make its batches from. */
export interface BatchTools {
  readonly configuration: Configuration;
  readonly retrieverTokenizer: TextTokenizer;
  readonly tokenizer: TextTokenizer;
  /** Drawn from the run's seed and the batch's name: the same at every call. */
  readonly random: Random;
  /** BM25 of each text for each other, word rarity from the whole corpus: row-major [B, B]. */
  readonly lexicalScores: (texts: readonly string[]) => ArrayLike<number>;
  /** Cosines of chunks with each other as the run's teacher has them, [B, B]; undefined where the run has no teacher that embeds. */
  readonly teacherCosines?: ((chunks: readonly Chunk[]) => ArrayLike<number>) | undefined;
  /** Hard negatives of the batch; none where the run has none, and in batches for scores. */
  readonly hardNegatives: readonly HardNegative[];
  /** Whether it is a batch for scores, not one to train on. */
  readonly isScored: boolean;
}

/** The largest batch that a configuration allows, for planning: every row full. */
export interface FullBatch {
  /** B. */
  readonly chunks: number;
  /** Tokens of the longest chunk, without prefix and EOS. */
  readonly tokens: number;
  readonly configuration: Configuration;
  /** Vocabularies: ids are below them. */
  readonly retrieverVocabulary: number;
  readonly languageModelVocabulary: number;
}

/** Rows of `length` tokens with as many different ids as there may be, for a full batch. */
export function fullRows(rows: number, length: number, vocabulary: number): number[][] {
  return Array.from({ length: rows }, (_, row) => Array.from({ length }, (__, t) => (row * length + t) % vocabulary));
}

/** The content of such rows: all of them but the end token. */
export function fullContent(rows: number, length: number): ContentSpan[] {
  return Array.from({ length: rows }, () => [0, Math.max(1, length - 1)] as const);
}

/** A batch that was looked at for scores. */
export interface Evaluated<B extends ObjectiveBatch> extends Observation {
  readonly batch: B;
}

/** All that the rest of the house knows of an objective. */
export interface ObjectiveDefinition<B extends ObjectiveBatch = ObjectiveBatch> {
  readonly table: ObjectiveTable;
  /** Where it does not, no language model is built, loaded or planned for. */
  readonly needsLanguageModel: boolean;
  learners(configuration: Configuration): Learners;
  /** Whether an encoder is its teacher: then vectors of all chunks are made before the first step. */
  readsTeacherVectors?(configuration: Configuration): boolean;
  /** @throws CorpusError for a batch that it cannot learn from. */
  batch(source: Batch, tools: BatchTools): B;
  fullBatch(shape: FullBatch): B;
  /** Binds it to models. @throws Error where a model that it needs is missing. */
  bind(models: ObjectiveModels, configuration: Configuration): Objective<B>;
  /**
   * Its own scores over the batches of an evaluation, by the table's keys. What the retriever finds is judged alike for all
   * objectives (run/evaluation.ts).
   */
  scores(batches: readonly Evaluated<B>[]): Readonly<Record<string, number>>;
  /**
   * Numbers of the batch that stays the same, beyond those of every batch, by the table's keys. `wordings`: in which sentence each
   * chunk was told, where that is known.
   */
  probed(seen: Evaluated<B>, wordings: readonly (number | undefined)[]): Readonly<Record<string, number | undefined>>;
  /** S [B, B] of such a batch as it is searched, and the rows that it is of. */
  searched(batch: Evaluated<B>): ArrayLike<number>;
  searchRows(batch: B): RetrieverRows;
}
