import { isFileHash, type FileHash } from '../formats/contentHash.ts';
import { realClock, type Clock } from './clock.ts';
import {
  gated,
  hubFetch,
  HubError,
  readText,
  realmFetch,
  refusal,
  resolveUrl,
  type FetchLike,
  type RepositoryAddress,
} from './hub.ts';
import { MODEL_FILES, SINGLE_WEIGHTS, shardsOf, WEIGHTS_INDEX, type ModelFile } from '../models/modelFiles.ts';
import { BrokenConnection, gaveUp, numberIn, requestRange } from './rangeRequest.ts';

export interface RemoteFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Undefined where the server does not say: then only the length can be checked. */
  readonly hash?: FileHash | undefined;
}

/** What a download of a model will bring. */
export interface RepositoryDescription extends RepositoryAddress {
  /** The commit that the revision stood for; all requests ask for it, so that an update in between mixes nothing. */
  readonly commit?: string | undefined;
  readonly files: readonly RemoteFile[];
  readonly totalBytes: number;
  /** Optional files that the repository does not have, with what that means. */
  readonly absent: readonly ModelFile[];
  /** Its GGUF files, each a model by itself. Where it holds nothing else, `files` is empty until one is chosen. */
  readonly packed: readonly RemoteFile[];
  /** The repository whose model these files pack, where the hub says so. */
  readonly original?: string | undefined;
}

export interface HubOptions {
  readonly fetch?: FetchLike;
  readonly clock?: Clock;
  readonly signal?: AbortSignal | undefined;
}

/** The address with the revision replaced by the commit it stands for, where that is known. */
export function pinned(description: RepositoryAddress & { commit?: string | undefined }): RepositoryAddress {
  const { base, repository, revision, commit } = description;
  return { base, repository, revision: commit ?? revision };
}

const LONGEST_LISTING = 64e6;
const LONGEST_INDEX = 32e6;
const COMMIT = /^[0-9a-f]{40}$/;

/** A repository whose files can be asked for by name. */
export interface OpenRepository {
  /** All its files, where the hub lists them. */
  readonly listed: Listing | undefined;
  /** How long a file is and what it hashes to; undefined where there is none of that name. @throws HubError */
  readonly find: (name: string) => Promise<RemoteFile | undefined>;
  /** The commit that the revision stands for, as far as it is known by now. */
  readonly commit: () => string | undefined;
}

/**
 * One question to the hub's interface for programs answers all: a page cannot see the headers (X-Linked-Size,
 * X-Linked-ETag) of the redirects that large files are answered with. Servers without that interface (mirrors, plain web
 * servers) are asked for the first byte of each file.
 * @throws HubError
 */
export async function openRepository(address: RepositoryAddress, options: HubOptions = {}): Promise<OpenRepository> {
  const listed = await listRepository(address, options);
  if (listed) return { listed, find: (name) => Promise.resolve(listed.files.get(name)), commit: () => listed.commit };
  const probes = new Probes(address, options);
  return { listed, find: (name) => probes.find(name), commit: () => probes.commit };
}

/**
 * Finds out which files of a repository make up its model, how long they are and what they hash to. Fetches no weights.
 * @throws HubError
 */
export async function describeRepository(
  address: RepositoryAddress,
  options: HubOptions = {},
): Promise<RepositoryDescription> {
  const { listed, find, commit } = await openRepository(address, options);
  const packed = packedFiles(listed?.files);
  const known = () => ({ ...address, commit: commit(), packed, original: listed?.original });
  if (address.file !== undefined) {
    const found = await find(address.file);
    if (!found) throw lacksPacked(address, address.file, packed);
    return { ...known(), files: [found], totalBytes: found.size, absent: [] };
  }
  if (packed.length > 0 && !(await find(SINGLE_WEIGHTS)) && !(await find(WEIGHTS_INDEX)))
    return { ...known(), files: [], totalBytes: 0, absent: [] };
  const files: RemoteFile[] = [];
  const absent: ModelFile[] = [];
  for (const file of MODEL_FILES) {
    const found = await find(file.name);
    if (found) files.push(found);
    else if (file.required) throw lacks(address, file, listed?.files);
    else absent.push(file);
  }
  const single = await find(SINGLE_WEIGHTS);
  if (single) files.push(single);
  else {
    const index = await find(WEIGHTS_INDEX);
    if (!index) throw lacksWeights(address, listed?.files);
    files.push(index);
    for (const shard of await readShards(pinned({ ...address, commit: commit() }), options)) {
      const found = await find(shard);
      if (!found)
        throw new HubError(
          'unsuitable',
          `${address.repository} has no ${shard}, though its ${WEIGHTS_INDEX} names it. Choose another revision.`,
        );
      files.push(found);
    }
  }
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  return { ...known(), files, totalBytes, absent };
}

