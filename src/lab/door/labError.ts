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

/** A worker that was ended because it answered no more. */
export const WORKER_LOST: LabError = {
  kind: 'workerLost',
  message: 'The worker that trains had stopped answering, and was ended.',
  action: 'Text and settings are kept, and what was saved of the run stands under Runs. Train begins at step 0.',
};

/** Whether the lab that says so is over, with all that it held: the next request is answered by another. */
export function endsLab({ kind }: LabError): boolean {
  return kind === 'bug' || kind === 'workerLost' || kind === 'deviceLost';
}

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
