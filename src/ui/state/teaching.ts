import type { ObjectiveTable } from '../../objectives/tables.ts';
import { matrixOf, tokenRowsOf, type Picture } from '../../run/record.ts';
import { shareOf } from './history/changes.ts';
import { isPair } from './pairs.ts';

/** What a batch teaches the retriever, cell by cell: matrices [B, B], row-major in the order of the batch. */
export interface Teaching {
  /**
   * What reading a chunk saved the one that reads, to first order, in nats per token of that one: −A_ij · ∂L/∂A_ij · R / R_i, where R
   * tokens are predicted in the batch and R_i of them in chunk i. Below 0 it hurt. Undefined where nothing is read.
   */
  readonly savings: readonly number[] | undefined;
  /** The same of a unit of attention: −∂L/∂A_ij · R / R_i. */
  readonly savingsOfUnit: readonly number[] | undefined;
  /** Where S goes: −∂L/∂S_ij. Above 0 it rises. */
  readonly pulls: readonly number[];
  /** The largest of each by size. */
  readonly largestSaving: number;
  readonly largestPull: number;
}

type Table = Pick<ObjectiveTable, 'matrices' | 'signals' | 'tokenRows'>;

/** What a picture shows of it; undefined where it holds no gradients, as older records, and what was not computed by the run. */
export function teachingOf(table: Table, picture: Picture): Teaching | undefined {
  const { signals } = table;
  if (!signals) return undefined;
  const size = picture.batch.chunks.length;
  const slopes = matrixOf(picture, signals.similarity);
  if (slopes.length !== size * size) return undefined;
  const attention = matrixOf(picture, shareOf(table)?.key ?? '');
  const gradient = matrixOf(picture, signals.attention);
  const predicted = tokenRowsOf(picture, table.tokenRows[0]?.key ?? '').map((row) => row.length);
  const all = predicted.reduce((sum, count) => sum + count, 0);
  const isRead = gradient.length === size * size && all > 0;
  const ofUnit = isRead
    ? gradient.map((slope, at) =>
        predicted[Math.floor(at / size)] ? (-slope * all) / (predicted[Math.floor(at / size)] ?? 1) : 0,
      )
    : undefined;
  const savings = ofUnit?.map((saving, at) => saving * (attention[at] ?? 0));
  const pulls = slopes.map((slope) => -slope);
  return { savings, savingsOfUnit: ofUnit, pulls, largestSaving: largest(savings ?? []), largestPull: largest(pulls) };
}

/**
 * What a unit of attention saves on a partner more than on another neighbour: the mean over chunks that have both, in nats per token.
 * NaN where none has.
 */
export function contrastOf({ batch: { chunks } }: Picture, { savingsOfUnit = [] }: Teaching): number {
  const differences = chunks.flatMap((chunk, i) => {
    const of = (isPartner: boolean): number[] =>
      chunks.flatMap((other, j) =>
        j !== i && isPair('document', chunk, other) === isPartner ? [savingsOfUnit[i * chunks.length + j] ?? NaN] : [],
      );
    const [partners, others] = [of(true), of(false)];
    return partners.length > 0 && others.length > 0 ? [mean(partners) - mean(others)] : [];
  });
  return mean(differences);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
