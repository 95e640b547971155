import type { MatrixDefinition, ObjectiveTable, PairWords } from '../../objectives/tables.ts';
import { tokenRowsOf, type BatchView, type ChunkView, type Picture } from '../../run/record.ts';

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

/** The matrix of an objective that goes by this letter; the one that is shown first where it has none such. */
export function matrixNamed({ matrices }: ObjectiveTable, symbol: string | undefined): MatrixDefinition {
  const found = matrices.find((one) => one.symbol === symbol) ?? matrices[0];
  if (!found) throw new Error('An objective without a matrix cannot be shown.');
  return found;
}

/** "Attention A". */
export function matrixName({ label, symbol }: MatrixDefinition): string {
  return `${label.charAt(0).toUpperCase()}${label.slice(1)} ${symbol}`;
}

/** One row of the matrix in words. Indices are places on the axes, from 0. */
export interface RowReading {
  readonly row: number;
  /** The column with the largest value. */
  readonly most: number;
  readonly value: number;
  /** Whether that column is of the same document. */
  readonly isPartner: boolean;
  /** Whether the batch holds a partner at all. */
  readonly hasPartner: boolean;
  /** Whether it holds any other chunk that is none: where not, there is nothing to find. */
  readonly hasOther: boolean;
}

/** The largest value of each row of a matrix, ties to the first column. What stands on the diagonal counts where it is the answer. */
export function readRows(
  { chunks }: BatchView,
  matrix: readonly number[],
  order: readonly number[],
  { diagonal }: Pick<PairWords, 'diagonal'>,
): RowReading[] {
  const size = order.length;
  const document = (place: number): number | undefined => chunks[order[place] ?? -1]?.document;
  return order.map((chunk, row) => {
    let most = row === 0 && diagonal === 'nothing' ? 1 : 0;
    let hasPartner = false;
    let hasOther = false;
    const value = (column: number): number => matrix[chunk * size + (order[column] ?? 0)] ?? 0;
    for (let column = 0; column < size; column++) {
      if (column !== row && document(column) === document(row)) hasPartner = true;
      if (document(column) !== document(row)) hasOther = true;
      if (column === row && diagonal === 'nothing') continue;
      if (value(column) > value(most)) most = column;
    }
    return {
      row,
      most,
      value: size > 1 ? value(most) : 0,
      isPartner: size > 1 && document(most) === document(row),
      hasPartner,
      hasOther,
    };
  });
}

/**
 * Gain of each predicted token in nats (alone − with context). The first token is not predicted; where the loss is on the
 * second half only, neither are the others of the first. All after them are. Undefined where the objective predicts no tokens.
 */
export function tokenGains(
  { tokenRows }: Pick<ObjectiveTable, 'tokenRows'>,
  picture: Picture,
  chunk: number,
): (number | undefined)[] | undefined {
  const [ofContext, ofNone] = tokenRows;
  if (!ofContext || !ofNone) return undefined;
  const alone = tokenRowsOf(picture, ofNone.key)[chunk] ?? [];
  const withContext = tokenRowsOf(picture, ofContext.key)[chunk] ?? [];
  const tokens = picture.batch.chunks[chunk]?.tokens ?? [];
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
