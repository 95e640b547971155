import type { Rows } from '../../ops/core/rows.ts';

/** Which tokens carry loss: every token with a predecessor, or only those in the second half of their chunk. */
export type LossMask = 'all' | 'secondHalf';

export interface PredictedTokens {
  /** Token (packed index) whose hidden state predicts; u32 [R]. */
  readonly positions: Uint32Array;
  /** The token id that follows it; u32 [R]. */
  readonly next: Uint32Array;
  /** R split by row. */
  readonly perRow: readonly number[];
}

/** Lists the predictions of a batch. A chunk of one token has none. */
export function predictedTokens(ids: readonly (readonly number[])[], rows: Rows, mask: LossMask): PredictedTokens {
  const positions: number[] = [];
  const next: number[] = [];
  const perRow = ids.map((row, i) => {
    const first = mask === 'all' ? 1 : Math.max(1, Math.floor(row.length / 2));
    for (let t = first; t < row.length; t++) {
      positions.push((rows.starts[i] ?? 0) + t - 1);
      next.push(row[t] ?? 0);
    }
    return Math.max(0, row.length - first);
  });
  return { positions: Uint32Array.from(positions), next: Uint32Array.from(next), perRow };
}
