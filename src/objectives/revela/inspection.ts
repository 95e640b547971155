import type { TokenBatch } from '../../corpus/types.ts';
import type { Observer } from '../../models/decoder.ts';
import { guarded } from '../../ops/core/guarded.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { V_NORM_EPSILON } from '../../ops/inBatchAttention.ts';
import type { Tensor } from '../../ops/core/tensor.ts';
import { pairAttention, type PairAttention } from './pairAttention.ts';
import { fixedGates, revela, type RevelaModels, type RevelaOptions } from './revela.ts';

/** A cell of the batch attention matrix, in one layer. */
export interface PairChoice {
  /** Index of the chunk that reads. */
  readonly query: number;
  /** Index of the chunk that is read. */
  readonly context: number;
  /** From 0; left out, the last layer that reads neighbours. */
  readonly layer?: number | undefined;
}

/** How chunk i reads chunk j in one layer of the in-batch pass, by tokens and heads. */
export interface PairInspection extends PairAttention {
  readonly query: number;
  readonly context: number;
  readonly layer: number;
  readonly heads: number;
  /** γ of every layer: 0 where neighbours are not read. */
  readonly gates: readonly number[];
  readonly vNorm: boolean;
  /** A_ij and S_ij. */
  readonly attention: number;
  readonly similarity: number;
  /** ‖γ A_ij O_ij / N_ij‖: what the neighbour adds: [H, L_i]. */
  readonly contributionNorms: Float32Array<ArrayBuffer>;
  /** ‖s_i‖: what it is added to: [H, L_i]. */
  readonly selfNorms: Float32Array<ArrayBuffer>;
}

/**
 * Runs a forward pass beside training, reads back queries of chunk i and keys and values of chunk j in one layer, and computes
 * their attention on the host in f64: exactly what the in-batch kernel reads (docs/METHOD.md, step 4). Nothing of the models,
 * their gradients or the optimiser is touched, and nothing stays on the GPU.
 * @throws Error for a pair or layer that is not there; the GPU's errors.
 */
export async function inspectPair(
  runtime: Runtime,
  models: RevelaModels,
  batch: TokenBatch,
  options: RevelaOptions,
  choice: PairChoice,
  fixedAttention?: Float32Array,
): Promise<PairInspection> {
  const { query, context: neighbour } = choice;
  const { config } = models.languageModel;
  const { heads, kvHeads, headDim } = config;
  const lengths = batch.lmIds.map((row) => row.length);
  const chunks = lengths.length;
  const { [query]: queryTokens, [neighbour]: contextTokens } = lengths;
  if (queryTokens === undefined || contextTokens === undefined || query === neighbour)
    throw new Error(`There is no pair of chunks ${query} and ${neighbour} in a batch of ${chunks}.`);
  // A learnt γ may be anything, 0 too, in the layers that have one.
  const fixed = fixedGates(config.layers, models.gates ? { ...options, contextGate: 1 } : options);
  const layer =
    choice.layer ??
    Math.max(
      0,
      fixed.findLastIndex((gate) => gate !== 0),
    );
  if (!Number.isInteger(layer) || layer < 0 || layer >= config.layers)
    throw new Error(`There is no layer ${layer}: the language model has ${config.layers}.`);

  return guarded(runtime, 'An inspection', async () => {
    const found = new Map<string, Promise<Float32Array<ArrayBuffer>>>();
    const keep =
      (wanted: Readonly<Record<string, number>>): Observer =>
      (name, tensor) => {
        const [kind = '', of] = name.split('.');
        const chunk = wanted[kind];
        if (chunk !== undefined && Number(of) === layer)
          found.set(kind, readRows(runtime, tensor, startOf(lengths, chunk), lengths[chunk] ?? 0));
      };
    const forward = await revela(runtime, undefined, models, batch, options, {
      fixedAttention,
      observePlain: keep({ keys: neighbour, values: neighbour }),
      observeInBatch: keep({ queries: query, selfAttention: query }),
    });
    const [attention, similarity] = [runtime.read(forward.attention), runtime.read(forward.similarity)];
    const learnt = models.gates && runtime.read(models.gates.tensor);
    await runtime.recorder.flush();
    const [q, s, k, v] = await Promise.all(
      ['queries', 'selfAttention', 'keys', 'values'].map((kind) => {
        const rows = found.get(kind);
        if (!rows) throw new Error(`Layer ${layer} has shown no ${kind}: this is a bug.`);
        return rows;
      }),
    );
    if (!q || !s || !k || !v) throw new Error('The pass was not read: this is a bug.');
    const gammas = await learnt;
    const gates = fixed.map((gate, l) => (gate === 0 ? 0 : (gammas?.[l] ?? gate)));
    const at = query * chunks + neighbour;
    const weight = (await attention)[at] ?? 0;
    const pair = pairAttention(q, k, v, { heads, kvHeads, headDim });
    const factor = Math.abs((gates[layer] ?? 0) * weight);
    return {
      query,
      context: neighbour,
      layer,
      heads,
      gates,
      vNorm: options.vNorm,
      attention: weight,
      similarity: (await similarity)[at] ?? 0,
      ...pair,
      contributionNorms: pair.outputNorms.map(
        (norm, i) => (factor * norm) / (options.vNorm ? (pair.valueNorms[i] ?? 0) + V_NORM_EPSILON : 1),
      ),
      selfNorms: headNorms(s, heads, headDim),
    };
  });
}

function startOf(lengths: readonly number[], chunk: number): number {
  return lengths.slice(0, chunk).reduce((sum, length) => sum + length, 0);
}

/** Rows `first` … `first + count − 1` of an f32 tensor, after the next flush. */
function readRows(runtime: Runtime, tensor: Tensor, first: number, count: number): Promise<Float32Array<ArrayBuffer>> {
  const rowBytes = 4 * tensor.columns;
  const { buffer, offset } = tensor.slice;
  const numbers = runtime.recorder
    .read({ buffer, offset: offset + first * rowBytes, size: count * rowBytes })
    .then((bytes) => new Float32Array(bytes));
  // An abandoned pass rejects its reads, and nobody may be waiting for them any more.
  numbers.catch(() => undefined);
  return numbers;
}

/** ‖x[t, h]‖ of x [L, H, headDim]: [H, L]. */
function headNorms(x: Float32Array, heads: number, headDim: number): Float32Array<ArrayBuffer> {
  const tokens = x.length / (heads * headDim);
  const norms = new Float32Array(heads * tokens);
  for (let t = 0; t < tokens; t++)
    for (let h = 0; h < heads; h++) {
      const from = (t * heads + h) * headDim;
      norms[h * tokens + t] = Math.hypot(...x.subarray(from, from + headDim));
    }
  return norms;
}
