import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ModelFileError } from '../../files/formats/byteSource.ts';
import { readSavedRun, writeSavedRun, type RunState } from '../../files/formats/savedRun.ts';
import { looksLikeZip } from '../../files/formats/zipReader.ts';
import type { OpenRun } from '../../run/openRun.ts';
import type { RunRecord } from '../../run/record.ts';
import { recordText } from '../../run/recordText.ts';
import { importAdapters } from '../../run/takeHome.ts';
import { restoreTraining, saveTraining } from '../../training/state.ts';
import { reading } from './fileProblems.ts';
import { fileSource, folderFiles } from './nodeFiles.ts';
import { UsageError } from './usage.ts';

/** Puts adapters from a folder or a zip file under a run. @returns what was put where, in words. */
export async function readAdapters(run: OpenRun, path: string): Promise<string> {
  const info = await stat(path).catch(() => undefined);
  if (!info) throw new UsageError(`There is no folder or file ${path}.`);
  if (info.isDirectory()) return importAdapters(run, folderFiles(path), await filesUnder(path));
  const bytes = new Uint8Array(await reading(path, readFile(path)));
  if (!looksLikeZip(bytes)) throw new UsageError(`${path} is neither a folder nor a zip file.`);
  return importAdapters(run, bytes);
}

async function filesUnder(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

/** A run as it was saved: what it was made with, its numbers, and its curves. */
export interface SavedRun {
  readonly configuration: Readonly<Record<string, unknown>>;
  readonly text: string | undefined;
  readonly title: string | undefined;
  readonly state: RunState;
  readonly record: RunRecord | undefined;
}

/** The whole state of a run as the bytes of a saved run, as the page writes it. */
export async function savedRunChunks(
  { runtime, experiment, prepared }: OpenRun,
  record: RunRecord,
): Promise<Uint8Array[]> {
  const { configuration, text, title } = prepared.recipe;
  const state = await saveTraining(runtime, experiment.optimiser);
  const told = recordText(record);
  return writeSavedRun(state, {
    configuration: JSON.stringify(configuration),
    ...(told === undefined ? {} : { record: told }),
    ...(text === undefined ? {} : { text }),
    ...(title === undefined ? {} : { title }),
  });
}

/** @throws ModelFileError, SafetensorsError when the file is no saved run, or a damaged one. */
export async function readRun(path: string): Promise<SavedRun> {
  const source = await fileSource(path);
  if (!source) throw new UsageError(`There is no file ${path}.`);
  const { state, metadata } = await readSavedRun(source);
  const object = (name: string): Record<string, unknown> | undefined => {
    const text = metadata[name];
    if (text === undefined) return undefined;
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  };
  try {
    const configuration = object('configuration');
    if (!configuration) throw new ModelFileError(`${path} does not say what the run was made with.`);
    const record = object('record') as RunRecord | undefined;
    return { configuration, text: metadata['text'], title: metadata['title'], state, record };
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new ModelFileError(`${path} is damaged: ${cause.message}`);
    throw cause;
  }
}

/** Puts a saved run's numbers into models that were built for it. @throws TrainingStateError when they do not fit. */
export async function restoreRun({ state }: SavedRun, { runtime, experiment }: OpenRun): Promise<void> {
  await restoreTraining(runtime, experiment.optimiser, state);
}
