import { stat } from 'node:fs/promises';
import { readZip } from '../../files/formats/zipReader.ts';
import type { AdapterInput } from '../../run/adapterImport.ts';
import { readRun, type SavedRun } from '../../run/saving.ts';
import { reading } from './fileProblems.ts';
import { filesUnder, fileSource, folderFiles } from './nodeFiles.ts';
import { UsageError } from './usage.ts';

/** Opens the adapters of a folder or a zip file. @throws UsageError, ModelFileError */
export async function openAdapters(path: string): Promise<AdapterInput> {
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new UsageError(`There is no folder or file ${path}.`);
  if (info.isDirectory()) return { content: folderFiles(path), names: await filesUnder(path) };
  const source = await fileSource(path);
  if (!source) throw new UsageError(`${path} is neither a folder nor a zip file.`);
  return { content: await reading(path, readZip(source)) };
}

/** @throws ModelFileError, SafetensorsError when the file is no saved run, or a damaged one. */
export async function readRunFile(path: string): Promise<SavedRun> {
  const source = await fileSource(path);
  if (!source) throw new UsageError(`There is no file ${path}.`);
  return readRun(source);
}
