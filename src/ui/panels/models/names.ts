import type { ModelView } from '../../../lab/door/views.ts';
import { commonFolder } from '../../components/droppedFiles.ts';

const LOCAL = 'local@';
const LONGEST_NAME = 48;
/** Commits are told apart by their first characters. */
const SHORT_COMMIT = 7;

/** A hub id as it is typed in two fields; "main" is what is meant anyway. */
export function hubId(repository: string, revision: string): string {
  const name = repository
    .trim()
    .replace(/^https?:\/\/[^/]+\//, '')
    .replace(/\/+$/, '');
  const rest = revision.trim();
  return rest === '' || rest === 'main' ? name : `${name}@${rest}`;
}

/** Whether a model that is here is what `name` in the settings means: the same id, folder, or repository at its revision. */
export function isNamed({ id }: ModelView, name: string): boolean {
  if (id === name || id === LOCAL + name) return true;
  const [repository, commit] = split(id);
  const [wanted, revision] = split(name);
  return repository === wanted && (revision === undefined || revision === commit);
}

/** What stands in the settings for a model that is here: the shortest name that means no other of them. */
export function settingName(model: ModelView, all: readonly ModelView[]): string {
  const short = model.id.startsWith(LOCAL) ? model.id.slice(LOCAL.length) : (split(model.id)[0] ?? model.id);
  return all.filter((other) => isNamed(other, short)).length > 1 ? model.id : short;
}

/** Its name in two parts for people: what it is, and which version. */
export function shownName(id: string): { readonly name: string; readonly detail: string } {
  if (id.startsWith(LOCAL)) return { name: id.slice(LOCAL.length), detail: 'from a folder' };
  const [name = id, revision = ''] = split(id);
  return { name, detail: /^[0-9a-f]{40}$/.test(revision) ? revision.slice(0, SHORT_COMMIT) : revision };
}

/** Whether a name can be asked of the hub, and is no folder's. */
export function isHubId(name: string): boolean {
  return name.includes('/');
}

/** A folder's name as the settings take it: ASCII letters, digits, dots, dashes. */
export function folderName(typed: string): string {
  const plain = typed
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[^\w]+|-+$/g, '');
  return plain.slice(0, LONGEST_NAME) || 'model';
}

/** What chosen files are called before anybody says: their folder, or the GGUF file that they are. */
export function givenName(files: readonly { readonly path: string }[]): string {
  const packed = files
    .find(({ path }) => /\.gguf$/i.test(path))
    ?.path.split('/')
    .at(-1);
  return folderName(commonFolder(files) || (packed?.replace(/\.gguf$/i, '') ?? ''));
}

function split(id: string): [string, string | undefined] {
  const at = id.indexOf('@');
  return at < 0 ? [id, undefined] : [id.slice(0, at), id.slice(at + 1)];
}
