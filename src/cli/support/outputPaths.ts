import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, lstat, open, readdir, readlink, realpath, rm } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { codeOf, writingProblem } from './fileProblems.ts';

/** Something that a command was asked to write. */
export interface OutputRequest {
  /** As on the command line: `--record`. Empty for what stands there without an option. */
  readonly option: string;
  readonly path: string;
  readonly kind: 'file' | 'folder';
  /** May replace what is there. */
  readonly replace: boolean;
}

/** A place that can be written to. */
export interface OutputPlace extends OutputRequest {
  /** The path with all links followed: what is really written. */
  readonly target: string;
}

/** Links that are followed, at most: more go round in a circle. */
const MOST_LINKS = 40;

/**
 * Where a path leads when every link on it is followed, whether or not anything is there yet.
 * @throws the system's errors, other than that there is nothing
 */
export async function locate(path: string, links = 0): Promise<string> {
  const absolute = resolve(path);
  try {
    return await realpath(absolute);
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT' || dirname(absolute) === absolute) throw cause;
  }
  const folder = await locate(dirname(absolute), links);
  const link = await readlink(absolute).catch(() => undefined);
  if (link === undefined) return join(folder, basename(absolute));
  if (links >= MOST_LINKS) throw Object.assign(new Error(`${path} is a circle of links.`), { code: 'ELOOP' });
  return locate(resolve(folder, link), links + 1);
}

/** What stands at a path, itself and not what it links to; undefined where there is nothing. */
export async function standing(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw cause;
  }
}

/** Finds where an output goes and whether it can. @returns the place, or the reason in words why there is none. */
export async function findPlace(request: OutputRequest): Promise<OutputPlace | string> {
  const { path, kind } = request;
  if (path === '') return 'its path is empty. Give the name of what is to be written.';
  if (kind === 'file' && /[\\/]$/.test(path)) return 'a folder is named, and a file is meant. Give the name of a file.';
  try {
    const target = await locate(path);
    const there = await standing(target);
    const refusal = there && (await whyNotOver(target, there, request));
    if (refusal !== undefined) return refusal;
    await tryFolder(await nearestFolder(kind === 'folder' && there ? target : dirname(target)));
    return { ...request, target };
  } catch (cause) {
    const problem = writingProblem(cause);
    if (problem === undefined) throw cause;
    return problem;
  }
}

/** Why something that is there cannot be written over or into, in words; undefined where it can. */
export async function whyNotOver(
  target: string,
  there: Stats,
  { kind, replace }: Pick<OutputRequest, 'kind' | 'replace'>,
): Promise<string | undefined> {
  if (kind === 'folder') {
    if (!there.isDirectory()) return 'it is no folder, and a folder is meant. Choose another name.';
    if (!replace && (await readdir(target)).length > 0)
      return 'this folder already holds files. Choose another, or say --force: then files of the same names are replaced.';
    return undefined;
  }
  if (there.isDirectory()) return 'it is a folder, and a file is meant. Give the name of a file.';
  // A device, a pipe or a socket stands for something else than a file: renaming over it would take it away.
  if (!there.isFile()) return `it is ${kindOf(there)}, no file. Choose another name.`;
  if (!replace) return 'it exists already. Choose another name, or say --force to replace it.';
  await access(target, constants.W_OK);
  return undefined;
}

function kindOf(there: Stats): string {
  if (there.isFIFO()) return 'a pipe';
  return there.isSocket() ? 'a socket' : 'a device';
}

/** Whether one path lies inside the folder of another. */
export function liesIn(inner: string, folder: string): boolean {
  return inner.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** A name beside a path that is not taken and says that it is not whole yet. */
export function partPath(path: string): string {
  return join(dirname(path), partName(basename(path)));
}

/** Of a length that every disk takes, however long the name is. */
export function partName(name: string): string {
  return `${name.slice(0, 60)}.${randomBytes(4).toString('hex')}.part`;
}

/** The first of `name (2).ext`, `name (3).ext` … that is not taken. */
export async function freePath(path: string): Promise<string> {
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  for (let number = 2; ; number++) {
    const candidate = `${stem} (${number})${extension}`;
    if (!(await standing(candidate))) return candidate;
  }
}

/** The folder, or the nearest one above it that is there. */
async function nearestFolder(folder: string): Promise<string> {
  const there = await standing(folder);
  if (!there && dirname(folder) !== folder) return nearestFolder(dirname(folder));
  return folder;
}

/** Makes a file in a folder and takes it away again: what permissions say and what a disk does are not always the same. */
async function tryFolder(folder: string): Promise<void> {
  const probe = join(folder, partName('probe'));
  const file = await open(probe, 'wx');
  await file.close();
  await rm(probe);
}
