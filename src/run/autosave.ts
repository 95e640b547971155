import type { Configuration } from '../settings/configuration.ts';

/** Training for so long that is not saved yet is saved after the step under way: a crash costs less than a minute. */
export const MOST_UNSAVED_MS = 45_000;

/** So much is worth a save where a run comes to rest, or where its page may be closed. */
export const WORTH_SAVING_MS = 10_000;

/**
 * Decides when a run is saved by itself. Times are in ms, by a clock of the caller's; steps are updates made. Nothing is saved
 * by itself where `autosaveEvery` is 0.
 */
export class Autosave {
  /** When what is not saved yet was begun, or was last tried to be saved. */
  #since: number;
  #isOff = false;

  /** A run that stands at `savedStep`, which a save or its recipe brings back. */
  constructor(
    private readonly settings: Pick<Configuration, 'base' | 'autosaveEvery'>,
    private savedStep: number,
    now: number,
  ) {
    this.#since = now;
  }

  /** The step that a crash would bring the run back to. */
  get step(): number {
    return this.savedStep;
  }

  /** Training begins or goes on after `step`: a pause before it is no work that could be lost. */
  goesOn(step: number, now: number): void {
    if (step === this.savedStep) this.#since = now;
  }

  /** Whether to save after `step`, which may be the last before a pause. */
  isDue(step: number, isLast: boolean, now: number): boolean {
    const { base, autosaveEvery } = this.settings;
    if (this.#isNever || step === this.savedStep) return false;
    if (base === 'checkpoint' && step % autosaveEvery === 0) return true;
    return now - this.#since >= MOST_UNSAVED_MS || (isLast && this.isWorthIt(step, now));
  }

  /** Whether to save a run that stands at `step` and may not be seen again. */
  isWorthIt(step: number, now: number): boolean {
    return !this.#isNever && step !== this.savedStep && now - this.#since >= WORTH_SAVING_MS;
  }

  saved(step: number, now: number): void {
    this.savedStep = step;
    this.#since = now;
    this.#isOff = false;
  }

  /** A save came to nothing: the next one is tried when as much time has passed again. */
  failed(now: number): void {
    this.#since = now;
  }

  /** The reader has deleted what was saved: no more, until they ask for a save. */
  stop(): void {
    this.#isOff = true;
  }

  get #isNever(): boolean {
    return this.#isOff || this.settings.autosaveEvery === 0;
  }
}
