import type { DecoderConfig } from './config.ts';
import type { LoraAdapter } from './lora.ts';
import type { TensorSpec } from './layout.ts';

/** Standard normal numbers from a seeded source. */
export type NormalSource = () => number;

/** The `initializer_range` that Qwen and Llama models are made with. */
const MATRIX_DEVIATION = 0.02;

export type Initialisation = 'normal' | 'copyPrior';

/**
 * First weights of a decoder, tensor by tensor. Matrices are normal with standard deviation 0.02, the embedding 1/√width,
 * norms 1, biases 0. (With matrices of 1/√columns the random MLPs drown what is copied: the same run then needs three
 * times as many steps.)
 *
 * `copyPrior` (docs/METHOD.md, "First weights"): the rows of W_v are orthonormal and W_o = 0.5·W_vᵀ per KV group, scaled by 1/√group: what
 * attention reads then arrives in the residual stream as itself, so the model copies from what it reads as pretrained models do.
 */
export function initialWeights(
  config: DecoderConfig,
  specs: readonly TensorSpec[],
  kind: Initialisation,
  normal: NormalSource,
): Map<string, Float32Array<ArrayBuffer>> {
  const result = new Map<string, Float32Array<ArrayBuffer>>();
  for (const { key, role, shape } of specs) {
    const count = shape.reduce((product, length) => product * length, 1);
    const values = new Float32Array(count);
    if (role === 'norm') values.fill(1);
    else if (role === 'matrix' || role === 'embedding') {
      const deviation = role === 'matrix' ? MATRIX_DEVIATION : 1 / Math.sqrt(shape.at(-1) ?? 1);
      for (let i = 0; i < count; i++) values[i] = deviation * normal();
    }
    result.set(key, values);
  }
  if (kind === 'copyPrior')
    for (let layer = 0; layer < config.layers; layer++)
      applyCopyPrior(config, result.get(`${layer}.qkv.weight`), result.get(`${layer}.o.weight`), normal);
  return result;
}

function applyCopyPrior(
  config: DecoderConfig,
  qkv: Float32Array | undefined,
  o: Float32Array | undefined,
  normal: NormalSource,
): void {
  if (!qkv || !o) throw new Error('The copy prior needs the attention weights of every layer.');
  const { heads, kvHeads, headDim, hiddenSize } = config;
  const values = orthonormalRows(kvHeads * headDim, hiddenSize, normal);
  qkv.set(values, (heads + kvHeads) * headDim * hiddenSize);
  const group = heads / kvHeads;
  const scale = 0.5 / Math.sqrt(group);
  for (let row = 0; row < hiddenSize; row++)
    for (let head = 0; head < heads; head++)
      for (let d = 0; d < headDim; d++) {
        const value = values[(Math.floor(head / group) * headDim + d) * hiddenSize + row] ?? 0;
        o[row * heads * headDim + head * headDim + d] = scale * value;
      }
}

/**
 * `rows` orthonormal vectors of length `columns`, row-major (modified Gram–Schmidt in f64). More rows than columns cannot
 * all be orthogonal: they come in orthonormal sets of at most `columns`.
 */
export function orthonormalRows(rows: number, columns: number, normal: NormalSource): Float32Array<ArrayBuffer> {
  const result = new Float32Array(rows * columns);
  let basis: Float64Array[] = [];
  for (let row = 0; row < rows; row++) {
    if (basis.length === columns) basis = [];
    const vector = Float64Array.from({ length: columns }, () => normal());
    // Twice: rounding in the first sweep leaves a remainder that the second removes.
    for (let sweep = 0; sweep < 2; sweep++)
      for (const other of basis) {
        let dot = 0;
        for (let i = 0; i < columns; i++) dot += (vector[i] ?? 0) * (other[i] ?? 0);
        for (let i = 0; i < columns; i++) vector[i] = (vector[i] ?? 0) - dot * (other[i] ?? 0);
      }
    const length = Math.hypot(...vector);
    for (let i = 0; i < columns; i++) vector[i] = (vector[i] ?? 0) / length;
    basis.push(vector);
    result.set(vector, row * columns);
  }
  return result;
}

/** First weights of an adapter as PEFT draws them: A uniform in ±1/√columns (Kaiming, a = √5), B zero, so that y starts unchanged. */
export function initialAdapter(adapter: LoraAdapter, uniform: () => number): Map<string, Float32Array<ArrayBuffer>> {
  return new Map(
    adapter.specs.map(({ key, matrix, shape }) => {
      const values = new Float32Array(shape.reduce((product, length) => product * length, 1));
      const bound = 1 / Math.sqrt(shape.at(-1) ?? 1);
      if (matrix === 'A') for (let i = 0; i < values.length; i++) values[i] = (2 * uniform() - 1) * bound;
      return [key, values];
    }),
  );
}
