import type { Random } from '../../corpus/random.ts';
import type { EmbeddingIndex } from '../../retrieval/embeddingIndex.ts';

/** How an adapter is trained. */
export interface AdapterOptions {
  /** Numbers that a query is looked at by. */
  readonly rank: number;
  /** τ of the loss. */
  readonly temperature: number;
  /** Times that every query is gone over. */
  readonly epochs: number;
  /** Queries of a batch. */
  readonly batch: number;
  readonly learningRate: number;
  /** Share of a weight that is taken from it at a step, per learning rate (AdamW). */
  readonly weightDecay: number;
}

/** What is used where nobody says otherwise: a choice made once, for all collections. */
export const USUAL_ADAPTER: AdapterOptions = {
  rank: 16,
  temperature: 0.05,
  epochs: 30,
  batch: 32,
  learningRate: 3e-3,
  weightDecay: 0.01,
};

/** A query that is learnt from: its vector, which documents answer it, and which others come before them. */
export interface AdapterExample {
  readonly vector: Float32Array;
  /** Rows of relevant documents, one at least. */
  readonly relevant: readonly number[];
  /** Rows of documents that are found first and are not relevant. */
  readonly others: readonly number[];
}

/**
 * A low-rank correction of queries' vectors: y = (x + s U V x) / |x + s U V x|, U [width, rank], V [rank, width], as Adder has it (Li et
 * al. 2023, arXiv 2310.05380). Documents stay as they are. U begins at 0, so that at first it changes nothing.
 */
export class LowRankAdapter {
  readonly u: Float64Array;
  readonly v: Float64Array;
  /** s: 1 while it learns, and then as far as it is to be followed. */
  strength = 1;

  constructor(
    readonly width: number,
    readonly rank: number,
    random: Random,
  ) {
    this.u = new Float64Array(width * rank);
    this.v = Float64Array.from({ length: rank * width }, () => random.normal() / Math.sqrt(width));
  }

  /** @returns y, of length 1; 0 for a vector of zeros. */
  apply(x: ArrayLike<number>): Float64Array {
    return this.forward(x).y;
  }

  /** What `backward` needs of a query. */
  forward(x: ArrayLike<number>): { y: Float64Array; inner: Float64Array; length: number } {
    const { width, rank, u, v, strength } = this;
    const inner = new Float64Array(rank);
    for (let r = 0; r < rank; r++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += (v[r * width + d] ?? 0) * (x[d] ?? 0);
      inner[r] = sum;
    }
    const y = new Float64Array(width);
    let squares = 0;
    for (let d = 0; d < width; d++) {
      let sum = x[d] ?? 0;
      for (let r = 0; r < rank; r++) sum += strength * (u[d * rank + r] ?? 0) * (inner[r] ?? 0);
      y[d] = sum;
      squares += sum * sum;
    }
    const length = Math.sqrt(squares);
    for (let d = 0; d < width; d++) y[d] = length > 0 ? (y[d] ?? 0) / length : 0;
    return { y, inner, length };
  }

  /** Adds ∂L/∂U and ∂L/∂V of one query to `gradient`, for a strength of 1. @param upstream ∂L/∂y */
  backward(x: ArrayLike<number>, upstream: Float64Array, gradient: AdapterGradient): void {
    const { width, rank, u } = this;
    const { y, inner, length } = this.forward(x);
    if (length === 0) return;
    let along = 0;
    for (let d = 0; d < width; d++) along += (upstream[d] ?? 0) * (y[d] ?? 0);
    const innerGradient = new Float64Array(rank);
    for (let d = 0; d < width; d++) {
      const dz = ((upstream[d] ?? 0) - along * (y[d] ?? 0)) / length;
      for (let r = 0; r < rank; r++) {
        const at = d * rank + r;
        gradient.u[at] = (gradient.u[at] ?? 0) + dz * (inner[r] ?? 0);
        innerGradient[r] = (innerGradient[r] ?? 0) + dz * (u[at] ?? 0);
      }
    }
    for (let r = 0; r < rank; r++)
      for (let d = 0; d < width; d++) {
        const at = r * width + d;
        gradient.v[at] = (gradient.v[at] ?? 0) + (innerGradient[r] ?? 0) * (x[d] ?? 0);
      }
  }
}

/** ∂L/∂U and ∂L/∂V, laid out as they are. */
export interface AdapterGradient {
  readonly u: Float64Array;
  readonly v: Float64Array;
}

/**
 * InfoNCE of a batch: for each query −Σ_p log softmax_j(⟨y, d_j⟩ / τ)_p / |relevant|, j over the relevant and the other documents of the
 * whole batch, p over its own relevant ones; the mean over queries.
 * @returns the loss, with its gradient added to `gradient`.
 */
