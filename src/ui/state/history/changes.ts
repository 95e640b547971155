import type { StepRecord } from '../../../run/record.ts';
import { decimal } from '../../components/format.ts';

/** How A looks, whichever chunks are in the batch: what two steps with different batches can be compared by. */
export interface Shape {
  readonly step: number;
  /** Mean over rows of the attention on chunks of the same document; NaN when no row has a partner. */
  readonly partner: number;
  /** Mean over rows of the attentions, each row's sorted from high to low: how sharp A is. */
  readonly profile: readonly number[];
  readonly documents: number;
}

/** Two neighbouring pictures between which A changed much. */
export interface Change {
  readonly from: Shape;
  /** The step to look at. */
  readonly to: Shape;
  readonly amount: number;
}

/** Most changes that are offered. */
const MOST = 6;
/** Below this share of the attention nothing is worth a visit. */
const LEAST = 0.03;
/** Pictures on either side that are averaged: batches differ, and a single one says little. */
const WINDOW = 3;

/** Pictures do not change, and are looked at again and again while a run goes on. */
const shapes = new WeakMap<StepRecord, Shape>();

/** The shape of A in a picture. */
export function shapeOf(record: StepRecord): Shape {
  const known = shapes.get(record);
  if (known) return known;
  const shape = measure(record);
  shapes.set(record, shape);
  return shape;
}

function measure({ metrics, batch, attention }: StepRecord): Shape {
  const { chunks } = batch;
  const size = chunks.length;
  const profile = Array.from({ length: Math.max(0, size - 1) }, () => 0);
  let partner = 0;
  let withPartner = 0;
  chunks.forEach(({ document }, i) => {
    const row = chunks.map((_, j) => attention[i * size + j] ?? 0);
    const others = row.filter((_, j) => j !== i).sort((a, b) => b - a);
    others.forEach((value, rank) => (profile[rank] = (profile[rank] ?? 0) + value / size));
    const same = row.filter((_, j) => j !== i && chunks[j]?.document === document);
    if (same.length === 0) return;
    withPartner++;
    partner += same.reduce((sum, value) => sum + value, 0);
  });
  return { step: metrics.step, partner: partner / withPartner, profile, documents: metrics.effectiveDocuments };
}

/**
 * How much of the attention moved between two shapes, from 0 to 1: the larger of the change on partners and half the summed
 * change of the sorted profile (the total variation of the two).
 */
export function distance(a: Shape, b: Shape): number {
  const length = Math.max(a.profile.length, b.profile.length);
  let moved = 0;
  for (let rank = 0; rank < length; rank++) moved += Math.abs((a.profile[rank] ?? 0) - (b.profile[rank] ?? 0)) / 2;
  const partner = Math.abs(a.partner - b.partner);
  return Number.isNaN(partner) ? moved : Math.max(moved, partner);
}

/** The steps at which A changed most, in order: each the largest change among its neighbours, a few pictures averaged. */
export function largestChanges(snapshots: readonly StepRecord[]): Change[] {
  const known = snapshots.map(shapeOf);
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

/** What changed, in words. */
export function describeChange({ from, to }: Change): string {
  const parts = [];
  if (!Number.isNaN(from.partner) && !Number.isNaN(to.partner)) {
    parts.push(`attention on the same document ${decimal(from.partner)} → ${decimal(to.partner)}`);
  }
  parts.push(`documents read per row ${decimal(from.documents)} → ${decimal(to.documents)}`);
  return `Around ${to.step}: ${parts.join(', ')}.`;
}

function mean(shapes: readonly Shape[]): Shape {
  const of = (value: (shape: Shape) => number): number => {
    const values = shapes.map(value).filter((one) => !Number.isNaN(one));
    return values.reduce((sum, one) => sum + one, 0) / values.length;
  };
  return {
    step: shapes.at(-1)?.step ?? 0,
    partner: of(({ partner }) => partner),
    profile: (shapes[0]?.profile ?? []).map((_, rank) => of(({ profile }) => profile[rank] ?? 0)),
    documents: of(({ documents }) => documents),
  };
}
