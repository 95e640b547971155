import type { Clock } from './clock.ts';
import { hubFetch, HubError, refusal, type FetchLike, type RepositoryAddress } from './hub.ts';

/** So long may a server send nothing before the connection counts as broken. */
export const STALL_MS = 30_000;
/** So often in a row may a connection break without one new byte. */
export const MOST_FAILURES = 10;

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 20_000;

/** A connection that broke or a server that is busy: worth another try. */
export class BrokenConnection extends Error {
  override readonly name = 'BrokenConnection';
  constructor(
    message: string,
    /** How long the server asked to wait. */
    readonly retryAfterMs = 0,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** How long to wait before the try after the `failures`-th failure in a row (from 1). */
export function retryDelay(failures: number, broken: BrokenConnection): number {
  return Math.max(Math.min(FIRST_DELAY_MS * 2 ** (failures - 1), LONGEST_DELAY_MS), broken.retryAfterMs);
}

/** What to throw when trying again has not helped. */
export function gaveUp(address: RepositoryAddress, file: string, broken: BrokenConnection): HubError {
  return new HubError(
    'offline',
    `The connection to ${address.base} broke ${MOST_FAILURES} times without one more byte of ${file} (${broken.message}). What has arrived is kept: go on when the connection is better.`,
    { cause: broken },
  );
}

export interface RangeAnswer {
  /** `whole`: the server ignored the range and sends the file from its beginning. `beyond`: the range begins after the end. */
  readonly kind: 'partial' | 'whole' | 'beyond';
  /** Length of the whole file, of the body, and the file's version: where the server says and the browser shows it. */
  readonly total: number | undefined;
  readonly length: number | undefined;
  readonly etag: string | undefined;
  readonly headers: Headers;
  /** The body, piece by piece. @throws BrokenConnection, the signal's reason */
  chunks(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Ends the connection, if it still stands. */
  cancel(): void;
}

export interface RangeOptions {
  readonly fetch: FetchLike;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks for bytes [begin, end) of a file, or to its end.
 *
 * The request is one that browsers send without asking the server first (no header but a plain Range): the hub redirects
 * large files to servers that refuse such questions, and hide Content-Range and ETag. So there is no If-Range here:
 * whoever calls compares lengths and hashes instead. A request with a range is also never compressed.
 * @throws BrokenConnection, HubError, the signal's reason
 */
export async function requestRange(
  url: string,
  address: RepositoryAddress,
  file: string,
  begin: number,
  end: number | undefined,
  { fetch, clock, signal }: RangeOptions,
): Promise<RangeAnswer> {
  signal?.throwIfAborted();
  const connection = new AbortController();
  const stop = () => connection.abort(signal?.reason);
  signal?.addEventListener('abort', stop, { once: true });
  const cancel = () => {
    signal?.removeEventListener('abort', stop);
    connection.abort(new DOMException('The connection is not needed any more.', 'AbortError'));
  };
  /** `step`, unless the server is silent for too long. */
  const unlessStalled = async <T>(step: Promise<T>): Promise<T> => {
    const moved = new AbortController();
    const stalled = clock.wait(STALL_MS, moved.signal).then(
      () => 'stalled' as const,
      () => 'moved' as const,
    );
    try {
      const first = await Promise.race([step.then((value) => ({ value })), stalled]);
      if (typeof first === 'object') return first.value;
      throw new BrokenConnection(`nothing came for ${STALL_MS / 1000} seconds`);
    } catch (cause) {
      step.catch(() => undefined);
      cancel();
      signal?.throwIfAborted();
      if (cause instanceof BrokenConnection) throw cause;
      throw new BrokenConnection(messageOf(cause), 0, { cause });
    } finally {
      moved.abort();
    }
  };

  const headers = { Range: `bytes=${begin}-${end === undefined ? '' : end - 1}` };
  // Gigabytes are not to pass through the browser's cache as well.
  const init: RequestInit = { headers, signal: connection.signal, cache: 'no-store' };
  const response = await unlessStalled(hubFetch(fetch, url, init));
  const kind = { 200: 'whole', 206: 'partial', 416: 'beyond' }[response.status] as RangeAnswer['kind'] | undefined;
  if (!kind) {
    cancel();
    const busy = response.status >= 500 || response.status === 429 || response.status === 408;
    // The redirect's target carries a signature that ends after a while: asking the hub again brings a new one.
    if (busy || (response.redirected && response.status === 403))
      throw new BrokenConnection(`the server answered ${response.status}`, retryAfter(response));
    throw refusal(response, address, file);
  }
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '');
  if (kind === 'partial' && range?.[1] !== undefined && Number(range[1]) !== begin) {
    cancel();
    throw new HubError(
      'badAnswer',
      `${address.base} sent another part of ${file} than was asked for. Try again later.`,
    );
  }
  const length = response.headers.has('Content-Encoding') ? undefined : numberIn(response.headers, 'Content-Length');
  return {
    kind,
    total: range?.[2] !== undefined ? Number(range[2]) : kind === 'whole' ? length : undefined,
    length,
    etag: response.headers.get('ETag')?.replace(/^W\//, '').replaceAll('"', '') || undefined,
    headers: response.headers,
    cancel,
    async *chunks() {
      const reader = response.body?.getReader();
      try {
        while (reader) {
          const { done, value } = await unlessStalled(reader.read());
          if (done) return;
          yield value;
        }
      } finally {
        cancel();
      }
    },
  };
}

function messageOf(cause: unknown): string {
  const root = cause instanceof HubError ? cause.cause : cause;
  return root instanceof Error ? root.message : String(root);
}

/** A header that is a whole number. */
export function numberIn(headers: Headers, name: string): number | undefined {
  const text = headers.get(name);
  const value = text !== null && /^\d+$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

function retryAfter(response: Response): number {
  return Math.min(numberIn(response.headers, 'Retry-After') ?? 0, 300) * 1000;
}
