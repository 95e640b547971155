import { CorpusError } from './errors.ts';

/** Longest stretch between two pauses in which messages and abort requests are seen. */
const PAUSE_EVERY_MS = 30;

/** A function that lets other tasks run when the last pause is long ago, and throws `aborted` if the work was stopped. */
export function pacer(signal: AbortSignal | undefined, work: string): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last > PAUSE_EVERY_MS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      last = performance.now();
    }
    if (signal?.aborted) throw new CorpusError('aborted', `${work} was stopped.`);
  };
}
