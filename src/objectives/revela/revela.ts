import { batchAttention } from '../../ops/batchAttention.ts';
import type { Dropout } from '../../ops/core/dropout.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { Gate } from '../../ops/gate.ts';
import { lossSeed, type LossSeed } from '../../ops/linearCrossEntropy.ts';
import { makePairs, type PairList } from '../../ops/core/pairs.ts';
import type { Pooling } from '../../ops/pooling.ts';
import type { Rows } from '../../ops/core/rows.ts';
import type { Tape } from '../../ops/core/tape.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import type { TokenBatch } from '../../corpus/types.ts';
import type { Centre } from '../../models/centre.ts';
import type { Decoder, KeyValues, NeighbourReading, Observer, TokenRows } from '../../models/decoder.ts';
import { inPass, type DropoutPass } from '../../models/dropoutSites.ts';
import type { LayerGates } from '../../models/gates.ts';
import { prepareSimilarity, type BatchSimilarity } from '../batchSimilarity.ts';
import { predictedTokens, type LossMask, type PredictedTokens } from './predictedTokens.ts';

export interface RevelaOptions {
  /** τ of the batch attention. */
  readonly temperature: number;
  readonly vNorm: boolean;
  /** Adds the loss without context to what is differentiated. */
  readonly dualLoss: boolean;
  readonly pooling: Pooling;
  /** γ. The paper's value is 1. */
  readonly contextGate: number;
  /** Layers that read neighbours; undefined: all. */
  readonly contextLayers: readonly number[] | undefined;
  readonly lossMask: LossMask;
  /** No gradient into K_j and V_j. */
  readonly detachKeyValues: boolean;
  readonly checkpointing: boolean;
}

/** The two models. Either may be frozen (nothing in it requires a gradient); they may share one frozen base. */
export interface RevelaModels {
  readonly retriever: Decoder;
  readonly languageModel: Decoder;
  /** γ as parameters, in place of the option contextGate. Which layers read neighbours remains an option. */
  readonly gates?: LayerGates | undefined;
  /** What the retriever's pooled states are less by. */
  readonly centre?: Centre | undefined;
}

export interface RevelaForward {
  /** Pooled (and centred) hidden states before normalisation: queries, then passages: [2B, D]. */
  readonly embeddings: Tensor;
  /** S [B, B]. */
  readonly similarity: Tensor;
  /** A [B, B]. */
  readonly attention: Tensor;
  /** Mean next-token loss of the in-batch pass and of the plain pass: [1] each. */
  readonly ntpLoss: Tensor;
  readonly isolatedLoss: Tensor;
  /** Loss of each predicted token, row after row. */
  readonly ntpTokenLoss: Tensor;
  readonly isolatedTokenLoss: Tensor;
  /** How many tokens of each row are predicted. */
  readonly predictedPerRow: readonly number[];
  readonly pairs: PairList;
  /** The language model's rows, and what its second pass read: for further passes, in the scope of this one. */
  readonly input: TokenRows;
  readonly neighbours: NeighbourReading;
  /** What backward() starts from. */
  readonly roots: readonly { readonly tensor: Tensor; readonly gradient: Tensor }[];
}

export interface RevelaExtras {
  /** A control for A in place of the learned one: [B, B], rows sum to one. The retriever then gets no gradient. */
  readonly fixedAttention?: Float32Array | undefined;
  /** Factor on the loss (1 / micro-batches when gradients accumulate). */
  readonly lossWeight?: number;
  /** Gradients end at S, and at A where that is fixed (which otherwise gets none): the retriever gets none. */
  readonly endsAtSignals?: boolean | undefined;
  /** Of the adapters that learn. */
  readonly dropout?: Dropout | undefined;
  readonly observePlain?: Observer;
  readonly observeInBatch?: Observer;
}

/**
 * Forward pass of one Revela step (docs/METHOD.md, steps 1 to 5): similarities, batch attention, plain pass, in-batch pass, losses. Runs in
 * the caller's scope; with a tape, tape.backward(result.roots) then fills the gradients.
 * Waits for the GPU only when τ is so small that entries of A may underflow: which pairs are read must then be known first.
 */
export function revela(
  runtime: Runtime,
  tape: Tape | undefined,
  models: RevelaModels,
  batch: TokenBatch,
  options: RevelaOptions,
  extras: RevelaExtras = {},
): Promise<RevelaForward> {
  return recordRevela(runtime, tape, models, prepareRevela(runtime, models, batch, options, extras), options, extras);
}

/** A batch of Revela's, uploaded. */
export interface RevelaInput {
  /** Embeds and compares; records on the runtime's tape. */
  readonly compare: () => BatchSimilarity;
  /** [B, B]; undefined where A is the retriever's. */
  readonly fixedAttention: Tensor | undefined;
  readonly input: TokenRows;
  /** Undefined where they follow from A and are not known before it. */
  readonly pairs: PairList | undefined;
  readonly targets: PredictedTokens;
  /** The same as `targets`, on the GPU: u32 [R] each. */
  readonly positions: Tensor;
  readonly next: Tensor;
  readonly seed: LossSeed;
}

