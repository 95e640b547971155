/** Where the batch attention comes from, when not from the retriever (docs/METHOD.md, "Controls for A"). */
export type AttentionControl = 'uniform' | 'random' | 'oracle' | 'bm25';

export interface ControlInputs {
  /** Equal labels belong together. */
  readonly labels: readonly number[];
  /** Uniform numbers in [0, 1), for 'random'. */
  readonly random: () => number;
  /** BM25 score of passage j for query i, row-major [B, B], for 'bm25'. */
  readonly bm25: () => ArrayLike<number>;
}

/**
 * A fixed batch attention [B, B], row-major: rows sum to one, the diagonal is zero.
 * A row of 'oracle' without a partner reads everybody alike: there is nobody better to read.
 */
export function controlAttention(kind: AttentionControl, inputs: ControlInputs): Float32Array<ArrayBuffer> {
  const size = inputs.labels.length;
  const result = new Float32Array(size * size);
  if (size < 2) return result;
  const scores = kind === 'bm25' ? inputs.bm25() : undefined;
  for (let i = 0; i < size; i++) {
    const others = inputs.labels.map((_, j) => j).filter((j) => j !== i);
    const weights = rowWeights(kind, i, others, inputs, scores);
    const sum = weights.reduce((total, weight) => total + weight, 0);
    others.forEach((j, n) => (result[i * size + j] = (weights[n] ?? 0) / sum));
  }
  return result;
}

function rowWeights(
  kind: AttentionControl,
  i: number,
  others: readonly number[],
  { labels, random }: ControlInputs,
  scores: ArrayLike<number> | undefined,
): number[] {
  switch (kind) {
    case 'uniform':
      return others.map(() => 1);
    case 'random': {
      const chosen = Math.floor(random() * others.length);
      return others.map((_, n) => (n === chosen ? 1 : 0));
    }
    case 'oracle': {
      const partners = others.map((j) => (labels[j] === labels[i] ? 1 : 0));
      return partners.some((weight) => weight > 0) ? partners : others.map(() => 1);
    }
    case 'bm25': {
      const row = others.map((j) => scores?.[i * labels.length + j] ?? 0);
      const highest = Math.max(...row);
      return row.map((score) => Math.exp(score - highest));
    }
    default:
      return kind satisfies never;
  }
}
