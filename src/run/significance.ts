import type { Evaluation, Findings, ScoredText } from './record.ts';

/** How likely chance alone is, at most, for a difference to be called one. */
export const LEVEL = 0.05;

/** Twelfths in a whole (`Findings`). */
const WHOLE = 12;

/** How one ranking compares with another on the same chunks. */
export interface Paired {
  /** Chunks that were asked with. */
  readonly chunks: number;
  /** Chunks with which the first finds its document more often than the second, and less often. */
  readonly more: number;
  readonly less: number;
  /** Probability of a difference in the mean as large as this or larger, either way, were the two alike. */
  readonly p: number;
  readonly verdict: 'better' | 'worse' | 'no difference';
}

/**
 * Compares what two rankings found, as `Findings` has it, by a sign-flip test: were they alike, the difference d_i of each chunk
 * could as well have been −d_i. p is the share of the 2^n choices of signs with |Σ ±d_i| ≥ |Σ d_i|, counted exactly by adding
 * one chunk after the other. Where each chunk is found or not, this is McNemar's exact test, a binomial one over the chunks
 * where the two differ. A chunk that asks in several batches is one chunk: its rows say much the same.
 * @returns undefined where they are not of the same chunks, or of none.
 */
export function paired(first: string, second: string): Paired | undefined {
  if (first.length !== second.length || first.length === 0) return undefined;
  const differences = Array.from(first, (letter, i) => twelfths(letter) - twelfths(second[i] ?? '0'));
  const sum = differences.reduce((total, one) => total + one, 0);
  const p = flippedShare(differences.map(Math.abs), Math.abs(sum));
  const more = differences.filter((one) => one > 0).length;
  const less = differences.filter((one) => one < 0).length;
  const verdict = p >= LEVEL ? 'no difference' : sum > 0 ? 'better' : 'worse';
  return { chunks: first.length, more, less, p, verdict };
}

/** What an evaluation was over, as it stands beside its numbers. */
export const SCORED_WORDS: Readonly<Record<ScoredText, string>> = {
  heldOut: 'held-out',
  training: 'on the training text',
};

/** What the retriever of an evaluation is compared with. */
export const RIVALS = [
  { of: 'untrained', name: 'the untrained retriever' },
  { of: 'tfidf', name: 'TF-IDF' },
  { of: 'bm25', name: 'BM25' },
] as const satisfies readonly { of: keyof Findings; name: string }[];

export type Rival = (typeof RIVALS)[number]['of'];

const judged = new WeakMap<Evaluation, ReadonlyMap<Rival, Paired>>();

/** The retriever of an evaluation beside what it is compared with, where that is known. */
export function comparisons(evaluation: Evaluation | undefined): ReadonlyMap<Rival, Paired> {
  if (!evaluation?.findings) return new Map();
  const known = judged.get(evaluation);
  if (known) return known;
  const { findings } = evaluation;
  const found = new Map(
    RIVALS.flatMap(({ of }): [Rival, Paired][] => {
      const one = findings[of] === undefined ? undefined : paired(findings.retriever, findings[of]);
      return one ? [[of, one]] : [];
    }),
  );
  judged.set(evaluation, found);
  return found;
}

/** "better than TF-IDF: 14 of 60 chunks find their document more often, 3 less often (p = 0.01)". */
export function comparisonWords({ verdict, chunks, more, less, p }: Paired, rival: string): string {
  if (more + less === 0) return `the same as ${rival} on all ${chunks} chunks`;
  const counts = `${more} of ${chunks} chunks find their document more often, ${less} less often`;
  if (verdict === 'no difference') return `no difference to ${rival} that ${chunks} chunks can show: ${counts}`;
  return `${verdict} than ${rival}: ${counts} (p ${p < 0.001 ? '< 0.001' : `= ${p.toPrecision(p < 0.01 ? 1 : 2)}`})`;
}

function twelfths(letter: string): number {
  const value = parseInt(letter, WHOLE + 1);
  return Number.isNaN(value) ? 0 : value;
}

/** The letter of a share. */
export function shareLetter(share: number): string {
  return Math.round(WHOLE * share).toString(WHOLE + 1);
}

/** Share of all choices of signs before `sizes` that sum to `least` or more, or to −`least` or less. */
function flippedShare(sizes: readonly number[], least: number): number {
  const moved = sizes.filter((size) => size > 0);
  const unit = moved.reduce(greatestCommonDivisor, 0);
  if (unit === 0) return 1;
  const steps = moved.map((size) => size / unit);
  const reach = steps.reduce((sum, step) => sum + step, 0);
  // shares[reach + s]: of the signs chosen so far, those that sum to s.
  let shares = new Float64Array(2 * reach + 1);
  shares[reach] = 1;
  let done = 0;
  for (const step of steps) {
    const next = new Float64Array(shares.length);
    for (let s = reach - done; s <= reach + done; s++) {
      const half = (shares[s] ?? 0) / 2;
      if (half === 0) continue;
      next[s + step] = (next[s + step] ?? 0) + half;
      next[s - step] = (next[s - step] ?? 0) + half;
    }
    shares = next;
    done += step;
  }
  return Math.min(
    1,
    shares.reduce((sum, share, s) => (Math.abs(s - reach) * unit >= least ? sum + share : sum), 0),
  );
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
