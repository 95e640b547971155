import { NetworkError } from '../../base/errors.ts';
import { ContentHash, sameHash, type FileHash } from '../formats/contentHash.ts';
import type { Clock } from './clock.ts';
import type { FileStore, FileWriter } from '../store/fileStore.ts';
import { resolveUrl, type FetchLike, type RepositoryAddress } from './hub.ts';
import type { ProgressMeter } from './progress.ts';
import { BrokenConnection, gaveUp, MOST_FAILURES, requestRange, retryDelay } from './rangeRequest.ts';
import type { WantedFile } from '../store/storedModels.ts';

/** What came is not what the repository announced, twice. Nothing of it is kept. */
export class DownloadError extends NetworkError {
  override readonly name = 'DownloadError';
  constructor(
    readonly code: 'wrongLength' | 'wrongHash',
    message: string,
  ) {
    super(message);
  }
}

export interface Transfer {
  readonly store: FileStore;
  readonly folder: string;
  readonly address: RepositoryAddress;
  readonly fetch: FetchLike;
  readonly clock: Clock;
  readonly signal: AbortSignal | undefined;
  readonly meter: ProgressMeter;
  /** Keeps the version of an unhashed file for a later try. */
  readonly rememberEtag: (name: string, etag: string) => Promise<void>;
}

const TRIES = 2;
/** Bytes hashed at a time of what is stored already. */
const PIECE = 4 * 2 ** 20;

/**
 * Brings one file into the store, from where an earlier try stopped. A file of the wrong length or hash is deleted and
 * fetched once more.
 * @returns the hash of what is stored.
 * @throws DownloadError, HubError, the store's errors, the signal's reason; except with DownloadError the bytes stay.
 */
export async function transferFile(transfer: Transfer, file: WantedFile): Promise<FileHash> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tryTransfer(transfer, file);
    } catch (cause) {
      if (!(cause instanceof DownloadError)) throw cause;
      const { store, folder, meter } = transfer;
      meter.discard(Math.min(file.size, await sizeOf(store, folder, file.name)));
      await store.deleteFile(folder, file.name);
      if (attempt === TRIES) throw cause;
    }
  }
}

export async function sizeOf(store: FileStore, folder: string, name: string): Promise<number> {
  return (await store.open(folder, name))?.size ?? 0;
}

async function tryTransfer(transfer: Transfer, file: WantedFile): Promise<FileHash> {
  const { store, folder, address } = transfer;
  const done = Math.min(file.size, await sizeOf(store, folder, file.name));
  const sink = new Sink(transfer, file, done);
  await sink.hashStored();
  sink.writer = await store.writer(folder, file.name, done);
  try {
    await receive(transfer, file, sink);
  } finally {
    await sink.writer.close();
  }
  const hash = sink.hash.finish();
  if (file.hash && !sameHash(hash, file.hash))
    throw new DownloadError(
      'wrongHash',
      `${file.name} arrived damaged twice: its bytes do not have the hash that ${address.base} states. It was deleted. Try again later, or over another network; if it goes on, ${address.repository} may have been changed: look it up anew.`,
    );
  return hash;
}

/** The stored file, with the hash of what is in it. */
class Sink {
  hash: ContentHash;
  writer!: FileWriter;
  /** The most bytes that were there so far: only what goes beyond is progress. */
  #most: number;

  constructor(
    private readonly transfer: Transfer,
    private readonly file: WantedFile,
    public done: number,
  ) {
    this.hash = this.newHash();
    this.#most = done;
  }

  private newHash(): ContentHash {
    return new ContentHash(this.file.hash?.algorithm ?? 'sha256', this.file.size);
  }

  /** Hashes what an earlier try stored. */
  async hashStored(): Promise<void> {
    const { store, folder, signal, meter } = this.transfer;
    if (this.done === 0) return;
    meter.set('checking', this.file.name);
    const source = await store.open(folder, this.file.name);
    for (let at = 0; source && at < this.done; at += PIECE) {
      signal?.throwIfAborted();
      this.hash.update(await source.read(at, Math.min(at + PIECE, this.done)));
    }
    meter.restartMeasurement();
  }

  /** Whether this brought the file further than it ever was. */
  async append(bytes: Uint8Array): Promise<boolean> {
    await this.writer.write(bytes);
    this.hash.update(bytes);
    this.done += bytes.length;
    this.transfer.meter.add(bytes.length);
    if (this.done <= this.#most) return false;
    this.#most = this.done;
    return true;
  }

  async startAnew(): Promise<void> {
    await this.writer.truncate(0);
    this.transfer.meter.discard(this.done);
    this.hash = this.newHash();
    this.done = 0;
  }
}

/** Asks for the missing bytes until they are there, however often the connection breaks. */
async function receive(transfer: Transfer, file: WantedFile, sink: Sink): Promise<void> {
  const { clock, signal, meter, address } = transfer;
  const state = { failures: 0, etag: file.etag };
  while (sink.done < file.size) {
    meter.set('downloading', file.name, state.failures);
    try {
      await receiveOnce(transfer, file, sink, state);
    } catch (cause) {
      if (!(cause instanceof BrokenConnection)) throw cause;
      state.failures++;
      if (state.failures > MOST_FAILURES) throw gaveUp(address, file.name, cause);
      meter.set('waiting', file.name, state.failures);
      await clock.wait(retryDelay(state.failures, cause), signal);
    }
  }
}

async function receiveOnce(
  transfer: Transfer,
  file: WantedFile,
  sink: Sink,
  state: { failures: number; etag: string | undefined },
): Promise<void> {
  const { address } = transfer;
  const url = resolveUrl(address, file.name);
  const answer = await requestRange(url, address, file.name, sink.done, undefined, transfer);
  try {
    // Where there is a hash, it decides in the end: the servers behind a hub may tag the same bytes differently.
    if (!file.hash && answer.etag !== undefined && answer.etag !== state.etag) {
      const changed = state.etag !== undefined;
      state.etag = answer.etag;
      await transfer.rememberEtag(file.name, answer.etag);
      if (changed && sink.done > 0) {
        await sink.startAnew();
        if (answer.kind !== 'whole') throw new BrokenConnection('the file was changed on the server');
      }
    }
    if (answer.kind === 'whole' && sink.done > 0) await sink.startAnew();
    const missing = file.size - sink.done;
    const total = answer.total ?? file.size;
    if (answer.kind === 'beyond' || total !== file.size || (answer.length ?? 0) > missing)
      throw wrongLength(transfer, file);
    for await (const chunk of answer.chunks()) {
      if (chunk.length > file.size - sink.done) throw wrongLength(transfer, file);
      if (await sink.append(chunk)) state.failures = 0;
    }
    if (sink.done < file.size) throw new BrokenConnection('the connection ended too early');
  } finally {
    answer.cancel();
  }
}

function wrongLength({ address }: Transfer, { name, size }: WantedFile): DownloadError {
  return new DownloadError(
    'wrongLength',
    `${name} does not have the ${size} bytes that ${address.base} announced, twice. It was deleted. ${address.repository} may have been changed meanwhile: look it up anew and download again.`,
  );
}
