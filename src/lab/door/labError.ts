import type { FailureKind } from '../../base/errors.ts';

/** What went wrong, for people: what happened, and what to do. The state of the run before it is kept. */
export interface LabError {
  readonly kind: FailureKind;
  readonly message: string;
  readonly action: string;
  /** The setting at fault, where there is one. */
  readonly setting?: string;
  /** Settings with which it would work, by their keys, where that is known. */
  readonly settings?: Readonly<Record<string, number | string | boolean>>;
}

/** How a request ends that was stopped, be it by who asked or by what came after it. */
export const STOPPED: LabError = { kind: 'stopped', message: 'It was stopped.', action: 'Nothing has changed.' };

/** A request that came to nothing. All that the lab rejects with is one of these. */
export class LabFailure extends Error {
  override readonly name = 'LabFailure';

  constructor(
    readonly error: LabError,
    options?: ErrorOptions,
  ) {
    super(error.message, options);
  }
}
