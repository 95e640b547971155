import type { RunRecord } from '../../../../run/record.ts';

/**
 * The record of a run that goes on from `step`: what the page has kept of it, up to there. Where that ends before, what was
 * saved with its weights follows. What came after `step` is left out: the run makes those steps again.
 */
export function continued(
  kept: RunRecord | undefined,
  saved: RunRecord | undefined,
  step: number,
): RunRecord | undefined {
  if (!kept) return saved;
  const last = Math.min(step, kept.metrics.at(-1)?.step ?? 0);
  const within = <T>(entries: readonly T[], more: readonly T[], stepOf: (entry: T) => number): T[] => [
    ...entries.filter((entry) => stepOf(entry) <= last),
    ...more.filter((entry) => stepOf(entry) > last && stepOf(entry) <= step),
  ];
  return {
    ...kept,
    metrics: within(kept.metrics, saved?.metrics ?? [], (one) => one.step),
    snapshots: within(kept.snapshots, saved?.snapshots ?? [], (one) => one.metrics.step),
    evaluations: within(kept.evaluations, saved?.evaluations ?? [], (one) => one.step),
    ...(kept.collection && {
      collection: {
        ...kept.collection,
        scores: within(kept.collection.scores, saved?.collection?.scores ?? [], (one) => one.step),
      },
    }),
    ...(kept.probe && {
      probe: {
        ...kept.probe,
        records: within(kept.probe.records, saved?.probe?.records ?? [], (one) => one.metrics.step),
      },
    }),
  };
}