/** Parts of a model in several files, and what goes beside a model (projectors, importance matrices). */
const NO_MODEL = /-\d{5}-of-\d{5}\.gguf$|mmproj|imatrix/i;

/** GGUF files that are models, the smallest first. */
function packedFiles(files: ReadonlyMap<string, RemoteFile> = new Map()): RemoteFile[] {
  return [...files.values()]
    .filter(({ name }) => /^[^/]+\.gguf$/i.test(name) && !NO_MODEL.test(name))
    .sort((a, b) => a.size - b.size);
}

function lacksPacked(
  { repository, revision }: RepositoryAddress,
  file: string,
  packed: readonly RemoteFile[],
): HubError {
  const others = packed.map(({ name }) => name).slice(0, 12);
  return new HubError(
    'notFound',
    `${repository} has no ${file} at revision ${revision}. ${others.length > 0 ? `It has ${others.join(', ')}.` : 'Choose another repository or revision.'}`,
  );
}

function lacks({ repository }: RepositoryAddress, file: ModelFile, listed?: ReadonlyMap<string, unknown>): HubError {
  const old =
    file.name === 'tokenizer.json' && [...(listed?.keys() ?? [])].some((name) => /^(vocab|.*\.model$)/.test(name));
  return new HubError(
    'unsuitable',
    `${repository} has no ${file.name} (${file.purpose})${old ? ', only a tokenizer in an older format' : ''}. Choose a repository of a Qwen or Llama model in the safetensors format, or in GGUF.`,
  );
}

function lacksWeights({ repository }: RepositoryAddress, listed?: ReadonlyMap<string, unknown>): HubError {
  const names = [...(listed?.keys() ?? [])];
  const other = names.find((name) => /\.(bin|pth?|onnx|msgpack|h5)$/.test(name));
  return new HubError(
    'unsuitable',
    `${repository} has neither ${SINGLE_WEIGHTS} nor ${WEIGHTS_INDEX}${other ? `, only weights in another format (${other})` : ''}. Choose a repository with safetensors weights, or with a GGUF file.`,
  );
}

