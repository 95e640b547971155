import { ReportedError } from '../../base/errors.ts';
import type { LabError } from './protocol.ts';

/** What to tell the person at the screen about anything that was thrown. Decided by type, never by reading messages. */
export function describeFailure(cause: unknown): LabError {
  if (cause instanceof ReportedError) {
    const { kind, message, action, setting } = cause;
    return { kind, message, action, ...(setting === undefined ? {} : { setting }) };
  }
  return {
    kind: 'bug',
    message: cause instanceof Error ? cause.message : String(cause),
    action: 'This is a bug of ours: please report it. Press Reset to go on.',
  };
}
