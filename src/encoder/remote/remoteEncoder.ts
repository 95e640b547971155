import { CorpusError } from '../../corpus/errors.ts';
import { ModelFileError, type FileLookup } from '../../files/formats/byteSource.ts';
import type { Encoder, OpenEncoderOptions } from '../encoder.ts';
import { readEncoder, wholeFiles } from '../encoderFiles.ts';
import type { FromEncoder, OpenedEncoder, ToEncoder } from './messages.ts';

/** A worker, as far as it matters here. */
export interface EncoderWorker {
  postMessage(message: ToEncoder): void;
  /** Whoever hears it; called once. `onCrash`: why it answers no more. */
  listen(onMessage: (message: FromEncoder) => void, onCrash: (why: string) => void): void;
  terminate(): void;
}

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (cause: Error) => void;
  readonly onProgress: ((message: Extract<FromEncoder, { kind: 'progress' }>) => void) | undefined;
}

type Asked = ToEncoder extends infer Message
  ? Message extends { readonly id: number }
    ? Omit<Message, 'id'>
    : never
  : never;

/** The near end of an encoder's worker. */
class Line {
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #ended: Error | undefined;

  constructor(private readonly worker: EncoderWorker) {
    worker.listen(
      (message) => this.#hear(message),
      (why) => this.close(new Error(`The encoder’s worker stopped: ${why}.`)),
    );
  }

  ask(
    asked: Asked,
    { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: Pending['onProgress'] } = {},
  ): Promise<unknown> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (signal?.aborted) return Promise.reject(stopped());
    const id = ++this.#lastId;
    const stop = (): void => this.worker.postMessage({ kind: 'stop', id });
    signal?.addEventListener('abort', stop, { once: true });
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ ...asked, id });
    }).finally(() => signal?.removeEventListener('abort', stop));
  }

  close(why: Error): void {
    this.#ended ??= why;
    this.worker.terminate();
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }

  #hear(message: FromEncoder): void {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if (message.kind === 'progress') return pending.onProgress?.(message);
    this.#pending.delete(message.id);
    if (message.kind === 'answer') pending.resolve(message.answer);
    else pending.reject(causeOf(message));
  }
}

/**
 * Opens an encoder in a worker of its own, so that who asks stays free while it works. Its small files are read here first: what cannot
 * be used starts no worker.
 * @throws ModelFileError; CorpusError `aborted`, after which the worker is gone
 */
export async function openRemoteEncoder(
  start: () => EncoderWorker,
  folder: FileLookup,
  { signal, onProgress, ...use }: OpenEncoderOptions,
): Promise<Encoder> {
  onProgress?.(`Reading ${use.name}`);
  const found = await readEncoder(folder);
  const files = await wholeFiles(found);
  if (signal?.aborted) throw stopped();
  const line = new Line(start());
  // Loading cannot be stopped from within: the worker is.
  const end = (): void => line.close(stopped());
  signal?.addEventListener('abort', end, { once: true });
  try {
    const { card, maxTokens } = (await line.ask(
      { kind: 'open', files, use },
      {
        onProgress: ({ detail }) => detail !== undefined && onProgress?.(detail),
      },
    )) as OpenedEncoder;
    return {
      name: use.name,
      card,
      maxTokens,
      dimensions: card.width,
      embed: (role, texts, options) =>
        line.ask(
          { kind: 'embed', role, texts: [...texts] },
          { signal: options.signal, onProgress: ({ fraction }) => options.onProgress?.(fraction ?? 0) },
        ) as Promise<Float32Array>,
      countLonger: (role, texts) => line.ask({ kind: 'countLonger', role, texts: [...texts] }) as Promise<number>,
      close: () => Promise.resolve(line.close(new ModelFileError(`${use.name} was closed. Open it again.`))),
    };
  } catch (cause) {
    line.close(stopped());
    throw cause;
  } finally {
    signal?.removeEventListener('abort', end);
  }
}

const stopped = (): CorpusError => new CorpusError('aborted', 'The encoder was stopped.');

function causeOf({ failure, message }: Extract<FromEncoder, { kind: 'failure' }>): Error {
  if (failure === 'stopped') return new CorpusError('aborted', message);
  return failure === 'badInput' ? new ModelFileError(message) : new Error(message);
}