/** Uploads a batch. @throws Error for a fixed attention of another size. */
export function prepareRevela(
  runtime: Runtime,
  { retriever, languageModel, centre }: RevelaModels,
  batch: TokenBatch,
  options: RevelaOptions,
  { fixedAttention, lossWeight = 1, dropout }: Pick<RevelaExtras, 'fixedAttention' | 'lossWeight' | 'dropout'> = {},
): RevelaInput {
  const size = batch.lmIds.length;
  if (fixedAttention && fixedAttention.length !== size * size)
    throw new Error('The fixed attention does not fit the batch.');
  const input = languageModel.prepare(runtime, batch.lmIds);
  const targets = predictedTokens(batch.lmIds, input.rows, options.lossMask);
  return {
    compare: prepareSimilarity(runtime, retriever, batch, { ...options, centre, dropout }),
    fixedAttention: fixedAttention && runtime.input(fixedAttention, [size, size]),
    input,
    pairs: knownPairs(runtime, input.rows, options.temperature, fixedAttention),
    targets,
    positions: runtime.input(targets.positions, [targets.positions.length]),
    next: runtime.input(targets.next, [targets.next.length]),
    seed: lossSeed(runtime, lossWeight),
  };
}

/** Records the pass over a batch that prepareRevela() has uploaded with the same options and extras. */
export async function recordRevela(
  runtime: Runtime,
  tape: Tape | undefined,
  models: RevelaModels,
  { compare, fixedAttention, input, pairs: known, targets, positions, next, seed }: RevelaInput,
  options: RevelaOptions,
  extras: Omit<RevelaExtras, 'fixedAttention' | 'lossWeight'> = {},
): Promise<RevelaForward> {
  const { languageModel } = models;
  const { endsAtSignals = false, dropout } = extras;
  const withTape = <T>(wanted: boolean, body: () => T): T => runtime.withTape(wanted ? tape : undefined, body);

  const isLearned = fixedAttention === undefined;
  const { similarity: scores, embeddings } = withTape(isLearned && !endsAtSignals, compare);
  if (isLearned && endsAtSignals) scores.requiresGrad = true;
  const learned = withTape(isLearned, () => batchAttention(runtime, scores, options.temperature));
  const attention = fixedAttention ?? learned;
  if (!isLearned && endsAtSignals) attention.requiresGrad = true;
  const pairs = known ?? (await pairsOf(runtime, input.rows, attention));

  const loss = (hidden: Tensor, counts: boolean) =>
    withTape(counts, () => languageModel.nextTokenLoss(runtime, hidden, { positions, next }, { seed }));

  const passOptions = (pass: DropoutPass, observe: Observer | undefined) => ({
    checkpointing: options.checkpointing,
    dropout: inPass(dropout, pass),
    ...(observe ? { observe } : {}),
  });
  const gates = layerGates(models, options);
  const plain = withTape(true, () =>
    languageModel.forward(runtime, input, {
      ...passOptions('plain', extras.observePlain),
      keepKeyValues: (layer) => gates[layer] !== 0,
    }),
  );
  const isolated = loss(plain.hidden, options.dualLoss);
  const neighbours: NeighbourReading = {
    attention,
    pairs,
    keyValues: options.detachKeyValues ? plain.keyValues.map((kv) => kv && detached(runtime, kv)) : plain.keyValues,
    vNorm: options.vNorm,
    gates,
  };
  const inBatch = withTape(true, () =>
    languageModel.forward(runtime, input, { ...passOptions('inBatch', extras.observeInBatch), neighbours }),
  );
  const ntp = loss(inBatch.hidden, true);

  return {
    embeddings,
    similarity: scores,
    attention,
    ntpLoss: ntp.loss,
    isolatedLoss: isolated.loss,
    ntpTokenLoss: ntp.tokenLoss,
    isolatedTokenLoss: isolated.tokenLoss,
    predictedPerRow: targets.perRow,
    pairs,
    input,
    neighbours,
    roots: [ntp.loss, ...(options.dualLoss ? [isolated.loss] : [])].map((tensor) => ({
      tensor,
      gradient: seed.gradient,
    })),
  };
}

/** ln of the smallest normal f32: below it A is exactly 0. */
const LOG_SMALLEST = -87.3;

/** Which pairs are read, where that is known before A is. */
function knownPairs(
  runtime: Runtime,
  rows: Rows,
  temperature: number,
  fixed: Float32Array | undefined,
): PairList | undefined {
  if (fixed) return makePairs(runtime, rows, fixed);
  // A dry run knows no A: it takes the most that may come.
  if (runtime.gpu.dry) return makePairs(runtime, rows);
  // Cosines differ by 2 at most, so A_ij ≥ exp(−2/τ)/(B−1): above the underflow every pair is read, whatever S is.
  const areAllRead = -2 / temperature - Math.log(Math.max(1, rows.count - 1)) > LOG_SMALLEST;
  return areAllRead ? makePairs(runtime, rows) : undefined;
}

async function pairsOf(runtime: Runtime, rows: Rows, attention: Tensor): Promise<PairList> {
  const values = runtime.read(attention);
  await runtime.recorder.flush();
  return makePairs(runtime, rows, await values);
}

function detached(runtime: Runtime, { keys, values }: KeyValues): KeyValues {
  return { keys: runtime.own(keys.detach()), values: runtime.own(values.detach()) };
}

/** γ of each layer as the options fix it (or as it begins, where it is learnt): 0 where neighbours are not read. */
export function fixedGates(
  layers: number,
  { contextGate, contextLayers }: Pick<RevelaOptions, 'contextGate' | 'contextLayers'>,
): number[] {
  return Array.from({ length: layers }, (_, layer) =>
    !contextLayers || contextLayers.includes(layer) ? contextGate : 0,
  );
}

function layerGates({ languageModel, gates }: RevelaModels, options: RevelaOptions): Gate[] {
  const { layers } = languageModel.config;
  if (!gates) return fixedGates(layers, options);
  return Array.from({ length: layers }, (_, layer) =>
    !options.contextLayers || options.contextLayers.includes(layer) ? gates.gate(layer) : 0,
  );
}
