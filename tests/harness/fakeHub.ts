import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** Bytes, text, anything that becomes JSON, or a file on disk. */
export type FakeContent = Uint8Array | string | { readonly path: string } | { readonly json: unknown };

export interface FakeRepository {
  readonly files: Readonly<Record<string, FakeContent>>;
  /** Only for accounts that accepted terms: listed, but not given. */
  readonly gated?: boolean;
  /** What its card says, as the interface for programs tells it. */
  readonly tags?: readonly string[];
}

/** What goes wrong, `times` times (once unless given), with requests for `file` (any unless given). */
export type Fault = { file?: string; times?: number } & (
  | { kind: 'cut'; afterBytes: number }
  | { kind: 'stall'; afterBytes: number }
  /** From the server for large files when `cdn` says so, else from the hub itself. */
  | { kind: 'status'; status: number; code?: string; retryAfter?: number; cdn?: boolean }
  /** The stated lengths are longer (or, negative, shorter) than what the repository lists, and the body is as stated. */
  | { kind: 'wrongLength'; by: number }
  | { kind: 'wrongBytes' }
  | { kind: 'ignoreRange' }
  | { kind: 'throttle'; bytesPerSecond: number }
);

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly file: string;
  readonly range: string | undefined;
  /** On the server for large files. */
  readonly cdn: boolean;
  status: number;
  /** Bytes of the body that were sent. */
  sent: number;
}

export interface FakeHubOptions {
  /**
   * `hub`: interface for programs, commits, redirects to a second server that refuses preflights and hides its headers.
   * `headers`: the same without the interface for programs, and with headers that pages may read. `plain`: a web server
   * with files, ETags and ranges, and nothing that a hub adds.
   */
  readonly style?: 'hub' | 'headers' | 'plain';
  /** Files from this size on, and all safetensors, are large: redirected, with a sha256. */
  readonly largeFrom?: number;
}

export interface FakeHub {
  /** Base address, without a slash at its end. */
  readonly url: string;
  readonly faults: Fault[];
  readonly requests: FakeRequest[];
  /** Changes a file: a new commit, under which `main` then stands; earlier commits keep theirs. `undefined` deletes. */
  setFile(repository: string, name: string, content: FakeContent | undefined): Promise<void>;
  /** Resolves when a request stalls by a fault; at once, when one did that nobody waited for. Given up with the signal. */
  stalled(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

interface Entry {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly gitBlob: string;
  read(begin: number, end: number): AsyncIterable<Uint8Array>;
}

type Commit = ReadonlyMap<string, Entry>;

interface Repository {
  head: string;
  readonly gated: boolean;
  readonly tags: readonly string[];
  readonly commits: Map<string, Commit>;
}

/** The files of a folder on disk, as a repository. */
export async function folderRepository(folder: string): Promise<FakeRepository> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return { files: Object.fromEntries(names.map((name) => [name, { path: join(folder, name) }])) };
}

/** A hub on 127.0.0.1 that behaves like huggingface.co as far as models are concerned, and misbehaves on demand. */
export async function startFakeHub(
  repositories: Readonly<Record<string, FakeRepository>>,
  { style = 'hub', largeFrom = 1_000_000 }: FakeHubOptions = {},
): Promise<FakeHub> {
  const known = new Map<string, Repository>();
  for (const [id, { files, gated = false, tags = [] }] of Object.entries(repositories)) {
    const entries = await Promise.all(Object.entries(files).map(([name, content]) => entryOf(name, content)));
    const repository: Repository = { head: '', gated, tags, commits: new Map() };
    commit(id, repository, new Map(entries.map((entry) => [entry.name, entry])));
    known.set(id, repository);
  }
  const faults: Fault[] = [];
  const requests: FakeRequest[] = [];
  const waiting = new Set<() => void>();
  let unnoticed = 0;
  const isLarge = ({ name, size }: Entry) => size >= largeFrom || name.endsWith('.safetensors');

  const takeFault = <Kind extends Fault['kind']>(
    kind: Kind,
    file: string,
    cdn = false,
  ): Extract<Fault, { kind: Kind }> | undefined => {
    const at = faults.findIndex(
      (fault) =>
        fault.kind === kind &&
        (fault.file ?? file) === file &&
        (fault.kind !== 'status' || (fault.cdn ?? false) === cdn),
    );
    const fault = faults[at];
    if (!fault) return undefined;
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) faults.splice(at, 1);
    return fault as Extract<Fault, { kind: Kind }>;
  };

