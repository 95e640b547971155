import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { readZip } from '../../files/formats/zipReader.ts';
import type { OpenRun } from '../../run/openRun.ts';
import { importAdapters } from '../../run/takeHome.ts';
import { readRun, type SavedRun } from '../../run/saving.ts';
import { reading } from './fileProblems.ts';
import { fileSource, folderFiles } from './nodeFiles.ts';
import { UsageError } from './usage.ts';

/** Puts adapters from a folder or a zip file under a run. @returns what was put where, in words. */
export async function readAdapters(run: OpenRun, path: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new UsageError(`There is no folder or file ${path}.`);
  if (info.isDirectory()) return importAdapters(run, folderFiles(path), await filesUnder(path));
  const source = await fileSource(path);
  if (!source) throw new UsageError(`${path} is neither a folder nor a zip file.`);
  return importAdapters(run, await reading(path, readZip(source)));
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

/** @throws ModelFileError, SafetensorsError when the file is no saved run, or a damaged one. */
export async function readRunFile(path: string): Promise<SavedRun> {
  const source = await fileSource(path);
  if (!source) throw new UsageError(`There is no file ${path}.`);
  return readRun(source);
}
