import { blobSource, ModelFileError, type ByteSource } from '../../files/formats/byteSource.ts';
import { zipChunks } from '../../files/formats/zipWriter.ts';
import { readZip } from '../../files/formats/zipReader.ts';
import { configure } from '../../settings/configuration.ts';
import type { Surroundings } from './modelDesk.ts';
import type { OpenRun } from '../../run/openRun.ts';
import type { Recipe } from '../../run/recipe.ts';
import type { ChosenFile, CommandOf, LabEvent } from '../door/protocol.ts';
import type { LabFile, ResumedRun } from '../door/views.ts';
import type { RunRecord } from '../../run/record.ts';
import { readRun, restoreRun, saveRun, type SavedRun } from '../../run/saving.ts';
import { RunLog } from '../../run/runLog.ts';
import { SavedRuns, type SavedRunView } from '../../run/savedRuns.ts';
import { importAdapters, runArchive } from '../../run/takeHome.ts';

/** A saved run that can be put back, and its place in the storage; undefined for a file of the reader's. */
export interface FoundRun extends SavedRun {
  readonly id: string | undefined;
  readonly recipe: Recipe;
}

/** Metrics of so many steps go into a saved run at most. */
const MOST_STEPS = 4000;

/** Takes runs home and puts them back: adapters, whole states, and what this browser keeps by itself. */
export class RunDesk {
  readonly log = new RunLog({ mostSteps: MOST_STEPS, keepsPicture: () => false });
  readonly #saved: SavedRuns;
  /** Where the run that is open is saved: one place for each run. */
  readonly #places = new WeakMap<object, string>();

  constructor(
    private readonly emit: (event: LabEvent) => void,
    { runs }: Surroundings,
  ) {
    this.#saved = new SavedRuns(runs);
  }

  list(): Promise<SavedRunView[]> {
    return this.#saved.list();
  }

  /** @returns those that are left. */
  async delete(id: string): Promise<SavedRunView[]> {
    await this.#saved.delete(id);
    return this.#saved.list();
  }

  async exportAdapters(run: OpenRun): Promise<LabFile> {
    return file(`revela-step-${run.experiment.optimiser.step}.zip`, zipChunks(await runArchive(run)));
  }

  async exportRun(run: OpenRun): Promise<LabFile> {
    return file(`revela-run-step-${run.experiment.optimiser.step}.safetensors`, await this.#state(run));
  }

  /** @throws StorageFullError, StoreRefusedError; what was saved before stays. */
  async save(run: OpenRun): Promise<{ readonly step: number }> {
    const { step } = run.experiment.optimiser;
    const id = this.#places.get(run.experiment) ?? `run-${Date.now()}`;
    await this.#saved.save(id, { name: nameOf(run), step }, await this.#state(run));
    this.#places.set(run.experiment, id);
    this.emit({ type: 'saved', step });
    return { step };
  }

  /** @returns what was put under the run, in words. @throws ModelFileError, SafetensorsError when they do not fit it. */
  async importAdapters(files: readonly ChosenFile[], run: OpenRun): Promise<{ readonly detail: string }> {
    const [first] = files;
    if (!first) throw new ModelFileError('There were no files. Choose a zip file or a PEFT folder.');
    if (files.length === 1)
      return { detail: await importAdapters(run, await readZip(blobSource(first.path, first.blob))) };
    const sources = new Map<string, ByteSource>(files.map(({ path, blob }) => [path, blobSource(path, blob)]));
    const lookUp = (name: string) => Promise.resolve(sources.get(name));
    return { detail: await importAdapters(run, lookUp, [...sources.keys()]) };
  }

  /** @throws ModelFileError, SafetensorsError, SettingError when it is no saved run, or one that cannot be run here. */
  async read(command: CommandOf<'resumeRun' | 'importRun'>): Promise<FoundRun> {
    const isStored = command.type === 'resumeRun';
    const source = isStored ? await this.#saved.read(command.id) : blobSource('The file', command.blob);
    const saved = await readRun(source);
    const { settings, text, title } = saved;
    return {
      ...saved,
      id: isStored ? command.id : undefined,
      recipe: { configuration: configure(settings), text, title },
    };
  }

  /** Puts a run's numbers back into models that were built for it. @throws TrainingStateError when they do not fit. */
  async restore(saved: FoundRun, run: OpenRun): Promise<ResumedRun> {
    const { id, recipe, state, record } = saved;
    await restoreRun(saved, run);
    if (id !== undefined) this.#places.set(run.experiment, id);
    this.log.clear();
    if (record) this.log.restore(record);
    const { configuration, text, title } = recipe;
    const corpus = run.prepared.corpus.summary;
    return { configuration, text, title, step: state.step, run: record, corpus };
  }

  #state(run: OpenRun): Promise<Uint8Array<ArrayBuffer>[]> {
    return saveRun(run, this.#record(run));
  }

  #record({ runtime, prepared: { recipe, corpus } }: OpenRun): RunRecord {
    return this.log.record({
      name: corpus.summary.title,
      configuration: recipe.configuration,
      corpus: corpus.summary,
      adapter: runtime.gpu.info.description,
    });
  }
}

function file(name: string, chunks: readonly Uint8Array<ArrayBuffer>[]): LabFile {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { name, bytes };
}

/** "Qwen/Qwen2.5-0.5B on The kitchen". */
function nameOf({ prepared: { recipe, corpus } }: OpenRun): string {
  const { base, checkpoint } = recipe.configuration;
  return `${base === 'checkpoint' ? checkpoint : 'Small models'} on ${corpus.summary.title}`;
}
