/** Names of locks begin with this, as several pages may share an origin. */
const PREFIX = 'revela-run-';

/**
 * Claims one name after the other among all tabs of a browser: a claim ends with the next one, and with its tab, however that
 * ends. Where the browser has no locks, or lets nobody use
 * them, every claim is granted.
 */
export function tabClaims(locks: LockManager | undefined): (name: string) => Promise<boolean> {
  let held: string | undefined;
  let release: () => void = () => undefined;
  return (name) => {
    if (name === held) return Promise.resolve(true);
    held = undefined;
    release();
    if (!locks) return Promise.resolve(true);
    return new Promise((answer) => {
      locks
        .request(PREFIX + name, { ifAvailable: true }, (lock) => {
          answer(lock !== null);
          if (lock) held = name;
          return lock && new Promise<void>((end) => (release = end));
        })
        .catch(() => answer(true));
    });
  };
}
