import type { SavedRunView } from '../../../run/savedRuns.ts';
import type { RunSummary } from './records/summary.ts';

/** A run of this browser. It has its record, its weights, or both. */
export interface LibraryRun {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** Its numbers and pictures, which can be shown and compared; undefined where storage has lost or refused them. */
  readonly record: RunSummary | undefined;
  /** What it goes on with; undefined where none was saved. */
  readonly weights: SavedRunView | undefined;
}

/** Every run once, newest first. `isComing`: whether a run's record will be there by itself. */
export function libraryOf(
  records: readonly RunSummary[],
  weights: readonly SavedRunView[],
  isComing: (id: string) => boolean,
): LibraryRun[] {
  const recorded = new Set(records.map(({ id }) => id));
  const bare = weights.filter(({ id }) => !recorded.has(id) && !isComing(id));
  return [
    ...records.map((record) => {
      const { id, name, createdAt } = record;
      return { id, name, createdAt, record, weights: weights.find((one) => one.id === id) };
    }),
    ...bare.map((one) => {
      const { id, name, savedAt: createdAt } = one;
      return { id, name, createdAt, record: undefined, weights: one };
    }),
  ].sort((a, b) => b.createdAt - a.createdAt);
}

/** Whether a file says by its name that a run goes on from it. */
export function hasWeights({ name }: File): boolean {
  return name.endsWith('.safetensors');
}
