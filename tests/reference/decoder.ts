import type { NamedTensor } from '../harness/tinyDecoder.ts';
import { referenceCausalAttention } from './attention.ts';
import { inBatchAttentionReference } from './inBatchAttention.ts';
import { matmulReference } from './gemm.ts';
import { headNorm } from './headNorm.ts';
import { rmsNorm } from './rmsNorm.ts';
import { ropeSplit } from './ropeSplit.ts';
import { swiglu } from './swiglu.ts';

export interface ReferenceDecoder {
  layers: number;
  hiddenSize: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  intermediateSize: number;
  epsilon: number;
  /** Radians per position, [headDim / 2]. */
  frequencies: ArrayLike<number>;
  /** False: what the last layer leaves passes no norm. */
  finalNorm?: boolean;
  /** Tensors by their Hugging Face names. */
  tensors: readonly NamedTensor[];
  /** y += scale · (x Aᵀ) Bᵀ for each projection that has an A and a B here ("layers.0.mlp.up_proj.lora_A.weight"). */
  lora?: { scale: number; rank: number; tensors: readonly NamedTensor[] };
}

/** Keys (after rotation) and values of a layer, [T, G·headDim] each. */
export interface ReferenceKeyValues {
  keys: Float64Array;
  values: Float64Array;
}

/** What an in-batch pass reads of a plain one. */
export interface ReferenceNeighbours {
  /** [B, B]. */
  attention: ArrayLike<number>;
  keyValues: readonly ReferenceKeyValues[];
  vNorm: boolean;
  /** γ of each layer. */
  gates: ArrayLike<number>;
}

/** What a layer's attention begins with: queries after rotation and ordinary self-attention, [T, H·headDim] each. */
export interface ReferenceReading {
  queries: Float64Array;
  self: Float64Array;
}

/** Final-norm hidden states [T, D] alone: see referencePass. */
export function referenceDecoder(model: ReferenceDecoder, ids: readonly (readonly number[])[]): Float64Array {
  return referencePass(model, ids).hidden;
}

/**
 * Final-norm hidden states [T, D] and every layer's keys and values, of rows of ids laid end to end, in f64, projection by projection as the Hugging Face
 * models have them (nothing merged): x += o(attention(rope(q), rope(k), v)(norm(x))), with q and k normalised where there are weights for it; x += down(silu(gate) · up)(norm(x)).
 * With `neighbours`, each layer's attention reads those too before its output projection.
 */
export function referencePass(
  model: ReferenceDecoder,
  ids: readonly (readonly number[])[],
  neighbours?: ReferenceNeighbours,
): { hidden: Float64Array; keyValues: ReferenceKeyValues[]; readings: ReferenceReading[] } {
  const { layers, hiddenSize, heads, kvHeads, headDim, intermediateSize, epsilon, frequencies, tensors, lora } = model;
  const find = (from: readonly NamedTensor[], name: string) => from.find((tensor) => tensor.name === name)?.data;
  const weight = (name: string): Float32Array => {
    const found = find(tensors, name);
    if (!found) throw new Error(`The reference has no ${name}.`);
    return found;
  };
  const tokens = ids.flat().length;
  const project = (x: ArrayLike<number>, name: string, rows: number, columns: number): Float64Array => {
    const y = matmulReference(x, weight(`model.${name}.weight`), tokens, rows, columns);
    const bias = find(tensors, `model.${name}.bias`);
    if (bias) for (let i = 0; i < y.length; i++) y[i]! += bias[i % rows]!;
    const [a, b] = ['A', 'B'].map((side) => lora && find(lora.tensors, `${name}.lora_${side}.weight`));
    if (lora && a && b) {
      const update = matmulReference(matmulReference(x, a, tokens, lora.rank, columns), b, tokens, rows, lora.rank);
      for (let i = 0; i < y.length; i++) y[i]! += lora.scale * update[i]!;
    }
    return y;
  };
  const table = weight('model.embed_tokens.weight');
  const x = Float64Array.from(ids.flat().flatMap((id) => [...table.subarray(id * hiddenSize, (id + 1) * hiddenSize)]));
  const addTo = (y: ArrayLike<number>) => {
    for (let i = 0; i < x.length; i++) x[i]! += y[i]!;
  };
  const positions = ids.flatMap((row) => row.map((_, position) => position));
  const lengths = ids.map((row) => row.length);
  const shape = { heads, kvHeads, headDim };
  const keyValues: ReferenceKeyValues[] = [];
  const readings: ReferenceReading[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const prefix = `layers.${layer}`;
    const normed = rmsNorm(x, weight(`model.${prefix}.input_layernorm.weight`), epsilon);
    const parts = (
      [
        ['q', heads],
        ['k', kvHeads],
        ['v', kvHeads],
      ] as const
    ).map(([name, count]) => ({
      width: count * headDim,
      values: project(normed, `${prefix}.self_attn.${name}_proj`, count * headDim, hiddenSize),
    }));
    // The reference rotation takes q, k and v side by side, token by token.
    const qkv = positions.flatMap((_, t) =>
      parts.flatMap(({ width, values }) => [...values.subarray(t * width, (t + 1) * width)]),
    );
    const norms = ['q', 'k'].map((name) => find(tensors, `model.${prefix}.self_attn.${name}_norm.weight`));
    const normedHeads = norms[0] && norms[1] ? headNorm(qkv, shape, [...norms[0], ...norms[1]], epsilon) : qkv;
    const [q, k, v] = ropeSplit(normedHeads, positions, shape, frequencies);
    keyValues.push({ keys: k, values: v });
    const own = referenceCausalAttention(q, k, v, lengths, shape);
    readings.push({ queries: q, self: own });
    const theirs = neighbours?.keyValues[layer];
    const read =
      neighbours && theirs
        ? inBatchAttentionReference(own, q, theirs.keys, theirs.values, neighbours.attention, {
            ...shape,
            lengths,
            vNorm: neighbours.vNorm,
            gate: neighbours.gates[layer]!,
          })
        : own;
    addTo(project(read, `${prefix}.self_attn.o_proj`, hiddenSize, heads * headDim));
    const again = rmsNorm(x, weight(`model.${prefix}.post_attention_layernorm.weight`), epsilon);
    const [gate, up] = ['gate', 'up'].map((name) =>
      project(again, `${prefix}.mlp.${name}_proj`, intermediateSize, hiddenSize),
    );
    const gateUp = positions.flatMap((_, t) =>
      [gate!, up!].flatMap((half) => [...half.subarray(t * intermediateSize, (t + 1) * intermediateSize)]),
    );
    addTo(project(swiglu(gateUp, intermediateSize), `${prefix}.mlp.down_proj`, hiddenSize, intermediateSize));
  }
  const hidden = model.finalNorm === false ? x : rmsNorm(x, weight('model.norm.weight'), epsilon);
  return { hidden, keyValues, readings };
}