export function infoNce(
  adapter: LowRankAdapter,
  documents: EmbeddingIndex,
  batch: readonly AdapterExample[],
  temperature: number,
  gradient: AdapterGradient,
): number {
  const candidates = [...new Set(batch.flatMap(({ relevant, others }) => [...relevant, ...others]))];
  let loss = 0;
  for (const { vector, relevant } of batch) {
    const isRelevant = new Set(relevant);
    const { y } = adapter.forward(vector);
    const scores = candidates.map((row) => inner(y, documents.vector(row)) / temperature);
    const most = Math.max(...scores);
    const sums = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
    const share = 1 / (relevant.length * batch.length);
    const upstream = new Float64Array(adapter.width);
    for (const [i, row] of candidates.entries()) {
      const score = scores[i] ?? 0;
      const target = isRelevant.has(row) ? share : 0;
      if (target > 0) loss -= target * (score - most - Math.log(sums));
      const weight = (Math.exp(score - most) / sums / batch.length - target) / temperature;
      const document = documents.vector(row);
      for (let d = 0; d < upstream.length; d++) upstream[d] = (upstream[d] ?? 0) + weight * (document[d] ?? 0);
    }
    adapter.backward(vector, upstream, gradient);
  }
  return loss;
}

const BETAS = [0.9, 0.999] as const;
const EPSILON = 1e-8;

/**
 * Trains an adapter by AdamW.
 * @param pause lets others run, and throws where the work was stopped.
 */
export async function trainAdapter(
  documents: EmbeddingIndex,
  examples: readonly AdapterExample[],
  random: Random,
  pause: () => Promise<void>,
  options: AdapterOptions = USUAL_ADAPTER,
): Promise<LowRankAdapter> {
  const { rank, temperature, epochs, batch, learningRate, weightDecay } = options;
  const width = documents.dimensions;
  const adapter = new LowRankAdapter(width, rank, random.fork('weights'));
  const parts = ([adapter.u, adapter.v] as const).map((weights) => ({
    weights,
    first: new Float64Array(weights.length),
    second: new Float64Array(weights.length),
  }));
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = random.fork(`epoch ${epoch}`).shuffle(examples);
    for (let at = 0; at < order.length; at += batch) {
      await pause();
      const gradient = { u: new Float64Array(adapter.u.length), v: new Float64Array(adapter.v.length) };
      infoNce(adapter, documents, order.slice(at, at + batch), temperature, gradient);
      step++;
      const [beta1, beta2] = BETAS;
      const [scale1, scale2] = [1 - beta1 ** step, 1 - beta2 ** step];
      for (const [p, { weights, first, second }] of parts.entries()) {
        const slope = p === 0 ? gradient.u : gradient.v;
        for (let i = 0; i < weights.length; i++) {
          const g = slope[i] ?? 0;
          first[i] = beta1 * (first[i] ?? 0) + (1 - beta1) * g;
          second[i] = beta2 * (second[i] ?? 0) + (1 - beta2) * g * g;
          const change = (first[i] ?? 0) / scale1 / (Math.sqrt((second[i] ?? 0) / scale2) + EPSILON);
          weights[i] = (weights[i] ?? 0) * (1 - learningRate * weightDecay) - learningRate * change;
        }
      }
    }
  }
  return adapter;
}

/** How far an adapter may be followed; 0 is not at all. */
const STRENGTHS = [0, 0.1, 0.25, 0.5, 1] as const;

/**
 * Chooses how far an adapter is followed: the strength with the highest mean of 1 / rank of the first relevant document on queries that it
 * has not learnt from; the lowest of several.
 */
export async function chooseStrength(
  adapter: LowRankAdapter,
  documents: EmbeddingIndex,
  unseen: readonly AdapterExample[],
  pause: () => Promise<void>,
): Promise<void> {
  let best = { strength: 0, sum: -1 };
  for (const strength of STRENGTHS) {
    adapter.strength = strength;
    let sum = 0;
    for (const { vector, relevant } of unseen) {
      await pause();
      const scores = documents.scores(adapter.apply(vector));
      const own = Math.max(...relevant.map((row) => scores[row] ?? -Infinity));
      sum += 1 / (1 + scores.filter((score) => score > own).length);
    }
    if (sum > best.sum) best = { strength, sum };
  }
  adapter.strength = best.strength;
}

function inner(a: Float64Array, b: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += (a[d] ?? 0) * (b[d] ?? 0);
  return sum;
}
