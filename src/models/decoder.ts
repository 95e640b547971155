import { causalAttention } from '../ops/causalAttention.ts';
import { USUAL_ARITHMETIC, type Arithmetic } from '../ops/core/arithmetic.ts';
import { recompute } from '../ops/core/recompute.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { embedding, makeTokenIndex, type TokenIndex } from '../ops/embedding.ts';
import type { Gate } from '../ops/gate.ts';
import { headNorm } from '../ops/headNorm.ts';
import { inBatchAttention } from '../ops/inBatchAttention.ts';
import { linear } from '../ops/linear.ts';
import {
  linearCrossEntropy,
  type LinearCrossEntropyOptions,
  type LinearCrossEntropyResult,
} from '../ops/linearCrossEntropy.ts';
import type { PairList } from '../ops/core/pairs.ts';
import { rmsNorm } from '../ops/rmsNorm.ts';
import { RotaryTables, ropeSplit, type RotaryTable } from '../ops/ropeSplit.ts';
import { makeRows, type Rows, type RowSpan } from '../ops/core/rows.ts';
import { gatedLinear } from '../ops/gatedLinear.ts';
import { swigluLinear } from '../ops/swigluLinear.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import type { DecoderConfig } from './config.ts';
import type { PassDropout } from './dropoutSites.ts';
import type { LoraAdapter } from './lora.ts';
import type { LayerNorm, MergedLinear } from './layout.ts';
import { rotaryAmplitude, rotaryFrequencies } from './rotaryFrequencies.ts';
import type { DecoderWeights } from './weights.ts';

/** A batch of token rows, uploaded for a decoder. */
export interface TokenRows {
  readonly rows: Rows;
  readonly index: TokenIndex;
  readonly rotary: RotaryTable;
  /** For layers without positions, where there are any: a turn by nothing. */
  readonly unturned: RotaryTable | undefined;
}

/** Keys (after rotation) and values of one layer: [T, G·hd] each. */
export interface KeyValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** What a second pass reads of its neighbours, layer by layer (docs/METHOD.md, step 4). */
export interface NeighbourReading {
  /** A: [B, B]. */
  readonly attention: Tensor;
  readonly pairs: PairList;
  /** Of each layer that reads, at least. */
  readonly keyValues: readonly (KeyValues | undefined)[];
  readonly vNorm: boolean;
  /** γ of each layer, fixed or learnt; a fixed 0 leaves the layer as it is. */
  readonly gates: readonly Gate[];
}

/** Sees intermediate tensors as they are made; they are valid during the call only (record a read there). */
export type Observer = (name: string, tensor: Tensor) => void;

export interface ForwardOptions {
  readonly neighbours?: NeighbourReading;
  /** Recompute each layer in the backward pass instead of keeping its intermediate tensors. */
  readonly checkpointing?: boolean;
  /** Layers whose keys and values are handed out. Default: none. */
  readonly keepKeyValues?: (layer: number) => boolean;
  /** Of the adapter, if it learns. Default: nothing is dropped. */
  readonly dropout?: PassDropout | undefined;
  readonly observe?: Observer;
}

export interface ForwardResult {
  /** Hidden states after the final norm, where the decoder has one: [T, D]. */
  readonly hidden: Tensor;
  /** By layer, where they were asked for. */
  readonly keyValues: readonly (KeyValues | undefined)[];
}

/**
 * A decoder of any family that families.ts lists: weights, shape, and an adapter over it where there is one. The weights may be those
 * of a deeper one, of which it runs the first layers.
 */
export class Decoder {
  readonly #rotary: RotaryTables;
  /** Of layers without positions, where there are any. */
  readonly #unturned: RotaryTables | undefined;

  constructor(
    readonly config: DecoderConfig,
    readonly weights: DecoderWeights,
    readonly adapter?: LoraAdapter,
    /** Of all that is computed with its weights, its output head too. */
    readonly arithmetic: Arithmetic = USUAL_ARITHMETIC,
  ) {
    const frequencies = rotaryFrequencies(config);
    this.#rotary = new RotaryTables(frequencies, rotaryAmplitude(config));
    if (config.nopeLayers.length > 0) this.#unturned = new RotaryTables(new Float64Array(frequencies.length));
  }

  /**
   * Uploads rows of token ids, and where their content stands if that is pooled.
   * @throws Error for an empty row or an id beyond the vocabulary.
   */
  prepare(runtime: Runtime, ids: readonly (readonly number[])[], content?: readonly RowSpan[]): TokenRows {
    const rows = makeRows(
      runtime,
      ids.map((row) => row.length),
      content,
    );
    return {
      rows,
      index: makeTokenIndex(
        runtime,
        ids.flat(),
        this.weights.embedding.map(({ weight }) => weight.rows),
      ),
      rotary: this.#rotary.upTo(runtime, rows.longest),
      unturned: this.#unturned?.upTo(runtime, rows.longest),
    };
  }

