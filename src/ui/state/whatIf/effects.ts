import { effectiveDocuments } from '../../../retrieval/metrics.ts';
import { gradientFactors } from '../../../objectives/softmax.ts';
import type { PairWords } from '../../../objectives/tables.ts';
import type { BatchView } from '../../../run/record.ts';
import { temperatureOf, type Reading } from './instead.ts';

/** What follows from shares alone: what another temperature or a control changes. */
export interface Effects {
  /** Effective number of cells of each row: exp of its entropy. */
  readonly documents: readonly number[];
  /** The mean over rows. */
  readonly meanDocuments: number;
  /** A (1 − A) / τ of each cell [B, B]: how far its share follows its similarity; undefined for a control, which follows none. */
  readonly factors: readonly number[] | undefined;
  /** Mean over rows of the sum of the row's factors. */
  readonly meanFactor: number | undefined;
  /** Mean over rows of what goes to the right cells (PairWords.right); undefined where no row has any. */
  readonly right: number | undefined;
}

/** @param shares [B, B], row-major, made by `reading`. */
export function effectsOf(
  shares: readonly number[],
  { chunks }: BatchView,
  reading: Reading,
  { diagonal }: Pick<PairWords, 'diagonal'>,
): Effects {
  const size = chunks.length;
  const documents = effectiveDocuments(shares, size);
  const temperature = temperatureOf(reading);
  const factors = temperature === undefined ? undefined : gradientFactors(shares, temperature);
  const isRight = (row: number, column: number): boolean =>
    diagonal === 'answer' ? column === row : column !== row && chunks[column]?.document === chunks[row]?.document;
  const rows = chunks.map((_, row) =>
    chunks.flatMap((__, column) => (isRight(row, column) ? [row * size + column] : [])),
  );
  const right = rows.filter((cells) => cells.length > 0).map((cells) => sum(cells.map((at) => shares[at] ?? 0)));
  return {
    documents,
    meanDocuments: sum(documents) / size,
    factors,
    meanFactor: factors && sum(factors) / size,
    right: right.length === 0 ? undefined : sum(right) / right.length,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
