import { plainName } from '../../../../base/quote.ts';
/** Why storage did not take something: it has no room, or the browser does not let the page use it. */
export type Refusal = 'full' | 'unavailable';

/** Larger files are not even read. */
export const MAXIMUM_FILE_BYTES = 128 * 1024 * 1024;

/** A file that holds no run. The message says why, for people. */
export class RunFileError extends Error {
  constructor(
    name: string,
    readonly why: string,
  ) {
    super(`${plainName(name)} holds no run that this page can read: ${why} Your runs are as they were.`);
    this.name = 'RunFileError';
  }
}

/** A kept run of which storage holds something else than a run. The message says what, for people. */
export class UnreadableRunError extends Error {
  constructor(name: string, why: string) {
    super(`This run cannot be read (${name}): ${why} The others are as they were.`);
    this.name = 'UnreadableRunError';
  }
}

const UNAVAILABLE = 'This browser does not let the page keep runs (a private window may be the reason)';
const HELD_ONLY =
  'The page holds the run trained last and the one before it, until it is closed: export what you want.';
const MAKE_ROOM = 'Export and delete runs you no longer need';

export function refusalOf(error: unknown): Refusal {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  return name === 'QuotaExceededError' ? 'full' : 'unavailable';
}

/** What to tell of a run trained here that is not kept, or only up to a step (0: not at all). */
export function notKept(refusal: Refusal, keptStep: number): string {
  const what = keptStep === 0 ? 'this run is not kept' : `this run is kept up to step ${keptStep} only`;
  return refusal === 'full'
    ? `This browser’s storage is full: ${what}. ${MAKE_ROOM}: then it is kept.`
    : `${UNAVAILABLE}: ${what}. ${HELD_ONLY}`;
}

/** What to tell of a run trained here that was not kept, when the page lets it go. */
export function lost(name: string): string {
  return `${name} was not kept and is gone. ${HELD_ONLY}`;
}

/** What to tell when the list of the kept runs cannot be read. */
export function listProblem(): string {
  return `${UNAVAILABLE}. ${HELD_ONLY}`;
}

/** What to tell of something that could not be done, `undone` saying what: "The copy was not added". */
export function problemOf(error: unknown, undone: string): string {
  if (error instanceof UnreadableRunError || error instanceof RunFileError) return error.message;
  return refusalOf(error) === 'full'
    ? `This browser’s storage is full: ${undone}. ${MAKE_ROOM}, then try again.`
    : `${UNAVAILABLE}: ${undone}.`;
}