  const begin = (request: IncomingMessage, file: string, cdn: boolean): FakeRequest => {
    const { method = 'GET', url: path = '/', headers } = request;
    const record = { method, path, file, range: headers.range, cdn, status: 0, sent: 0 };
    requests.push(record);
    return record;
  };

  const end = (response: ServerResponse, record: FakeRequest, status: number, body = '') => {
    record.status = status;
    response.writeHead(status, { 'Content-Length': Buffer.byteLength(body) });
    response.end(record.method === 'HEAD' ? undefined : body);
  };

  const fail = (response: ServerResponse, record: FakeRequest, status: number, code?: string) => {
    if (code && style !== 'plain') response.setHeader('X-Error-Code', code);
    end(response, record, status, code ?? '');
  };

  /** The bytes themselves, with whatever is to go wrong with them. */
  const sendFile = async (request: IncomingMessage, response: ServerResponse, record: FakeRequest, entry: Entry) => {
    const wrongLength = takeFault('wrongLength', entry.name);
    const total = Math.max(0, entry.size + (wrongLength?.by ?? 0));
    const range = takeFault('ignoreRange', entry.name) ? null : /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const from = range ? Number(range[1]) : 0;
    const until = range?.[2] ? Math.min(total, Number(range[2]) + 1) : total;
    const version = style === 'plain' ? entry.sha256.slice(0, 12) : isLarge(entry) ? entry.sha256 : entry.gitBlob;
    response.setHeader('ETag', `"${version}"`);
    response.setHeader('Accept-Ranges', 'bytes');
    if (range && from >= total) {
      response.setHeader('Content-Range', `bytes */${total}`);
      return end(response, record, 416);
    }
    if (range) response.setHeader('Content-Range', `bytes ${from}-${until - 1}/${total}`);
    record.status = range ? 206 : 200;
    response.writeHead(record.status, { 'Content-Length': until - from });
    if (record.method === 'HEAD') return void response.end();
    const cut = takeFault('cut', entry.name);
    const stall = takeFault('stall', entry.name);
    const spoil = takeFault('wrongBytes', entry.name);
    const throttle = takeFault('throttle', entry.name);
    const stop = cut ?? stall;
    const sent = Math.min(until - from, stop?.afterBytes ?? Infinity);
    for await (const bytes of padded(entry, from, from + sent)) {
      if (response.destroyed) return;
      const body = spoil ? bytes.map((byte) => byte ^ 1) : bytes;
      await new Promise((resolve) => response.write(body, resolve));
      record.sent += body.length;
      if (throttle) await new Promise((resolve) => setTimeout(resolve, (1000 * body.length) / throttle.bytesPerSecond));
    }
    // What was written arrives before the end of the connection does.
    if (cut) response.socket?.destroySoon();
    else if (stall) {
      if (waiting.size === 0) unnoticed++;
      for (const resolve of waiting) resolve();
      waiting.clear();
    } else response.end();
  };

