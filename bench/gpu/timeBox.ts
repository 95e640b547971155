/** A stretch of time that ends by itself, or as somebody else's does. */
export interface TimeBox {
  readonly signal: AbortSignal;
  /** When it ends, in performance.now()'s time. */
  readonly until: number;
  /** Ends it, so that nothing waits for it any more. */
  readonly close: () => void;
}

/** Opens one of so many ms. A timer of its own: what AbortSignal.any() makes does not keep AbortSignal.timeout() alive. */
export function timeBox(ms: number, parent: AbortSignal): TimeBox {
  const control = new AbortController();
  const end = (): void => control.abort();
  const timer = setTimeout(end, ms);
  if (parent.aborted) end();
  parent.addEventListener('abort', end, { once: true });
  return {
    signal: control.signal,
    until: performance.now() + ms,
    close: () => {
      clearTimeout(timer);
      parent.removeEventListener('abort', end);
    },
  };
}
