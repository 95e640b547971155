import { constants } from 'node:os';
import { ReportedError } from '../../base/errors.ts';

/** What was stopped before there was anything worth keeping. */
export class StoppedError extends ReportedError {
  override readonly name = 'StoppedError';
  override readonly kind = 'stopped';
  override readonly action = 'Nothing has changed.';
}

/** Signals that a person sends on purpose, and who may send another. */
const BY_HAND = ['SIGINT', 'SIGTERM'];

/** Says on standard error that a signal has arrived: finishing what is under way can take a while. */
export function tellWhenStopping(signal: AbortSignal): void {
  const tell = () => {
    if (BY_HAND.includes(String(signal.reason)))
      process.stderr.write('Stopping: what is under way is finished and written. Once more ends at once.\n');
  };
  signal.addEventListener('abort', tell, { once: true });
}

/**
 * The exit code of a program that a signal has ended: 128 + its number, as shells have it. 130 for Ctrl-C, 143 for `kill`,
 * 129 for a terminal that was closed, 141 where nobody reads any more what is printed.
 */
export function stoppedCode({ reason }: AbortSignal): number {
  const known: Readonly<Record<string, number>> = constants.signals;
  return 128 + (known[String(reason)] ?? constants.signals.SIGINT);
}
