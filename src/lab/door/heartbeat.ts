/** Milliseconds between two beats, and how many of them in a row stay unanswered before the worker counts as silent. */
export const BEAT_MS = 5000;
export const UNANSWERED = 6;

/**
 * Finds out whether a worker still answers: it is asked every few seconds, and whatever it says counts as an answer. A beat that comes far
 * too late counts for nothing: the page slept, as hidden tabs and closed laptops do, and so did the worker.
 */
export class Heartbeat {
  /** Whether as many beats as that have gone unanswered. */
  isSilent = false;
  #unanswered = 0;
  #last = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(
    private readonly beat: () => void,
    private readonly onChange: (isSilent: boolean) => void,
  ) {
    this.#timer = setInterval(() => this.#tick(), BEAT_MS);
    // Node, where tests run, does not stay up for it.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** Something came from the worker. */
  heard(): void {
    this.#unanswered = 0;
    this.#become(false);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = performance.now();
    const hasSlept = now - this.#last > 2 * BEAT_MS;
    this.#last = now;
    if (hasSlept) this.#unanswered = 0;
    if (this.#unanswered >= UNANSWERED) this.#become(true);
    this.#unanswered++;
    this.beat();
  }

  #become(isSilent: boolean): void {
    if (this.isSilent === isSilent) return;
    this.isSilent = isSilent;
    this.onChange(isSilent);
  }
}
