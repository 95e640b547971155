import type { PairView } from '../../../lab/door/views.ts';

/** The numbers of a pair that figures are made of. */
export type PairNumbers = Pick<
  PairView,
  | 'heads'
  | 'queryTokens'
  | 'contextTokens'
  | 'probabilities'
  | 'valueNorms'
  | 'outputNorms'
  | 'contributionNorms'
  | 'selfNorms'
>;

/** What a query token makes of the other chunk, in one head or over all. */
export interface TokenFigures {
  /** N = Σ P ‖V‖; over heads the mean. */
  readonly norm: number;
  /** ‖O‖ / N, from 0 to 1: 1 where all values that are read point one way; over heads the mean. */
  readonly ratio: number;
  /** ‖γ A O / N‖ against ‖s‖: what the neighbour adds to what the token reads in its own chunk. */
  readonly added: number;
}

/** P [L_i, L_j] of one head, or the mean of all. */
export function attentionOf(pair: PairNumbers, head: number | undefined): Float32Array {
  const { heads, queryTokens, contextTokens, probabilities } = pair;
  const size = queryTokens * contextTokens;
  if (head !== undefined) return probabilities.subarray(head * size, (head + 1) * size);
  return Float32Array.from({ length: size }, (_, at) => {
    let sum = 0;
    for (let h = 0; h < heads; h++) sum += probabilities[h * size + at] ?? 0;
    return sum / heads;
  });
}

/** Figures of each query token, in a head or over all. */
export function tokenFigures(pair: PairNumbers, head: number | undefined): TokenFigures[] {
  const { heads, queryTokens, valueNorms, outputNorms, contributionNorms, selfNorms } = pair;
  const chosen = head === undefined ? Array.from({ length: heads }, (_, h) => h) : [head];
  return Array.from({ length: queryTokens }, (_, t) => {
    const values = (of: Float32Array): number[] => chosen.map((h) => of[h * queryTokens + t] ?? 0);
    const mean = (of: readonly number[]): number => of.reduce((sum, one) => sum + one, 0) / of.length;
    const norms = values(valueNorms);
    const ratios = values(outputNorms).map((norm, h) => share(norm, norms[h] ?? 0));
    return {
      norm: mean(norms),
      ratio: mean(ratios),
      added: share(Math.hypot(...values(contributionNorms)), Math.hypot(...values(selfNorms))),
    };
  });
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Links worth drawing from a token: the strongest first. */
export function strongest(
  row: Float32Array,
  most = 16,
  least = 0.02,
): { readonly token: number; readonly p: number }[] {
  return Array.from(row, (p, token) => ({ token, p }))
    .filter(({ p }) => p >= least)
    .sort((a, b) => b.p - a.p || a.token - b.token)
    .slice(0, most);
}

/** Attention that the context tokens get on average over the query tokens. */
export function meanRow(attention: Float32Array, queryTokens: number, contextTokens: number): Float32Array {
  const mean = new Float32Array(contextTokens);
  attention.forEach((p, at) => (mean[at % contextTokens] = (mean[at % contextTokens] ?? 0) + p / queryTokens));
  return mean;
}
