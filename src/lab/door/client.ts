import { Heartbeat } from './heartbeat.ts';
import { LabFailure, STOPPED, type LabError } from './labError.ts';
import type { AskOptions, Answers, CommandType, Door, FromLab, LabCommand, LabEvent, ToLab } from './protocol.ts';

/** The page's end of the worker. */
export interface LabClient extends Door {
  /** Ends the worker and all it holds on the GPU; what waits for an answer is rejected. */
  close(why?: LabError): void;
}

/** Starts the worker; `onEvent` hears what it tells everybody, and its crash as the loss of the lab. */
export function openLab(onEvent: (event: LabEvent) => void): LabClient {
  const worker = new Worker(new URL('../../worker.ts', import.meta.url), { type: 'module', name: 'lab' });
  return new WorkerClient(worker, onEvent);
}

/** A request that is not answered yet. Answers come in as they were sent: the command's type says what they are. */
interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (failure: LabFailure) => void;
  readonly onProgress: ((progress: never) => void) | undefined;
  /** Stops listening to the signal. */
  readonly leave: () => void;
}

class WorkerClient implements LabClient {
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  readonly #heartbeat: Heartbeat;
  /** Why it answers no more. */
  #ended: LabError | undefined;

  constructor(
    private readonly worker: Worker,
    private readonly onEvent: (event: LabEvent) => void,
  ) {
    this.#heartbeat = new Heartbeat(
      () => this.#send({ kind: 'beat' }),
      (isSilent) => onEvent({ type: 'silent', isSilent }),
    );
    worker.addEventListener('message', (message: MessageEvent<FromLab>) => this.#hear(message.data));
    worker.addEventListener('error', (event) => {
      const error: LabError = {
        kind: 'bug',
        message: `The worker stopped: ${event.message || 'it could not be loaded'}.`,
        action:
          'Text and settings are kept, and the next Train starts another. Please report this if it happens again.',
      };
      this.close(error);
      onEvent({ type: 'lost', error });
    });
  }

  ask<C extends LabCommand>(
    command: C,
    { signal, onProgress }: AskOptions<C['type']> = {},
  ): Promise<Answers[C['type']]> {
    const ended = this.#ended ?? (signal?.aborted ? STOPPED : undefined);
    if (ended) return Promise.reject(new LabFailure(ended));
    const id = ++this.#lastId;
    return new Promise<Answers[CommandType]>((resolve, reject) => {
      const stop = (): void => this.#send({ kind: 'stop', id });
      const leave = (): void => signal?.removeEventListener('abort', stop);
      signal?.addEventListener('abort', stop, { once: true });
      this.#pending.set(id, { resolve, reject, onProgress, leave });
      this.#send({ kind: 'ask', id, command });
    }) as Promise<Answers[C['type']]>;
  }

  close(why = STOPPED): void {
    if (this.#ended) return;
    this.#ended = why;
    this.#heartbeat.stop();
    this.worker.terminate();
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(new LabFailure(why));
  }

  #send(message: ToLab): void {
    this.worker.postMessage(message);
  }

  #hear(message: FromLab): void {
    if (this.#ended) return;
    this.#heartbeat.heard();
    switch (message.kind) {
      case 'event':
        return this.onEvent(message.event);
      case 'progress':
        return this.#pending.get(message.id)?.onProgress?.(message.progress as never);
      case 'answer':
        return this.#take(message.id)?.resolve(message.answer as never);
      case 'failure':
        return this.#take(message.id)?.reject(new LabFailure(message.error));
      case 'beat':
        return;
      default:
        return message satisfies never;
    }
  }

  /** The request, which is over with that. */
  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.leave();
    return pending;
  }
}
