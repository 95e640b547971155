/**
 * What sort of trouble it is: by this the page, and whoever else looks on, decides what to offer.
 * - `badInput`: a file, a text or a command line that cannot be used. `badSetting`: a value that a setting does not take.
 * - `network`, `storage`: the hub, and what this browser or disk keeps. `stopped`: ended before it was done, nobody's mistake.
 * - `noWebGpu`, `deviceLost`, `outOfMemory`: the GPU. `workerLost`: the worker answers no more. `diverged`: training itself. `bug`: ours.
 */
export type FailureKind =
  | 'noWebGpu'
  | 'deviceLost'
  | 'outOfMemory'
  | 'workerLost'
  | 'badInput'
  | 'badSetting'
  | 'diverged'
  | 'network'
  | 'storage'
  | 'stopped'
  | 'bug';

/**
 * An error whose message is meant for people: it says what happened, and `action` what to do or what is kept. Anything else
 * that is thrown is a bug. Whoever shows errors asks for this type alone; new kinds of trouble extend it where they arise.
 */
export abstract class ReportedError extends Error {
  abstract readonly kind: FailureKind;
  abstract readonly action: string;

  /** The setting at fault, where there is one. */
  readonly setting: string | undefined = undefined;

  /** Settings with which it would work, by their keys, where that is known. */
  readonly settings: Readonly<Record<string, number | string | boolean>> | undefined = undefined;
}

/** Something that was given and cannot be used. It is refused as a whole, before anything changes. */
export abstract class BadInputError extends ReportedError {
  override readonly kind = 'badInput';
  override readonly action: string = 'What was there before is kept.';
}

/** What was to be stored is not, or not where it was wanted. */
export abstract class StorageError extends ReportedError {
  override readonly kind = 'storage';
  override readonly action = 'Nothing that was there before is lost.';
}

/** Something that was to come over the network and did not. */
export abstract class NetworkError extends ReportedError {
  override readonly kind = 'network';
  override readonly action = 'What has arrived is kept.';
}