  /** All layers over a batch. What a layer leaves behind is given back at once, unless a gradient needs it. */
  forward(runtime: Runtime, input: TokenRows, options: ForwardOptions = {}): ForwardResult {
    return runtime.computing(this.arithmetic, () => this.#forward(runtime, input, options));
  }

  /**
   * Loss of the tokens that follow `positions` [R] of `hidden` [T, D], by its own output head: ops/linearCrossEntropy.ts.
   * @throws Error when it has no head, and those of the op.
   */
  nextTokenLoss(
    runtime: Runtime,
    hidden: Tensor,
    { positions, next }: { readonly positions: Tensor; readonly next: Tensor },
    options: LinearCrossEntropyOptions = {},
  ): LinearCrossEntropyResult {
    const { head } = this.weights;
    if (!head) throw new Error('The language model has no output head.');
    return runtime.computing(this.arithmetic, () =>
      linearCrossEntropy(runtime, hidden, head, positions, next, options),
    );
  }

  #forward(runtime: Runtime, input: TokenRows, options: ForwardOptions): ForwardResult {
    const { config, weights } = this;
    const keyValues: (KeyValues | undefined)[] = [];
    const [hidden] = runtime.scope(() => {
      let x = embedding(runtime, weights.embedding, input.index);
      for (let layer = 0; layer < config.layers; layer++) {
        const [out, keys, values] = runtime.scope(() => this.#readLayer(runtime, layer, input, x, options));
        if (!out) throw new Error('A layer returns its output.');
        keyValues.push(keys && values && { keys, values });
        runtime.drop(x);
        x = out;
      }
      return [this.#finalNorm(runtime, x), ...keyValues.flatMap((pair) => (pair ? [pair.keys, pair.values] : []))];
    });
    if (!hidden) throw new Error('A pass returns its hidden states.');
    return { hidden, keyValues };
  }

  /** A layer with what it reads of its neighbours; [output], and keys and values where they are wanted. */
  #readLayer(runtime: Runtime, layer: number, input: TokenRows, x: Tensor, options: ForwardOptions): readonly Tensor[] {
    const gate = options.neighbours?.gates[layer] ?? 0;
    const read = gate === 0 ? undefined : options.neighbours;
    const theirs = read?.keyValues[layer];
    if (read && !theirs)
      throw new Error(`Layer ${layer} should read its neighbours, but there are no keys and values.`);
    const inputs = read && theirs ? [x, theirs.keys, theirs.values, read.attention] : [x];
    const reading = read && { pairs: read.pairs, vNorm: read.vNorm, gate };
    const run = (tensors: readonly Tensor[]) => this.#layer(runtime, layer, input, tensors, reading, options);
    const outputs = options.checkpointing ? recompute(runtime, inputs, run) : runtime.scope(() => run(inputs));
    return options.keepKeyValues?.(layer) ? outputs : outputs.slice(0, 1);
  }

  #layer(
    runtime: Runtime,
    layer: number,
    input: TokenRows,
    [x, theirKeys, theirValues, attention]: readonly Tensor[],
    reading: { pairs: PairList; vNorm: boolean; gate: Gate } | undefined,
    { observe, dropout }: ForwardOptions,
  ): readonly Tensor[] {
    const { heads, kvHeads, headDim, rmsNormEpsilon, nopeLayers } = this.config;
    if (!x) throw new Error('A layer reads its input.');
    const { rows } = input;
    const rotary = nopeLayers.includes(layer) ? (input.unturned ?? input.rotary) : input.rotary;
    const shape = { heads, kvHeads, headDim };
    const map = (name: MergedLinear) => this.#map(layer, name, dropout);
    const [qkvMap, oMap, gateUpMap, downMap] = [map('qkv'), map('o'), map('gateUp'), map('down')];
    const normed = this.#norm(runtime, layer, 'inputNorm', x);
    const projected = linear(runtime, normed, qkvMap.weight, qkvMap);
    const headNorms = this.weights.layers[layer]?.norms.headNorm;
    const qkv = headNorms ? headNorm(runtime, projected, shape, headNorms, rmsNormEpsilon) : projected;
    const [q, k, v] = ropeSplit(runtime, qkv, rows, shape, rotary);
    observe?.(`keys.${layer}`, k);
    observe?.(`values.${layer}`, v);
    let read = causalAttention(runtime, q, k, v, rows, shape);
    observe?.(`queries.${layer}`, q);
    observe?.(`selfAttention.${layer}`, read);
    if (reading && theirKeys && theirValues && attention)
      read = inBatchAttention(runtime, {
        self: read,
        q,
        k: theirKeys,
        v: theirValues,
        attention,
        rows,
        ...reading,
        ...shape,
      });
    observe?.(`attentionOutput.${layer}`, read);
    const afterAttention = linear(runtime, read, oMap.weight, { ...oMap, residual: x });
    const normedAgain = this.#norm(runtime, layer, 'postNorm', afterAttention);
    const gated = gatedLinear(runtime, normedAgain, gateUpMap.weight, gateUpMap);
    const out = swigluLinear(runtime, gated, downMap.weight, { ...downMap, residual: afterAttention });
    return [out, k, v];
  }

  #finalNorm(runtime: Runtime, x: Tensor): Tensor {
    if (this.config.finalNorm === false) return x;
    if (!this.weights.finalNorm)
      throw new Error('These weights have no final norm: they are the first layers of a model.');
    return rmsNorm(runtime, x, this.weights.finalNorm, this.config.rmsNormEpsilon);
  }

  #norm(runtime: Runtime, layer: number, name: LayerNorm, x: Tensor): Tensor {
    const weight = this.weights.layers[layer]?.norms[name];
    if (!weight) throw new Error(`Layer ${layer} has no ${name}.`);
    return rmsNorm(runtime, x, weight, this.config.rmsNormEpsilon);
  }

  /** A linear map of a layer, with its bias and adapter where it has them. */
  #map(layer: number, name: MergedLinear, dropout: PassDropout | undefined) {
    const own = this.weights.layers[layer]?.linears[name];
    if (!own) throw new Error(`There is no layer ${layer}.`);
    return { weight: own.weight, bias: own.bias, lora: this.adapter?.term(layer, name, dropout) };
  }
}
