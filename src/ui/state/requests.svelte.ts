import { LabFailure, type LabError } from '../../lab/door/labError.ts';
import type { Answers, CommandType, Door, LabCommand, ProgressOf } from '../../lab/door/protocol.ts';

/** A request that is waited for. */
interface Waiting {
  readonly type: CommandType;
  readonly control: AbortController;
}

/** How a request is made. */
interface Making<T extends CommandType> {
  /** What has to be done before; when that fails, so has the request. */
  readonly before?: () => Promise<void>;
  /** Hears each progress, where the last one is not enough. */
  readonly onProgress?: (progress: ProgressOf<T>) => void;
}

/** What a panel has asked of the lab, by kind: what it waits for, how far that is, and what went wrong with it last. */
export class Requests {
  private waiting = $state.raw<readonly Waiting[]>([]);
  private progress = $state.raw<Partial<Record<CommandType, unknown>>>({});
  private failed = $state.raw<Partial<Record<CommandType, LabError>>>({});

  constructor(private readonly door: Door) {}

  /**
   * Asks. Resolves with the answer; with undefined when there is none: it failed (which is then to be
   * had from `errorOf`), was stopped, or is not waited for any more.
   */
  async ask<C extends LabCommand>(
    command: C,
    { before, onProgress }: Making<C['type']> = {},
  ): Promise<Answers[C['type']] | undefined> {
    const { type }: { type: C['type'] } = command;
    const one = { type, control: new AbortController() };
    const { signal } = one.control;
    this.waiting = [...this.waiting, one];
    this.forgive(type);
    this.tell(type, undefined);
    try {
      if (before) await before();
      const answer = await this.door.ask(command, {
        signal,
        onProgress: (progress) => {
          if (!this.waiting.includes(one)) return;
          this.tell(type, progress);
          onProgress?.(progress);
        },
      });
      return this.waiting.includes(one) ? answer : undefined;
    } catch (cause) {
      if (!(cause instanceof LabFailure)) throw cause;
      // Who stopped it knows, who waits no more need not, and that the worker is gone is said once, for all it was asked.
      if (!signal.aborted && cause.error.kind !== 'workerLost') this.failed = { ...this.failed, [type]: cause.error };
      return undefined;
    } finally {
      this.waiting = this.waiting.filter((other) => other !== one);
    }
  }

  /** The same, and what was asked of this kind before counts no more. */
  askAnew<C extends LabCommand>(command: C, making?: Making<C['type']>): Promise<Answers[C['type']] | undefined> {
    this.drop(command.type);
    return this.ask(command, making);
  }

  isWaiting(type: CommandType): boolean {
    return this.waiting.some((one) => one.type === type);
  }

  /** What was told last by a request of this kind, or by the one before it; undefined when it has told nothing yet. */
  progressOf<T extends CommandType>(type: T): ProgressOf<T> | undefined {
    return this.progress[type] as ProgressOf<T> | undefined;
  }

  errorOf(type: CommandType): LabError | undefined {
    return this.failed[type];
  }

  /** Stops what was asked of this kind; it is waited for until the lab has done so. */
  stop(type: CommandType): void {
    for (const one of this.waiting) if (one.type === type) one.control.abort();
  }

  /** Stops it, and waits for it no more. */
  drop(...types: readonly CommandType[]): void {
    const dropped = this.waiting.filter(({ type }) => types.includes(type));
    if (dropped.length === 0) return;
    this.waiting = this.waiting.filter((one) => !dropped.includes(one));
    for (const { control } of dropped) control.abort();
  }

  /** Takes a failure off the page. */
  forgive(type: CommandType): void {
    if (this.failed[type]) this.failed = { ...this.failed, [type]: undefined };
  }

  private tell(type: CommandType, progress: unknown): void {
    if (this.progress[type] !== progress) this.progress = { ...this.progress, [type]: progress };
  }
}
