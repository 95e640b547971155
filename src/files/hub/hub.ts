import { quoted } from '../../base/quote.ts';
import { NetworkError } from '../../base/errors.ts';

/** Where models come from unless another address is given. */
export const HUGGING_FACE = 'https://huggingface.co';

export type FetchLike = (url: string, init?: RequestInit) => Promise<Response>;

/** `fetch` of this realm, looked up when it is called. */
export const realmFetch: FetchLike = (url, init) => globalThis.fetch(url, init);

/**
 * - `badId`: what was typed names no repository. `notFound`: no such repository, revision or file.
 * - `gated`: only for accounts. `offline`: no answer. `badAnswer`: an answer that makes no sense.
 * - `unsuitable`: the repository holds no model that can be loaded. `rangeUnsupported`: the server sends whole files only.
 */
export type HubErrorCode = 'badId' | 'notFound' | 'gated' | 'offline' | 'badAnswer' | 'unsuitable' | 'rangeUnsupported';

/** A model that cannot be had from a hub: `code` for programs, `message` for people (what happened, then what to do). */
export class HubError extends NetworkError {
  override readonly name = 'HubError';
  constructor(
    readonly code: HubErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A repository of models at one revision (branch, tag or commit). */
export interface RepositoryAddress {
  /** Without a slash at its end. */
  readonly base: string;
  /** "owner/name". */
  readonly repository: string;
  readonly revision: string;
  /** The GGUF file of the repository that is meant, where it is one and not the repository's folder of files. */
  readonly file?: string | undefined;
}

const OWNER_AND_NAME = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9_][\w.-]*$/;
const REVISION = /^\w[\w./-]*$/;
// Folder names of stored models are made of both, and file systems end at 255 characters.
const LONGEST_ID = 96;
const LONGEST_REVISION = 64;
const PACKED_FILE = /^\w[\w.-]{0,74}\.gguf$/i;

/**
 * Checks what a person typed or pasted: "owner/name", "owner/name/file.gguf", or the address of the repository's or the file's page.
 * @throws HubError `badId`
 */
export function repositoryAddress(typed: string, revision = 'main', base = HUGGING_FACE): RepositoryAddress {
  const root = baseAddress(base);
  let repository = typed.trim();
  let asked = revision;
  let file: string | undefined;
  if (repository.startsWith(`${root}/`)) {
    const [owner = '', name = '', view = '', pasted, inner] = repository.slice(root.length + 1).split(/[/?#]/);
    repository = `${owner}/${name}`;
    if (['tree', 'blob', 'resolve'].includes(view) && pasted) asked = pasted;
    if (view !== 'tree') file = inner;
  } else {
    const [owner = '', name, inner, ...more] = repository.split('/');
    if (name !== undefined && inner !== undefined && more.length === 0) {
      repository = `${owner}/${name}`;
      file = inner;
    }
  }
  const legal = OWNER_AND_NAME.test(repository) && !/\.\.|--|[.-]$|[.-]\/|\.git$/.test(repository);
  if (!legal || repository.length > LONGEST_ID)
    throw new HubError(
      'badId',
      `${quoted(typed, 120)} names no repository. Type owner/name, for example Qwen/Qwen2.5-0.5B.`,
    );
  if (!REVISION.test(asked) || asked.length > LONGEST_REVISION || /\.\.|\/\/|\/$/.test(asked))
    throw new HubError(
      'badId',
      `${quoted(asked, 120)} is no revision. Type a branch, a tag or a commit, for example main.`,
    );
  if (file !== undefined && !PACKED_FILE.test(file))
    throw new HubError(
      'badId',
      `${quoted(file, 120)} is no GGUF file. Type owner/name for the model of a repository, or owner/name/file.gguf for one of its files.`,
    );
  return { base: root, repository, revision: asked, ...(file !== undefined && { file }) };
}

/** What was typed for an address, without its revision: "owner/name", or "owner/name/file.gguf". */
export function pathOf({ repository, file }: Pick<RepositoryAddress, 'repository' | 'file'>): string {
  return file === undefined ? repository : `${repository}/${file}`;
}

function baseAddress(base: string): string {
  const url = URL.canParse(base) ? new URL(base) : undefined;
  const web = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (!url || !web || url.username || url.password || url.search || url.hash)
    throw new HubError(
      'badId',
      `${quoted(base)} is no address of a hub. Give one that begins with https://, for example ${HUGGING_FACE}.`,
    );
  return url.href.replace(/\/+$/, '');
}

/** Where a file's bytes are; large files are redirected from there. */
export function resolveUrl({ base, repository, revision }: RepositoryAddress, file: string): string {
  return `${base}/${repository}/resolve/${encodeURIComponent(revision)}/${file.split('/').map(encodeURIComponent).join('/')}`;
}

/** fetch(), with a HubError `offline` where it fails; an abort stays what it is. */
export async function hubFetch(fetch: FetchLike, url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    init.signal?.throwIfAborted();
    throw new HubError(
      'offline',
      `${new URL(url).origin} cannot be reached. Check your connection (and whether something blocks that address), then try again; files that you have already can be dropped onto the page.`,
      { cause },
    );
  }
}

/** What a refusal means; `what` is the file or undefined for the repository as a whole. */
export function refusal(response: Response, address: RepositoryAddress, what?: string): HubError {
  const { repository, revision, base } = address;
  const code = response.headers.get('X-Error-Code');
  const { status } = response;
  // The hub says 401 of repositories that do not exist, so that nobody can find out which private ones do.
  if (code === 'RepoNotFound')
    return new HubError(
      'notFound',
      `There is no public repository ${repository} at ${base}. Check the spelling (owner/name); a private one can be downloaded with your account and dropped here as a folder.`,
    );
  if (code === 'GatedRepo' || status === 401 || status === 403) return gated(address);
  if (code === 'RevisionNotFound')
    return new HubError('notFound', `${repository} has no revision ${revision}. Try main.`);
  if (status === 404)
    return new HubError(
      'notFound',
      what
        ? `${repository} has no ${what} at revision ${revision}. Choose another repository or revision.`
        : `There is no repository ${repository} at ${base}. Check the spelling (owner/name).`,
    );
  if (status === 429)
    return new HubError('badAnswer', `${base} asks for fewer requests. Wait a few minutes, then try again.`);
  return new HubError(
    'badAnswer',
    `${base} answered ${status} ${response.statusText} when asked for ${what ?? repository}. Try again later.`,
  );
}

export function gated({ repository, base }: RepositoryAddress): HubError {
  return new HubError(
    'gated',
    `${repository} is only for accounts that accepted its terms, and this page has no account. Download its files from ${base}/${repository} and drop the folder here, or choose another model.`,
  );
}

/** The body as text. @throws HubError `badAnswer` when it is longer than `limit` bytes. */
export async function readText(response: Response, limit: number, what: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  const reader = response.body?.getReader();
  if (!reader) return '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    length += value.length;
    if (length > limit) {
      await reader.cancel();
      throw new HubError('badAnswer', `${what} is longer than ${limit} bytes: that is not what it should be.`);
    }
    text += decoder.decode(value, { stream: true });
  }
}
