import type { Session } from './session.svelte.ts';

/** Gives each session one of a kind, made when it is first asked for: it stays when the panel that shows it is closed. */
export function ofSession<T>(make: (session: Session) => T): (session: Session) => T {
  const kept = new WeakMap<Session, T>();
  return (session) => {
    const found = kept.get(session) ?? make(session);
    kept.set(session, found);
    return found;
  };
}