  const cdn = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    const [, id = '', sha = '', name = ''] =
      (request.url ?? '').split('?')[0]?.split('/').map(decodeURIComponent) ?? [];
    const record = begin(request, name, true);
    const entry = known.get(id)?.commits.get(sha)?.get(name);
    if (style === 'headers')
      response.setHeader('Access-Control-Expose-Headers', 'Content-Range, Content-Length, ETag, X-Repo-Commit');
    if (request.method === 'OPTIONS') return fail(response, record, 403);
    if (!entry) return fail(response, record, 404);
    const status = takeFault('status', name, true);
    if (status) return fail(response, record, status.status);
    void sendFile(request, response, record, entry);
  });
  const cdnUrl = await listen(cdn);

  const hub = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    const [path = ''] = (request.url ?? '').split('?');
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/([^/]+)$/.exec(path);
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const name = decodeURIComponent(resolve?.[3] ?? '');
    const record = begin(request, name, false);
    if (style !== 'plain')
      response.setHeader(
        'Access-Control-Expose-Headers',
        'X-Repo-Commit, X-Request-Id, X-Error-Code, X-Error-Message, ETag, Link, Accept-Ranges, Content-Range, X-Linked-Size, X-Linked-ETag',
      );
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Methods', 'GET, HEAD');
      response.setHeader('Access-Control-Allow-Headers', request.headers['access-control-request-headers'] ?? '');
      return end(response, record, 200);
    }
    const id = (api ?? resolve)?.[1] ?? '';
    if (!(api ?? resolve) || (api && style !== 'hub')) return fail(response, record, 404);
    const status = takeFault('status', name);
    if (status) {
      if (status.retryAfter !== undefined) response.setHeader('Retry-After', status.retryAfter);
      return fail(response, record, status.status, status.code);
    }
    const repository = known.get(id);
    // The hub's answer to strangers, whether a repository is private or does not exist.
    if (!repository) return fail(response, record, style === 'plain' ? 404 : 401, 'RepoNotFound');
    const revision = decodeURIComponent((api ?? resolve)?.[2] ?? '');
    const sha = revision === 'main' ? repository.head : revision;
    const files = repository.commits.get(sha);
    if (!files) return fail(response, record, 404, 'RevisionNotFound');
    if (api) return end(response, record, 200, JSON.stringify(listing(id, repository, sha, files, isLarge)));
    if (repository.gated) return fail(response, record, 401, 'GatedRepo');
    const entry = files.get(name);
    if (!entry) return fail(response, record, 404, 'EntryNotFound');
    if (style === 'plain') return void sendFile(request, response, record, entry);
    response.setHeader('X-Repo-Commit', sha);
    if (!isLarge(entry)) return void sendFile(request, response, record, entry);
    response.setHeader('X-Linked-Size', entry.size);
    response.setHeader('X-Linked-ETag', `"${entry.sha256}"`);
    response.setHeader('Location', `${cdnUrl}/${[id, sha, name].map(encodeURIComponent).join('/')}?signature=1`);
    end(response, record, 302, 'Found. Redirecting.');
  });
  const url = await listen(hub);

  return {
    url,
    faults,
    requests,
    async setFile(id, name, content) {
      const repository = known.get(id);
      if (!repository) throw new Error(`There is no repository ${id}.`);
      const files = new Map(repository.commits.get(repository.head));
      if (content === undefined) files.delete(name);
      else files.set(name, await entryOf(name, content));
      commit(id, repository, files);
    },
    stalled: (signal) =>
      new Promise((resolve) => {
        if (unnoticed > 0) {
          unnoticed--;
          return resolve();
        }
        waiting.add(resolve);
        signal?.addEventListener('abort', () => waiting.delete(resolve), { once: true });
      }),
    close: async () => {
      await Promise.all([close(hub), close(cdn)]);
    },
  };
}

function commit(id: string, repository: Repository, files: Commit): void {
  const text = [id, ...[...files.values()].map(({ name, sha256 }) => `${name} ${sha256}`).sort()].join('\n');
  repository.head = createHash('sha1').update(text).digest('hex');
  repository.commits.set(repository.head, files);
}

function listing(
  id: string,
  { gated, tags }: Repository,
  sha: string,
  files: Commit,
  isLarge: (entry: Entry) => boolean,
) {
  const siblings = [...files.values()].map((entry) => {
    const { name, size, gitBlob, sha256 } = entry;
    // The blob of a large file is the note that points to it.
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`;
    return isLarge(entry)
      ? {
          rfilename: name,
          size,
          blobId: createHash('sha1').update(`blob ${pointer.length}\0${pointer}`).digest('hex'),
          lfs: { sha256, size, pointerSize: pointer.length },
        }
      : { rfilename: name, size, blobId: gitBlob };
  });
  return { id, modelId: id, private: false, gated: gated ? 'auto' : false, sha, tags, siblings };
}

async function entryOf(name: string, content: FakeContent): Promise<Entry> {
  const onDisk = typeof content === 'object' && 'path' in content ? content.path : undefined;
  const text = typeof content === 'object' && 'json' in content ? JSON.stringify(content.json) : content;
  const bytes = typeof text === 'string' ? Buffer.from(text) : text instanceof Uint8Array ? text : undefined;
  const size = onDisk === undefined ? (bytes?.length ?? 0) : (await stat(onDisk)).size;
  const read = (begin: number, end: number): AsyncIterable<Uint8Array> =>
    end <= begin
      ? pieces(new Uint8Array(0))
      : onDisk === undefined
        ? pieces((bytes ?? new Uint8Array(0)).subarray(begin, end))
        : createReadStream(onDisk, { start: begin, end: end - 1 });
  const sha256 = createHash('sha256');
  const gitBlob = createHash('sha1').update(`blob ${size}\0`);
  for await (const piece of read(0, size)) {
    sha256.update(piece);
    gitBlob.update(piece);
  }
  return { name, size, sha256: sha256.digest('hex'), gitBlob: gitBlob.digest('hex'), read };
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield await Promise.resolve(bytes.subarray(at, at + 65_536));
}

/** Bytes [begin, end) of a file that is said to be longer than it is: zeros follow. */
async function* padded(entry: Entry, begin: number, end: number): AsyncGenerator<Uint8Array> {
  yield* entry.read(begin, Math.min(end, entry.size));
  if (end > entry.size) yield new Uint8Array(end - Math.max(begin, entry.size));
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
