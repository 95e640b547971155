import type { RunRecord } from '../../../run/record.ts';

/** Relative to the page, so that they are found under any path. */
const FOLDER = 'recorded';
/** Name of the run that plays at first sight. */
export const FIRST_RUN = 'facts';

/** Whether parsed JSON is a run this page can draw. A server may answer a missing file with a page of its own. */
export function isRunRecord(value: unknown): value is RunRecord {
  const run = value as Partial<RunRecord> | null;
  return (
    typeof run === 'object' &&
    run?.version === 1 &&
    typeof run.configuration === 'object' &&
    typeof run.corpus === 'object' &&
    Array.isArray(run.metrics) &&
    run.metrics.length > 0 &&
    Array.isArray(run.snapshots) &&
    run.snapshots.length > 0 &&
    Array.isArray(run.evaluations)
  );
}

/** The run that plays at first sight; undefined when this copy of the page has none. */
export function fetchRecordedRun(): Promise<RunRecord | undefined> {
  return fetchRun(FIRST_RUN);
}

/** A recorded run by its name; undefined when this copy of the page has none of it. */
export async function fetchRun(name: string): Promise<RunRecord | undefined> {
  try {
    const response = await fetch(`${FOLDER}/${name}.json`);
    if (!response.ok) return undefined;
    const content: unknown = await response.json();
    return isRunRecord(content) ? content : undefined;
  } catch {
    // Offline or no JSON: the page then begins with its empty figure, which says how to start.
    return undefined;
  }
}