async function readShards(address: RepositoryAddress, options: HubOptions): Promise<string[]> {
  const response = await hubFetch(options.fetch ?? realmFetch, resolveUrl(address, WEIGHTS_INDEX), {
    signal: options.signal ?? null,
  });
  if (!response.ok) throw refusal(response, address, WEIGHTS_INDEX);
  const text = await readText(response, LONGEST_INDEX, WEIGHTS_INDEX);
  try {
    return shardsOf(parseJson(text));
  } catch (cause) {
    throw new HubError('unsuitable', `${address.repository}: ${(cause as Error).message} Choose another model.`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${WEIGHTS_INDEX} is no readable JSON.`);
  }
}

interface Listing {
  readonly commit: string | undefined;
  readonly files: ReadonlyMap<string, RemoteFile>;
  readonly original: string | undefined;
  /** As the card names it: "apache-2.0". */
  readonly licence: string | undefined;
}

/** Undefined when the server has no such interface. */
async function listRepository(address: RepositoryAddress, options: HubOptions): Promise<Listing | undefined> {
  const { base, repository, revision } = address;
  const url = `${base}/api/models/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  const response = await hubFetch(options.fetch ?? realmFetch, url, { signal: options.signal ?? null });
  const { status } = response;
  if (!response.ok) {
    const known = response.headers.has('X-Error-Code') || status === 401 || status === 403;
    if (known || status === 429 || status >= 500) throw refusal(response, address);
    return undefined;
  }
  const text = await readText(response, LONGEST_LISTING, `The list of files of ${repository}`);
  let info: unknown;
  try {
    info = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { sha, siblings, tags, gated: terms } = (info ?? {}) as Record<string, unknown>;
  if (!Array.isArray(siblings)) return undefined;
  if (terms !== undefined && terms !== false) throw gated(address);
  const files = new Map<string, RemoteFile>();
  for (const sibling of siblings as unknown[]) {
    const file = listedFile(sibling);
    if (file) files.set(file.name, file);
  }
  return {
    commit: typeof sha === 'string' && COMMIT.test(sha) ? sha : undefined,
    files,
    original: quantisedFrom(tags),
    licence: tagged(tags, /^license:([\w.-]+)$/)[0],
  };
}

/** What stands in the brackets of a pattern, of each tag that has its form. */
function tagged(tags: unknown, form: RegExp): string[] {
  return (Array.isArray(tags) ? (tags as unknown[]) : []).flatMap((tag) =>
    typeof tag === 'string' ? (form.exec(tag)?.[1] ?? []) : [],
  );
}

/** The one repository of which a card says that this is a quantisation. */
function quantisedFrom(tags: unknown): string | undefined {
  const found = tagged(tags, /^base_model:quantized:([\w.-]+\/[\w.-]+)$/);
  return found.length === 1 ? found[0] : undefined;
}

function listedFile(sibling: unknown): RemoteFile | undefined {
  const { rfilename: name, size, blobId, lfs } = (sibling ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string') return undefined;
  const large = typeof lfs === 'object' && lfs !== null ? (lfs as Record<string, unknown>) : undefined;
  const length = large?.['size'] ?? size;
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) return undefined;
  // A large file's blob is only a note that points to it: its name says nothing about the bytes.
  const hash = large ? { algorithm: 'sha256', hex: large['sha256'] } : { algorithm: 'gitBlob', hex: blobId };
  return { name, size: length, hash: isFileHash(hash) ? hash : undefined };
}

/** Asks for one byte of each file, and pins everything after the first answer to the commit that this one names. */
class Probes {
  commit: string | undefined;
  readonly #address: RepositoryAddress;
  readonly #options: HubOptions;

  constructor(address: RepositoryAddress, options: HubOptions) {
    this.#address = address;
    this.#options = options;
  }

  async find(name: string): Promise<RemoteFile | undefined> {
    const address = pinned({ ...this.#address, commit: this.commit });
    const answer = await this.#ask(address, name);
    if (!answer) return undefined;
    answer.cancel();
    const commit = answer.headers.get('X-Repo-Commit');
    if (commit && COMMIT.test(commit)) this.commit ??= commit;
    const linked = answer.headers.get('X-Linked-ETag')?.replaceAll('"', '');
    // Other servers' tags may look like hashes of the bytes without being any.
    const tag = linked ?? (commit ? answer.etag : undefined);
    const hash = { algorithm: tag?.length === 40 ? 'gitBlob' : 'sha256', hex: tag };
    const size =
      numberIn(answer.headers, 'X-Linked-Size') ?? answer.total ?? (answer.kind === 'beyond' ? 0 : undefined);
    if (size === undefined || !Number.isSafeInteger(size))
      throw new HubError(
        'badAnswer',
        `${address.base} does not say how long ${name} is, so that no download could be checked. Use another server, or drop the files here.`,
      );
    return { name, size, hash: isFileHash(hash) ? hash : undefined };
  }

  async #ask(address: RepositoryAddress, name: string) {
    const { fetch = realmFetch, clock = realClock, signal } = this.#options;
    try {
      return await requestRange(resolveUrl(address, name), address, name, 0, 1, { fetch, clock, signal });
    } catch (cause) {
      if (cause instanceof BrokenConnection) {
        if (cause.cause instanceof HubError) throw cause.cause;
        throw gaveUp(address, name, cause);
      }
      // Whether the repository or only this file is missing, config.json tells: every model has one.
      const missing = cause instanceof HubError && cause.code === 'notFound';
      if (missing && name !== MODEL_FILES[0]?.name) return undefined;
      throw cause;
    }
  }
}
