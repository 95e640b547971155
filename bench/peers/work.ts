import { Random } from '../../src/corpus/random.ts';

/** A product as a linear map has it: X [M, K] · Wᵀ with W [N, K]. */
export interface ProductSize {
  readonly what: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** The small language model of the step: what all libraries here can express, and nothing beyond it. */
export interface ModelSize {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  readonly mlp: number;
  readonly vocabulary: number;
  /** Rows of a batch, and tokens of each. */
  readonly rows: number;
  readonly tokens: number;
}

/** As the default preset has it, but for a key and value head of their own for each query head, since not all libraries share them. */
export const SMALL_MODEL: ModelSize = {
  layers: 2,
  hidden: 128,
  heads: 4,
  mlp: 128,
  vocabulary: 167,
  rows: 8,
  tokens: 12,
};

export const EPSILON = 1e-6;
export const ROPE_THETA = 10_000;
/** Of Adam (no decay, no clipping), as all of the libraries have it. */
export const ADAM = { learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** Numbers of each parameter, [outputs, inputs] for matrices; names with a layer in front where they belong to one. */
export type Weights = ReadonlyMap<
  string,
  { readonly shape: readonly number[]; readonly data: Float32Array<ArrayBuffer> }
>;

/** First weights of the model, the same for every library. */
export function firstWeights({ layers, hidden, mlp, vocabulary }: ModelSize): Weights {
  const random = Random.fromSeed(7);
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>();
  const normal = (name: string, shape: readonly number[], deviation: number) => {
    const data = Float32Array.from({ length: sizeOf(shape) }, () => deviation * random.normal());
    weights.set(name, { shape, data });
  };
  const ones = (name: string) => weights.set(name, { shape: [hidden], data: new Float32Array(hidden).fill(1) });
  normal('embedding', [vocabulary, hidden], 1 / Math.sqrt(hidden));
  for (let layer = 0; layer < layers; layer++) {
    ones(`${layer}.inputNorm`);
    normal(`${layer}.qkv`, [3 * hidden, hidden], 0.02);
    normal(`${layer}.o`, [hidden, hidden], 0.02);
    ones(`${layer}.postNorm`);
    normal(`${layer}.gateUp`, [2 * mlp, hidden], 0.02);
    normal(`${layer}.down`, [hidden, mlp], 0.02);
  }
  ones('finalNorm');
  return weights;
}

/** Token ids of a batch, [rows][tokens]; the same for every library. */
export function batchIds({ rows, tokens, vocabulary }: ModelSize): number[][] {
  const random = Random.fromSeed(11);
  return Array.from({ length: rows }, () => Array.from({ length: tokens }, () => random.integer(vocabulary)));
}

/** Normal numbers. */
export function numbers(seed: number, count: number, deviation = 1): Float32Array<ArrayBuffer> {
  const random = Random.fromSeed(seed);
  return Float32Array.from({ length: count }, () => deviation * random.normal());
}

/** cos and sin of every position's turns, [tokens, hd / 2] each. */
export function turns({ tokens, hidden, heads }: ModelSize): {
  cos: Float32Array<ArrayBuffer>;
  sin: Float32Array<ArrayBuffer>;
} {
  const half = hidden / heads / 2;
  const angle = (i: number) => Math.floor(i / half) * ROPE_THETA ** (-(i % half) / half);
  const table = (f: (x: number) => number) => Float32Array.from({ length: tokens * half }, (_, i) => f(angle(i)));
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
