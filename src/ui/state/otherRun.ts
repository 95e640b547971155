import type { Session } from './session.svelte.ts';

/** Whose run is shown, as it is called: "Recorded run on Facts". Undefined for the one that was trained here. */
export function runName({ kind, stage }: Pick<Session, 'kind' | 'stage'>): string | undefined {
  if (kind === 'recorded') return `Recorded run on ${stage.shownTitle}`;
  if (kind === 'stored') return `Kept run on ${stage.shownTitle}`;
  return undefined;
}

/**
 * What to say of a run that is shown beside something else that was chosen, so that nobody takes it for their own text's.
 * Undefined where it is of what is chosen.
 */
export function otherRun(
  session: Pick<Session, 'kind' | 'stage' | 'isOfChoice' | 'waitingChanges'>,
): string | undefined {
  if (session.isOfChoice) return undefined;
  return runName(session) ?? `The run on ${session.stage.shownTitle}`;
}
