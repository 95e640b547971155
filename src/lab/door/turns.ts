import { LabFailure, STOPPED } from './labError.ts';

/**
 * Who works on the run when: what changes it one after the other, and what looks at it between two steps of whichever of them
 * is training. What is stopped while it waits is never begun.
 */
export class Turns {
  #tail: Promise<void> = Promise.resolve();
  #asides: Pick<Turn<never>, 'take'>[] = [];
  /** Ends what nobody waits for. */
  #idling = new AbortController();

  /** Resolves when all that waits has had its turn. */
  get settled(): Promise<void> {
    return this.#tail;
  }

  /** After everything that came before. Resolves or rejects as `work` does, or is stopped. */
  enqueue<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#idling.abort();
    const turn = new Turn(work, signal);
    this.#tail = this.#tail.then(() => turn.take());
    return turn.result;
  }

  /** When no step is under way: the training loop gets to it first, if there is one. */
  between<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#idling.abort();
    const turn = new Turn(work, signal);
    this.#asides.push(turn);
    this.#tail = this.#tail.then(() => this.doAsides());
    return turn.result;
  }

  /**
   * What nobody waits for, after everything that came before: its signal ends it as soon as anybody asks for a turn. False where that was
   * before it began.
   */
  async whenIdle(work: (signal: AbortSignal) => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
    const idling = new AbortController();
    const ends = AbortSignal.any([idling.signal, signal]);
    const result = this.enqueue(() => work(ends), ends);
    this.#idling = idling;
    try {
      return await result;
    } catch (cause) {
      if (cause instanceof LabFailure && ends.aborted) return false;
      throw cause;
    }
  }

  async doAsides(): Promise<void> {
    for (let aside = this.#asides.shift(); aside; aside = this.#asides.shift()) await aside.take();
  }
}

/** Work that waits for its turn. */
class Turn<T> {
  readonly result: Promise<T>;
  #resolve!: (value: Promise<T>) => void;
  #reject!: (failure: LabFailure) => void;

  constructor(
    private readonly work: () => Promise<T>,
    private readonly signal: AbortSignal,
  ) {
    this.result = new Promise<T>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    if (signal.aborted) this.#drop();
    else signal.addEventListener('abort', this.#drop, { once: true });
  }

  /** Does the work, unless it was stopped before. Resolves when it is done, be it done well or not. */
  async take(): Promise<void> {
    if (this.signal.aborted) return;
    this.signal.removeEventListener('abort', this.#drop);
    const result = this.work();
    this.#resolve(result);
    await result.catch(() => undefined);
  }

  readonly #drop = (): void => this.#reject(new LabFailure(STOPPED));
}
