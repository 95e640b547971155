import { ModelFileError, type ByteSource } from '../files/formats/byteSource.ts';
import { readSavedRun, writeSavedRun, type RunState } from '../files/formats/savedRun.ts';
import { restoreTraining, saveTraining } from '../training/state.ts';
import type { OpenRun } from './openRun.ts';
import type { RunRecord } from './record.ts';
import { recordText } from './recordText.ts';

/** A run as it was read from a file: nothing of it is on the GPU yet. */
export interface SavedRun {
  /** What it was made with, as it was written: not checked yet. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly text: string | undefined;
  readonly title: string | undefined;
  readonly state: RunState;
  readonly record: RunRecord | undefined;
}

/** The whole state of a run between two steps, as the pieces of one file; `record` is what it has been so far. */
export async function saveRun(
  { runtime, experiment, prepared }: OpenRun,
  record: RunRecord,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const { configuration, text, title } = prepared.recipe;
  const told = recordText(record);
  return writeSavedRun(await saveTraining(runtime, experiment.optimiser), {
    configuration: JSON.stringify(configuration),
    ...(told === undefined ? {} : { record: told }),
    ...(text === undefined ? {} : { text }),
    ...(title === undefined ? {} : { title }),
  });
}

/** @throws ModelFileError, SafetensorsError when it is no saved run, or a damaged one. */
export async function readRun(source: ByteSource): Promise<SavedRun> {
  const { state, metadata } = await readSavedRun(source);
  const { text, title, record } = metadata;
  return {
    settings: object('configuration', metadata['configuration']),
    text,
    title,
    state,
    record: record === undefined ? undefined : (object('record', record) as unknown as RunRecord),
  };
}

/** Puts a saved run's numbers into models that were built for it. @throws TrainingStateError when they do not fit. */
export async function restoreRun({ state }: SavedRun, { runtime, experiment }: OpenRun): Promise<void> {
  await restoreTraining(runtime, experiment.optimiser, state);
}

function object(name: string, text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new ModelFileError(`The saved run has no readable ${name}.`);
}
