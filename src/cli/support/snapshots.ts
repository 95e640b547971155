/** How many pictures of steps a recorded run holds: most are of the probe. */
const SNAPSHOTS = 24;

/** Steps whose matrices a recorded run keeps: all at first, then ever further apart, and the last. */
export function snapshotSteps(steps: number): number[] {
  if (steps <= SNAPSHOTS) return Array.from({ length: steps }, (_, i) => i + 1);
  const chosen = new Set<number>();
  for (let i = 0; i < SNAPSHOTS; i++) {
    const fraction = i / (SNAPSHOTS - 1);
    // Between linear and logarithmic: the change happens early, but not only at the very start.
    chosen.add(Math.max(1, Math.round(steps * fraction ** 1.5)));
  }
  return [...chosen].sort((a, b) => a - b);
}
