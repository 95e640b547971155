import { CorpusError } from '../../corpus/errors.ts';

/** A chunk behind another: what the language model reads to say how well the first foretells the second. */
export interface PairRow {
  readonly ids: readonly number[];
  /** First token of the second chunk: it and all behind it are predicted. */
  readonly from: number;
  /** i·B + j, for chunk i behind chunk j: where its number stands in a matrix [B, B]. */
  readonly place: number;
}

/** Tokens that a tokenizer puts around every text. */
export interface TemplateTokens {
  readonly leading: readonly number[];
  readonly trailing: readonly number[];
}

/**
 * The rows of ordered pairs (j, i), j ≠ i: chunk j without its template's end, then chunk i without a second begin token. All tokens of
 * chunk i are predicted, its first too, from the last of chunk j. Sorted by i, then j.
 * @param lmIds rows of the chunks alone: [B].
 * @throws CorpusError `empty-chunk` for a chunk without tokens of its own: nothing of it could be predicted.
 */
export function pairRows(lmIds: readonly (readonly number[])[], { leading, trailing }: TemplateTokens): PairRow[] {
  const own = lmIds.map((ids, i) => {
    const rest = ids.slice(leading.length);
    if (rest.length > 0) return rest;
    throw new CorpusError('empty-chunk', `Chunk ${i + 1} of the batch has no tokens. Remove blank chunks.`);
  });
  return lmIds.flatMap((_, i) =>
    lmIds.flatMap((context, j) => {
      if (i === j) return [];
      // One token at least stays to be read.
      const read = context.slice(0, Math.max(1, context.length - trailing.length));
      return [{ ids: [...read, ...(own[i] ?? [])], from: read.length, place: i * lmIds.length + j }];
    }),
  );
}

/** Tokens that the language model takes in one pass: enough to keep a GPU busy, few enough that a slice's layers take little memory. */
export const SLICE_TOKENS = 2048;

/** Rows in slices of at most so many tokens (a longer row alone), in order, so that memory does not grow with the number of pairs. */
export function slicesOf(rows: readonly PairRow[], mostTokens: number): PairRow[][] {
  const slices: PairRow[][] = [];
  let tokens = Infinity;
  for (const row of rows) {
    tokens += row.ids.length;
    const last = slices.at(-1);
    if (last && tokens <= mostTokens) {
      last.push(row);
      continue;
    }
    slices.push([row]);
    tokens = row.ids.length;
  }
  return slices;
}
