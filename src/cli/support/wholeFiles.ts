import { StorageError } from '../../base/errors.ts';
import { rmSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf } from './fileProblems.ts';
import { freePath, locate, partName, partPath, standing, whyNotOver } from './outputPaths.ts';

/** Bytes or texts that follow one another. */
export type Pieces = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/** A file of a folder. */
export interface FolderFile {
  /** Path with slashes, relative to the folder. */
  readonly name: string;
  readonly chunks: Pieces;
}

/** What could not be put where it was meant to be; the message is the end of a sentence that names the output. */
export class NotPlacedError extends StorageError {
  override readonly name = 'NotPlacedError';
}

/**
 * Writes a file under another name beside it until it is whole: what was there before stays until then.
 * @param target with its links followed (outputPaths.ts). @param replace whether a file that is there may go.
 * @throws NotPlacedError, the system's errors, and whatever the pieces throw; nothing half is left then
 */
export async function writeWholeFile(target: string, pieces: Pieces, replace: boolean): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const before = await standing(target);
  await unlessItFails(partPath(target), async (part) => {
    await writePieces(part, pieces, before?.isFile() ? before.mode & 0o777 : undefined);
    const there = await standing(target);
    if (there && !replace) await setAside(part, target);
    const refusal = there && (await whyNotOver(target, there, { kind: 'file', replace }));
    if (refusal !== undefined) throw new NotPlacedError(refusal);
    await rename(part, target);
  });
}

/**
 * Writes a folder's files, all of them under another name until the last is whole. In a folder that is there already they
 * are put among what it holds.
 * @throws as writeWholeFile
 */
export async function writeWholeFolder(target: string, files: readonly FolderFile[], replace: boolean): Promise<void> {
  const there = await standing(target);
  if (there && !there.isDirectory()) throw new NotPlacedError('it is no folder any more. Choose another name.');
  // Within the folder where it is there: the one above may be on another disk, or not for us to write.
  const part = there ? join(target, partName('new')) : partPath(target);
  await unlessItFails(part, async () => {
    await mkdir(part, { recursive: true });
    for (const { name, chunks } of files) {
      const path = join(part, name);
      await mkdir(dirname(path), { recursive: true });
      await writePieces(path, chunks);
    }
    if (there) await moveInto(target, part, files, replace);
    else await renameFolder(part, target);
  });
}

async function moveInto(target: string, part: string, files: readonly FolderFile[], replace: boolean): Promise<void> {
  const places: { from: string; to: string }[] = [];
  for (const { name } of files) {
    const to = await locate(join(target, name));
    const taken = await standing(to);
    if (taken && !replace) await setAside(part, target);
    const refusal = taken && (await whyNotOver(to, taken, { kind: 'file', replace }));
    if (refusal !== undefined) throw new NotPlacedError(`${name} in it cannot be replaced: ${refusal}`);
    places.push({ from: join(part, name), to });
  }
  for (const { from, to } of places) {
    await mkdir(dirname(to), { recursive: true });
    await rename(from, to);
  }
  await rm(part, { recursive: true });
}

async function renameFolder(part: string, target: string): Promise<void> {
  try {
    await rename(part, target);
  } catch (cause) {
    if (!['EEXIST', 'ENOTEMPTY'].includes(codeOf(cause) ?? '')) throw cause;
    await setAside(part, target);
  }
}

/** Keeps what was written under a name of its own, where somebody else has taken the one that was meant. */
async function setAside(part: string, target: string): Promise<never> {
  const aside = await freePath(target);
  await rename(part, aside);
  throw new NotPlacedError(
    `something else has been put there since the command began, and is left alone. What was to be there is in ${aside}.`,
  );
}

async function writePieces(path: string, pieces: Pieces, mode?: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    for await (const piece of pieces) await file.writeFile(piece);
    // Renaming can reach the disk before the bytes do.
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Files and folders that are not whole: a process that ends takes them along. */
const unfinished = new Set<string>();

/** Writes something under the name of a part, which is gone afterwards: renamed, or taken away. */
async function unlessItFails(part: string, write: (part: string) => Promise<void>): Promise<void> {
  if (unfinished.size === 0) process.once('exit', removeUnfinished);
  unfinished.add(part);
  try {
    await write(part);
  } catch (cause) {
    await rm(part, { recursive: true, force: true });
    throw cause;
  } finally {
    unfinished.delete(part);
    if (unfinished.size === 0) process.off('exit', removeUnfinished);
  }
}

function removeUnfinished(): void {
  for (const part of unfinished) rmSync(part, { recursive: true, force: true });
}
