/** Names of locks begin with this, as several pages may share an origin. */
const PREFIX = 'revela-run-';

/** Milliseconds after which what holds a name is another tab: a worker that hung and was ended lets go of it within two seconds. */
const LONGEST_WAIT_MS = 3000;

/**
 * Claims one name after the other among all tabs of a browser: a claim ends with the next one, and with its tab or worker, however that
 * ends. Where the browser has no locks, or lets nobody use them, every claim is granted.
 */
export function tabClaims(
  locks: LockManager | undefined,
  waitMs = LONGEST_WAIT_MS,
): (name: string) => Promise<boolean> {
  let held: string | undefined;
  let release: () => void = () => undefined;
  return (name) => {
    if (name === held) return Promise.resolve(true);
    held = undefined;
    release();
    if (!locks) return Promise.resolve(true);
    return new Promise((answer) => {
      const patience = AbortSignal.timeout(waitMs);
      locks
        .request(PREFIX + name, { signal: patience }, () => {
          answer(true);
          held = name;
          return new Promise<void>((end) => (release = end));
        })
        .catch(() => answer(!patience.aborted));
    });
  };
}
