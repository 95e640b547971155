/** Names in localStorage begin with this, as several pages may share an origin. */
const PREFIX = 'revela.';

/** Whether anything is read or saved at all. */
let isKept = true;

/** From now on nothing is read and nothing saved: the page stands in a frame of another one. */
export function keepNothing(): void {
  isKept = false;
}

/** What was saved under `name`; undefined when there is nothing, it is unreadable, or storage is refused. */
export function load<T>(name: string): T | undefined {
  try {
    const text = isKept ? localStorage.getItem(PREFIX + name) : null;
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

/** Saves if the browser lets us: private windows may refuse, and large texts may exceed the quota. */
export function save(name: string, value: unknown): void {
  if (!isKept) return;
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // The page works without: only a reload then starts afresh.
  }
}
