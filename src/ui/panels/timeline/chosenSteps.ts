import type { Picture } from '../../../run/record.ts';
import { filmStrip } from '../matrix/filmStrip.ts';
import type { Change } from '../../state/history/changes.ts';

/** Fewest and most small matrices in the grid. */
export const GRID = { least: 6, most: 12 } as const;

/** Which pictures a grid of small multiples shows. */
export type Choice = 'even' | 'changes';

/**
 * Pictures of a run for a grid, in order: evenly spaced over its steps, or those before and after each of the largest
 * changes, with the first and the last. Each once, at most `GRID.most`.
 */
export function chosenPictures(snapshots: readonly Picture[], changes: readonly Change[], choice: Choice): Picture[] {
  const [first] = snapshots;
  const last = snapshots.at(-1);
  if (!first || !last) return [];
  const even = filmStrip(snapshots, first.metrics.step, last.metrics.step, GRID.most - 2);
  const wanted =
    choice === 'even'
      ? even.flatMap((record) => record ?? [])
      : changes
          .slice(0, (GRID.most - 2) / 2)
          .flatMap(({ from, to }) =>
            snapshots.filter(({ metrics }) => metrics.step === from.step || metrics.step === to.step),
          );
  return [...new Set([first, ...wanted, last])].sort((a, b) => a.metrics.step - b.metrics.step);
}
