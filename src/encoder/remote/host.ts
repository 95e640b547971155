import { ReportedError } from '../../base/errors.ts';
import { CorpusError } from '../../corpus/errors.ts';
import { memorySource } from '../../files/formats/byteSource.ts';
import { openEncoder, type Encoder, type TransformersLibrary } from '../encoder.ts';
import type { FromEncoder, OpenedEncoder, ToEncoder } from './messages.ts';

/**
 * An encoder behind messages: the worker's end of it. Requests are answered one after the other.
 * @param load the library, which is fetched when an encoder is opened and not before.
 * @returns what hears messages.
 */
export function hostEncoder(
  load: () => Promise<TransformersLibrary>,
  send: (message: FromEncoder, transfer?: Transferable[]) => void,
): (message: ToEncoder) => Promise<void> {
  let encoder: Encoder | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const stops = new Map<number, AbortController>();

  const work = async (message: Exclude<ToEncoder, { kind: 'stop' }>, signal: AbortSignal): Promise<unknown> => {
    const { id } = message;
    if (message.kind === 'open') {
      send({ kind: 'progress', id, detail: 'Loading transformers.js' });
      const library = await load();
      const { files, use } = message;
      const lookup = (name: string) => {
        const bytes = files.get(name);
        return Promise.resolve(bytes && memorySource(name, bytes));
      };
      const onProgress = (detail: string): void => send({ kind: 'progress', id, detail });
      encoder = await openEncoder(library, lookup, { ...use, signal, onProgress });
      return { card: encoder.card, maxTokens: encoder.maxTokens } satisfies OpenedEncoder;
    }
    if (!encoder) throw new Error('No encoder is open: this is a bug.');
    if (message.kind === 'countLonger') return encoder.countLonger(message.role, message.texts);
    const onProgress = (fraction: number): void => send({ kind: 'progress', id, fraction });
    return encoder.embed(message.role, message.texts, { signal, onProgress });
  };

  return async (message) => {
    const { id } = message;
    if (message.kind === 'stop') return stops.get(id)?.abort();
    const stop = new AbortController();
    stops.set(id, stop);
    const before = turn;
    const answered = before.then(async () => {
      try {
        const answer = await work(message, stop.signal);
        send({ kind: 'answer', id, answer }, answer instanceof Float32Array ? [answer.buffer] : []);
      } catch (cause) {
        send({ kind: 'failure', id, ...failureIn(cause, stop.signal) });
      } finally {
        stops.delete(id);
      }
    });
    turn = answered;
    await answered;
  };
}

function failureIn(
  cause: unknown,
  signal: AbortSignal,
): Pick<Extract<FromEncoder, { kind: 'failure' }>, 'failure' | 'message'> {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (signal.aborted || (cause instanceof CorpusError && cause.code === 'aborted'))
    return { failure: 'stopped', message };
  return { failure: cause instanceof ReportedError ? cause.kind : 'bug', message };
}
