import type { ByteSource, FileLookup } from '../formats/byteSource.ts';
import { realClock, type Clock } from './clock.ts';
import { HubError, realmFetch, resolveUrl } from './hub.ts';
import {
  BrokenConnection,
  gaveUp,
  MOST_FAILURES,
  requestRange,
  retryDelay,
  type RangeOptions,
} from './rangeRequest.ts';
import { pinned, type HubOptions, type RemoteFile, type RepositoryDescription } from './repository.ts';

/**
 * The files of a repository, read straight from the hub by ranges, to look at a little of them before anybody pays for a
 * download: nothing is kept, and only lengths are checked, since a hash needs a whole file. Reads throw HubError.
 */
export function hubFiles(description: RepositoryDescription, options: HubOptions = {}): FileLookup {
  const { fetch = realmFetch, clock = realClock, signal } = options;
  return (name) => {
    const file = description.files.find((one) => one.name === name);
    return Promise.resolve(file && remoteSource(description, file, { fetch, clock, signal }));
  };
}

function remoteSource(
  description: RepositoryDescription,
  file: RemoteFile,
  options: RangeOptions & { clock: Clock },
): ByteSource {
  return {
    name: file.name,
    size: file.size,
    async read(begin, end) {
      const until = Math.min(end, file.size);
      if (begin >= until) return new Uint8Array(0);
      const target = { bytes: new Uint8Array(until - begin), filled: 0 };
      let failures = 0;
      while (target.filled < target.bytes.length) {
        const before = target.filled;
        try {
          await fill(description, file, begin, target, options);
        } catch (cause) {
          if (!(cause instanceof BrokenConnection)) throw cause;
          failures = target.filled > before ? 1 : failures + 1;
          if (failures > MOST_FAILURES) throw gaveUp(description, file.name, cause);
          await options.clock.wait(retryDelay(failures, cause), options.signal);
        }
      }
      return target.bytes;
    },
  };
}

/** Continues `target`, whose bytes begin at `begin` of the file, over one connection. */
async function fill(
  description: RepositoryDescription,
  file: RemoteFile,
  begin: number,
  target: { bytes: Uint8Array; filled: number },
  options: RangeOptions,
): Promise<void> {
  const address = pinned(description);
  const from = begin + target.filled;
  const until = begin + target.bytes.length;
  const answer = await requestRange(resolveUrl(address, file.name), address, file.name, from, until, options);
  try {
    const other = answer.kind === 'beyond' || (answer.total !== undefined && answer.total !== file.size);
    if (other)
      throw new HubError(
        'badAnswer',
        `${file.name} of ${description.repository} has changed its length while it was read. Choose the model again.`,
      );
    // The beginning of a file can be had from any server; for the rest it would have to be fetched from the start each time.
    if (answer.kind === 'whole' && from > 0)
      throw new HubError(
        'rangeUnsupported',
        `${description.base} sends whole files only, so ${file.name} cannot be read from there piece by piece. Download the model into the browser's storage, or drop its files here.`,
      );
    for await (const chunk of answer.chunks()) {
      const part = chunk.subarray(0, target.bytes.length - target.filled);
      target.bytes.set(part, target.filled);
      target.filled += part.length;
      if (target.filled === target.bytes.length) return;
    }
    throw new BrokenConnection('the connection ended too early');
  } finally {
    answer.cancel();
  }
}
