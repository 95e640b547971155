import { IS_NODE } from '../../../../base/environment.ts';
import type { RunRecord } from '../../../../run/record.ts';
import { MAXIMUM_FILE_BYTES, RunFileError } from './problems.ts';
import type { RunFileAnswer } from './runFile.ts';

/**
 * Reads a run from a file that anybody may have written, in a worker of its own: parsed and checked there, it cannot hold up the page.
 * @param signal ends it at once, whatever it is at.
 * @throws RunFileError when it holds no run, or cannot be read at all. @throws DOMException AbortError
 */
export async function readRunFile(file: File, signal?: AbortSignal): Promise<RunRecord> {
  if (file.size > MAXIMUM_FILE_BYTES) {
    throw new RunFileError(file.name, `it is larger than ${MAXIMUM_FILE_BYTES / 1024 / 1024} MB.`);
  }
  // Tests run in Node.
  const answer = await (IS_NODE ? (await import('./runFile.ts')).answerFor(file) : readBeside(file, signal));
  if (answer.run) return answer.run;
  throw new RunFileError(file.name, answer.why ?? 'the browser could not read it. Choose it again.');
}

function readBeside(file: File, signal: AbortSignal | undefined): Promise<RunFileAnswer> {
  signal?.throwIfAborted();
  const worker = new Worker(new URL('./runFile.worker.ts', import.meta.url), { type: 'module', name: 'run file' });
  return new Promise<RunFileAnswer>((done, fail) => {
    worker.onmessage = ({ data }: MessageEvent<RunFileAnswer>) => done(data);
    worker.onmessageerror = worker.onerror = () => done({ why: undefined });
    signal?.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
    worker.postMessage(file);
  }).finally(() => worker.terminate());
}
