import type { MatrixDefinition, ObjectiveTable } from '../../../objectives/tables.ts';
import { matrixOf, type Picture } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';
import { isPair } from '../pairs.ts';

/**
 * How the matrix of shares looks, whichever chunks are in the batch: what two steps with different batches can be compared by.
 */
export interface Shape {
  readonly step: number;
  /** Mean over rows of the share of what is right (PairWords.right); NaN when no row has anything right. */
  readonly right: number;
  /** Mean over rows of the share of other documents told in the same wording; NaN where no row has such a chunk. */
  readonly wording: number;
  /** Mean over rows of the shares, each row's sorted from high to low: how sharp the matrix is. */
  readonly profile: readonly number[];
  /** Mean over rows of exp(entropy): over how many cells a row effectively spreads. */
  readonly spread: number;
}

type Table = Pick<ObjectiveTable, 'matrices' | 'pairs'>;

/** The matrix of an objective whose rows are shares, if it has one: the one whose changes are looked for. */
export function shareOf({ matrices }: Pick<ObjectiveTable, 'matrices'>): MatrixDefinition | undefined {
  return matrices.find(({ isShare }) => isShare);
}

/** Two neighbouring pictures between which the shares changed much. */
export interface Change {
  readonly from: Shape;
  /** The step to look at. */
  readonly to: Shape;
  readonly amount: number;
}

/** Most changes that are offered. */
const MOST = 6;
/** Where less than this of a row's share moved, nothing is worth a visit. */
const LEAST = 0.03;
/** Pictures on either side that are averaged: batches differ, and a single one says little. */
const WINDOW = 3;

/** Pictures do not change, and are looked at again and again while a run goes on. */
const shapes = new WeakMap<Picture, Shape>();

/** The shape of the shares in a picture. */
export function shapeOf(record: Picture, table: Table): Shape {
  const known = shapes.get(record);
  if (known) return known;
  const shape = measure(record, matrixOf(record, shareOf(table)?.key ?? ''), table.pairs.diagonal === 'answer');
  shapes.set(record, shape);
  return shape;
}

function measure({ metrics, batch: { chunks } }: Picture, shares: readonly number[], isDiagonalRight: boolean): Shape {
  const size = chunks.length;
  const profile = Array.from({ length: Math.max(0, isDiagonalRight ? size : size - 1) }, () => 0);
  let right = 0;
  let withRight = 0;
  let wording = 0;
  let withWording = 0;
  let spread = 0;
  chunks.forEach((chunk, i) => {
    const { document } = chunk;
    const row = chunks.map((_, j) => shares[i * size + j] ?? 0);
    const counted = row.filter((_, j) => isDiagonalRight || j !== i).sort((a, b) => b - a);
    counted.forEach((value, rank) => (profile[rank] = (profile[rank] ?? 0) + value / size));
    spread += Math.exp(-sum(counted.map((value) => (value > 0 ? value * Math.log(value) : 0)))) / size;
    const alike = row.filter((_, j) => isPair('wording', chunk, chunks[j]));
    if (alike.length > 0) {
      withWording++;
      wording += sum(alike);
    }
    const rights = row.filter((_, j) => (isDiagonalRight ? j === i : j !== i && chunks[j]?.document === document));
    if (rights.length === 0) return;
    withRight++;
    right += sum(rights);
  });
  return { step: metrics.step, right: right / withRight, wording: wording / withWording, profile, spread };
}

/**
 * How much of the shares moved between two shapes, from 0 to 1: the largest of the change on what is right, that on the same wording, and half the summed
 * change of the sorted profile (the total variation of the two).
 */
export function distance(a: Shape, b: Shape): number {
  const length = Math.max(a.profile.length, b.profile.length);
  let moved = 0;
  for (let rank = 0; rank < length; rank++) moved += Math.abs((a.profile[rank] ?? 0) - (b.profile[rank] ?? 0)) / 2;
  const right = Math.abs(a.right - b.right);
  const wording = Math.abs(a.wording - b.wording);
  return Math.max(moved, right || 0, wording || 0);
}

/** The steps at which the shares changed most, in order: each the largest change among its neighbours, a few pictures averaged. */
export function largestChanges(snapshots: readonly Picture[], table: Table): Change[] {
  if (!shareOf(table)) return [];
  const known = snapshots.map((record) => shapeOf(record, table));
  const changes = known.slice(1).map((to, i): Change => {
    const before = mean(known.slice(Math.max(0, i + 1 - WINDOW), i + 1));
    const after = mean(known.slice(i + 1, i + 1 + WINDOW));
    return {
      from: { ...before, step: known[i]?.step ?? 0 },
      to: { ...after, step: to.step },
      amount: distance(before, after),
    };
  });
  /** Changes that stand this close are one. */
  const apart = Math.max(WINDOW, Math.floor(known.length / (2 * MOST)));
  const peaks: number[] = [];
  const order = changes.map((_, i) => i).sort((a, b) => (changes[b]?.amount ?? 0) - (changes[a]?.amount ?? 0));
  for (const i of order) {
    if (peaks.length === MOST || (changes[i]?.amount ?? 0) < LEAST) break;
    if (peaks.every((peak) => Math.abs(peak - i) >= apart)) peaks.push(i);
  }
  return peaks.sort((a, b) => a - b).flatMap((i) => changes[i] ?? []);
}

/** What changed, in words. What rounds to the same is not named; nothing but the step where all does. */
export function describeChange({ from, to }: Change, table: Table): string {
  const { right, spread } = table.pairs;
  const share = shareOf(table)?.label ?? '';
  const parts = [
    moved(`${share} on the ${right}`, from.right, to.right),
    moved('on the same wording', from.wording, to.wording),
    moved(spread, from.spread, to.spread),
  ].filter((part) => part !== '');
  return parts.length === 0 ? `Around ${to.step}: how rows share changed.` : `Around ${to.step}: ${parts.join(', ')}.`;
}

function moved(what: string, from: number, to: number): string {
  const [before, after] = [decimal(from), decimal(to)];
  return before === after || Number.isNaN(from) || Number.isNaN(to) ? '' : `${what} ${before} → ${after}`;
}

function mean(shapes: readonly Shape[]): Shape {
  const of = (value: (shape: Shape) => number): number => {
    const values = shapes.map(value).filter((one) => !Number.isNaN(one));
    return sum(values) / values.length;
  };
  return {
    step: shapes.at(-1)?.step ?? 0,
    right: of(({ right }) => right),
    wording: of(({ wording }) => wording),
    profile: (shapes[0]?.profile ?? []).map((_, rank) => of(({ profile }) => profile[rank] ?? 0)),
    spread: of(({ spread }) => spread),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
