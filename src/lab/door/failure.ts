import { ReportedError } from '../../base/errors.ts';
import { CorpusError } from '../../corpus/errors.ts';
import { LabFailure, STOPPED, type LabError } from './labError.ts';

/** What to tell the person at the screen about anything that was thrown. Decided by type, never by reading messages. */
export function describeFailure(cause: unknown): LabError {
  if (isOfSignal(cause)) return STOPPED;
  if (cause instanceof ReportedError) {
    const { kind, message, action, setting, settings } = cause;
    return { kind, message, action, ...(setting !== undefined && { setting }), ...(settings && { settings }) };
  }
  return {
    kind: 'bug',
    message: cause instanceof Error ? cause.message : String(cause),
    action: 'This is a bug of ours: please report it. Press Reset to go on.',
  };
}

/** What was thrown, as it is told to who asked. What was stopped on the way may have thrown anything. */
export function failureOf(cause: unknown, signal: AbortSignal): LabFailure {
  if (cause instanceof LabFailure) return cause;
  const error = describeFailure(cause);
  return new LabFailure(signal.aborted && error.kind !== 'deviceLost' ? STOPPED : error, { cause });
}

/** Whether it was thrown only because a signal was aborted, and has no words of its own for people. */
function isOfSignal(cause: unknown): boolean {
  if (cause instanceof CorpusError) return cause.code === 'aborted';
  return cause instanceof DOMException && cause.name === 'AbortError';
}
