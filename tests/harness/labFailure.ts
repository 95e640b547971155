import { LabFailure, type LabError } from '../../src/lab/door/labError.ts';

/** Why a request came to nothing; undefined when it was answered. Anything but a LabFailure is thrown on. */
export async function failureOf(asked: Promise<unknown>): Promise<LabError | undefined> {
  try {
    await asked;
    return undefined;
  } catch (cause) {
    if (cause instanceof LabFailure) return cause.error;
    throw cause;
  }
}
