import type { BatchView, ChunkView, StepRecord } from '../../run/record.ts';

/** How the chunks of a batch are ordered on both axes. */
export type Order = 'document' | 'batch';

/**
 * Chunks in the order they are shown in: their indices in the batch. By document, partners stand side by side, so that the
 * marked cells keep their places from batch to batch and a person sees them fill.
 */
export function displayOrder(batch: BatchView, order: Order): number[] {
  const indices = batch.chunks.map((_, i) => i);
  if (order === 'batch') return indices;
  const document = (i: number): number => batch.chunks[i]?.document ?? 0;
  return indices.sort((a, b) => document(a) - document(b) || a - b);
}

/** One row of the matrix in words. Indices are places on the axes, from 0. */
export interface RowReading {
  readonly row: number;
  /** The column read most. */
  readonly most: number;
  readonly attention: number;
  /** Whether the column read most is of the same document. */
  readonly isPartner: boolean;
  /** Whether the batch holds a partner at all. */
  readonly hasPartner: boolean;
}

/** What each row of A reads most, ties to the first column. */
export function readRows(record: StepRecord, order: readonly number[]): RowReading[] {
  const size = order.length;
  const { chunks } = record.batch;
  const document = (place: number): number | undefined => chunks[order[place] ?? -1]?.document;
  return order.map((chunk, row) => {
    let most = row === 0 ? 1 : 0;
    let hasPartner = false;
    const value = (column: number): number => record.attention[chunk * size + (order[column] ?? 0)] ?? 0;
    for (let column = 0; column < size; column++) {
      if (column === row) continue;
      if (document(column) === document(row)) hasPartner = true;
      if (value(column) > value(most)) most = column;
    }
    const attention = size > 1 ? value(most) : 0;
    return { row, most, attention, isPartner: size > 1 && document(most) === document(row), hasPartner };
  });
}

/**
 * Gain of each predicted token in nats (alone − with context). The first token is not predicted; where the loss is on the
 * second half only, neither are the others of the first. All after them are.
 */
export function tokenGains(record: StepRecord, chunk: number): (number | undefined)[] {
  const alone = record.isolatedTokenLoss[chunk] ?? [];
  const withContext = record.tokenLoss[chunk] ?? [];
  const tokens = record.batch.chunks[chunk]?.tokens ?? [];
  const first = tokens.length - alone.length;
  return tokens.map((_, t) => {
    const a = alone[t - first];
    const b = withContext[t - first];
    return a === undefined || b === undefined ? undefined : a - b;
  });
}

/**
 * The tokens with the white space that stands before each in the text: word-level tokenizers drop it. A token that does not
 * stand there literally (an unknown word) is left as it is.
 */
export function spacedTokens({ text, tokens }: ChunkView): string[] {
  let at = 0;
  return tokens.map((token) => {
    const found = text.indexOf(token, at);
    const between = found < 0 ? '' : text.slice(at, found);
    if (found < 0 || between.trim() !== '') return token;
    at = found + token.length;
    return between + token;
  });
}
