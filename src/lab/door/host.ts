import { LabFailure, type LabError } from './labError.ts';
import type { Door, FromLab, ToLab } from './protocol.ts';

/**
 * The worker's end: hands each request to the lab and sends back what comes of it, under the request's id. Returns what is to
 * hear the messages.
 */
export function host(
  lab: Door,
  send: (message: FromLab, transfer: Transferable[]) => void,
): (message: ToLab) => Promise<void> {
  const running = new Map<number, AbortController>();

  return async (message) => {
    if (message.kind === 'beat') return send({ kind: 'beat' }, []);
    const { kind, id } = message;
    if (kind === 'stop') {
      running.get(id)?.abort();
      return;
    }
    const control = new AbortController();
    running.set(id, control);
    try {
      const answer = await lab.ask(message.command, {
        signal: control.signal,
        onProgress: (progress: unknown) => send({ kind: 'progress', id, progress }, []),
      });
      send({ kind: 'answer', id, answer }, buffersOf(answer));
    } catch (cause) {
      send({ kind: 'failure', id, error: errorOf(cause) }, []);
    } finally {
      running.delete(id);
    }
  };
}

/** Files are large, and nobody needs them here any more: they move, where other answers are copied. */
function buffersOf(answer: unknown): Transferable[] {
  const { bytes } = (answer ?? {}) as { bytes?: unknown };
  return bytes instanceof Uint8Array && bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [];
}

/** The lab rejects with nothing else than its failures, but an answer may turn out to be none that can be sent. */
function errorOf(cause: unknown): LabError {
  if (cause instanceof LabFailure) return cause.error;
  const message = cause instanceof Error ? cause.message : String(cause);
  return { kind: 'bug', message, action: 'This is a bug of ours: please report it. Press Reset to go on.' };
}
