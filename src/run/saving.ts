import { pastedText, type GivenText } from '../corpus/given.ts';
import { ModelFileError, type ByteSource } from '../files/formats/byteSource.ts';
import { readSavedRun, writeSavedRun, type RunState } from '../files/formats/savedRun.ts';
import { expectFitting, restoreTraining, saveTraining, TrainingStateError } from '../training/state.ts';
import type { Experiment } from './assemble.ts';
import type { OpenRun } from './openRun.ts';
import type { Recipe } from './recipe.ts';
import type { RunRecord } from './record.ts';
import { recordText, roomForRecord } from './recordText.ts';
import { asTheyWereMeant } from '../settings/earlierSettings.ts';

/** A run as it was read from a file: nothing of it is on the GPU yet. */
export interface SavedRun {
  /** What it was made with, as it was written: not checked yet. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly text: GivenText | undefined;
  readonly title: string | undefined;
  readonly state: RunState;
  /** The retriever's centre [2, D], where its states were centred. */
  readonly centre: Float32Array<ArrayBuffer> | undefined;
  /** Vectors of all chunks [chunks, dimensions], where an encoder teaches: the run goes on to the bit, and without the encoder. */
  readonly teacherVectors: Float32Array<ArrayBuffer> | undefined;
  /** Hard negatives that were mined for the steps to come, where they are mined. */
  readonly minedNegatives: Float32Array<ArrayBuffer> | undefined;
  readonly record: RunRecord | undefined;
}

/** The centre's name among the tensors of the file: nothing that is trained is called so. */
const CENTRE = 'retriever.centre';
/** The same for the teacher's vectors. */
const TEACHER = 'teacher.vectors';
/** The same for hard negatives that were mined. */
const MINED = 'negatives.mined';
const BESIDE: readonly string[] = [CENTRE, TEACHER, MINED];

/** The whole state of a run between two steps, as the pieces of one file; `record` is what it has been so far. */
export async function saveRun(
  { runtime, experiment, prepared }: OpenRun,
  record: RunRecord,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const { configuration } = prepared.recipe;
  const own = textMetadata(prepared.recipe);
  const told = recordText(record, roomForRecord(own['given']));
  const { step, tensors } = await saveTraining(runtime, experiment.optimiser);
  const centre = await experiment.models.centre?.read();
  const teacher = experiment.teacher?.vectors;
  const mined = experiment.negatives?.state();
  const all = new Map([
    ...tensors,
    ...(centre ? [[CENTRE, centre] as const] : []),
    ...(teacher ? [[TEACHER, teacher] as const] : []),
    ...(mined ? [[MINED, mined] as const] : []),
  ]);
  return writeSavedRun(
    { step, tensors: all },
    {
      configuration: JSON.stringify(configuration),
      ...(told === undefined ? {} : { record: told }),
      ...own,
    },
  );
}

/** @throws ModelFileError, SafetensorsError when it is no saved run, or a damaged one. */
export async function readRun(source: ByteSource): Promise<SavedRun> {
  const { state, metadata } = await readSavedRun(source);
  const { title, record } = metadata;
  return {
    settings: asTheyWereMeant(object('configuration', metadata['configuration'])),
    text: givenText(metadata),
    title,
    state: { ...state, tensors: new Map([...state.tensors].filter(([name]) => !BESIDE.includes(name))) },
    centre: state.tensors.get(CENTRE),
    teacherVectors: state.tensors.get(TEACHER),
    minedNegatives: state.tensors.get(MINED),
    record: record === undefined ? undefined : (object('record', record) as unknown as RunRecord),
  };
}

/** Puts a saved run's numbers into models that were built for it. @throws TrainingStateError when they do not fit. */
export async function restoreRun(saved: SavedRun, { runtime, experiment }: OpenRun): Promise<void> {
  expectFittingRun(saved, experiment);
  await restoreTraining(runtime, experiment.optimiser, saved.state);
  if (saved.centre) experiment.models.centre?.set(saved.centre);
  if (saved.minedNegatives) experiment.negatives?.restore(saved.minedNegatives);
  // The same device need not measure anew what the run was made with; results are the same in any case.
  runtime.tiles.adopt(saved.record?.tiles);
}

/** Whether a saved run's numbers are as many as these models have. @throws TrainingStateError */
export function expectFittingRun(
  { state, centre: saved }: SavedRun,
  { models: { centre }, optimiser }: Pick<Experiment, 'models' | 'optimiser'>,
): void {
  if (saved && centre && saved.length !== centre.tensor.size)
    throw new TrainingStateError(
      `The saved run does not fit this model: its centre has ${saved.length} numbers and should have ${centre.tensor.size}.`,
    );
  expectFitting(optimiser, state);
}

/** A recipe's text as a saved run keeps it, for readRun. */
export function textMetadata({ text, title }: Pick<Recipe, 'text' | 'title'>): Record<string, string> {
  return {
    ...(text === undefined ? {} : { given: JSON.stringify(text) }),
    ...(title === undefined ? {} : { title }),
  };
}

/** A saved run's text; of one that was saved as a single string, divided as it was then. */
function givenText({ given, text, title }: Readonly<Record<string, string>>): GivenText | undefined {
  if (text !== undefined) return { ...pastedText(title ?? 'The text', text), dividedAs: 'earlier' };
  if (given === undefined) return undefined;
  const found = object('text', given) as Partial<GivenText>;
  if (!Array.isArray(found.files) || !found.files.every(isFile))
    throw new ModelFileError('The saved run has no readable text.');
  return found as GivenText;
}

function isFile(value: unknown): boolean {
  const { name, text } = (value ?? {}) as Record<string, unknown>;
  return typeof name === 'string' && typeof text === 'string';
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
