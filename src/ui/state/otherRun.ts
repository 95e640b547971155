import type { Session } from './session.svelte.ts';

const KINDS = { recorded: 'Recorded run', kept: 'Kept run', trial: 'Trial run' } as const;

/** What kind of run is shown, as it is called; undefined for the one that was trained here. */
export function runKind({ kind, stage }: Pick<Session, 'kind' | 'stage'>): string | undefined {
  if (kind === 'recorded') return KINDS.recorded;
  return kind === 'stored' ? KINDS[stage.shownAs] : undefined;
}

/** Whose run is shown, as it is called: "Recorded run on Facts". Undefined for the one that was trained here. */
export function runName(session: Pick<Session, 'kind' | 'stage'>): string | undefined {
  const kind = runKind(session);
  return kind && `${kind} on ${session.stage.shownTitle}`;
}

/** The same of any run: "The run on The kitchen" of the one that was trained here. */
export function shownName(session: Pick<Session, 'kind' | 'stage'>): string {
  return runName(session) ?? `The run on ${session.stage.shownTitle}`;
}

/**
 * What to say of a run that is shown beside something else that was chosen, so that nobody takes it for their own text's.
 * Undefined where it is of what is chosen.
 */
export function otherRun(
  session: Pick<Session, 'kind' | 'stage' | 'isOfChoice' | 'waitingChanges'>,
): string | undefined {
  return session.isOfChoice ? undefined : shownName(session);
}
