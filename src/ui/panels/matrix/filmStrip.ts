import type { Picture } from '../../../run/record.ts';

/**
 * Pictures for the slots of a strip that stands for the steps from `first` to `last`: for each slot the picture nearest to
 * its middle; nothing where that is already shown by the slot before.
 */
export function filmStrip(
  snapshots: readonly Picture[],
  first: number,
  last: number,
  slots: number,
): (Picture | undefined)[] {
  let before: Picture | undefined;
  return Array.from({ length: slots }, (_, slot) => {
    const middle = first + ((slot + 0.5) / slots) * (last - first);
    const nearest = nearestTo(snapshots, middle);
    if (nearest === before) return undefined;
    before = nearest;
    return nearest;
  });
}

function nearestTo(snapshots: readonly Picture[], step: number): Picture | undefined {
  let best = snapshots[0];
  for (const candidate of snapshots) {
    if (Math.abs(candidate.metrics.step - step) < Math.abs((best?.metrics.step ?? 0) - step)) best = candidate;
  }
  return best;
}
