import { isSameText } from '../../lab/door/texts.ts';
import type { LabError } from '../../lab/door/labError.ts';
import { changedSettings, type Configuration } from '../../settings/configuration.ts';
import type { OwnText } from './readersText.svelte.ts';

/** What a run is made from, as the reader has chosen it. */
export interface Choice {
  readonly configuration: Configuration;
  /** The reader's own text, which counts where the configuration's source is 'text'. */
  readonly text: OwnText;
}

/** What the lab was asked to stand on, and has not answered yet. */
interface Pending {
  /** Undefined for a saved run, which brings its own along. */
  readonly choice: Choice | undefined;
  readonly control: AbortController | undefined;
  /** Resolves when the lab stands on it, and the page has followed. */
  readonly done: Promise<void>;
}

/** What the lab stands on, and what it was asked to stand on next. */
export class Ground {
  /** What the lab accepted last. */
  accepted = $state.raw<Choice>();
  /** The newest; what it has overtaken was stopped. */
  private pending: Pending | undefined;

  /** Whether the lab stands on this, or will: the request that sees to that; undefined when it has to be asked. */
  has(choice: Choice): Promise<void> | undefined {
    const { pending, accepted } = this;
    // A saved run that is put back becomes what is chosen.
    if (pending) return !pending.choice || differences(choice, pending.choice) === 0 ? pending.done : undefined;
    return accepted && differences(choice, accepted) === 0 ? Promise.resolve() : undefined;
  }

  /**
   * Waits for what was just asked for, in the place of whatever was asked for before. `failed` hears why it came to nothing,
   * unless something newer has taken its place by then.
   */
  wait(
    choice: Choice | undefined,
    control: AbortController | undefined,
    done: Promise<void>,
    failed: (cause: unknown) => void,
  ): Promise<void> {
    const pending = { choice, control, done };
    this.pending = pending;
    const end = (): boolean => {
      if (this.pending !== pending) return false;
      this.pending = undefined;
      return true;
    };
    done.then(end, (cause: unknown) => {
      if (end()) failed(cause);
    });
    return done;
  }

  /** Whether something was asked for that is neither there nor refused yet. */
  get isWaiting(): boolean {
    return this.pending !== undefined;
  }

  /** Gives up what was asked for of the reader's choices. A saved run that is being put back is left to who asked for it. */
  giveUp(): void {
    if (!this.pending?.control) return;
    this.pending.control.abort();
    this.pending = undefined;
  }

  /** The lab is gone, and with it what it stood on. */
  clear(): void {
    this.accepted = undefined;
    this.pending = undefined;
  }
}

/** How many settings two choices differ in; another text counts as one, where it is read. */
export function differences(a: Choice, b: Choice): number {
  const isOtherText = a.configuration.source === 'text' && !isSameOwn(a.text, b.text);
  return changedSettings(a.configuration, b.configuration).length + (isOtherText ? 1 : 0);
}

/** Whether two choices are of the same text, whatever is done with it. */
export function readsSame(a: Choice, b: Choice): boolean {
  const { source } = a.configuration;
  return source === b.configuration.source && (source !== 'text' || isSameOwn(a.text, b.text));
}

function isSameOwn(a: OwnText, b: OwnText): boolean {
  return a.title === b.title && isSameText(a, b);
}

/** A refusal, with what has become of the reader's text. */
export function withTextKept(error: LabError, { configuration }: Choice): LabError {
  if (error.kind !== 'badInput' || configuration.source !== 'text') return error;
  return { ...error, action: 'Your text stays as it is.' };
}
