import { blobSource, ModelFileError, type ByteSource } from '../../files/formats/byteSource.ts';
import { zipChunks } from '../../files/formats/zipWriter.ts';
import { readZip } from '../../files/formats/zipReader.ts';
import { configure } from '../../settings/configuration.ts';
import type { Surroundings } from './modelDesk.ts';
import type { OpenRun } from '../../run/openRun.ts';
import type { Recipe } from '../../run/recipe.ts';
import type { ChosenFile, CommandOf, LabEvent } from '../door/protocol.ts';
import type { HandoverProgress, LabFile, ResumedRun } from '../door/views.ts';
import type { RunRecord } from '../../run/record.ts';
import { readRun, restoreRun, saveRun, type SavedRun } from '../../run/saving.ts';
import { RunLog } from '../../run/runLog.ts';
import { Autosave } from '../../run/autosave.ts';
import { newRunId, SavedRuns, type SavedRunView } from '../../run/savedRuns.ts';
import { importAdapters } from '../../run/adapterImport.ts';
import { handoverFiles, packed } from '../../run/handover/handover.ts';
import { runArchive } from '../../run/takeHome.ts';

/** A saved run that can be put back, and the id that it goes on under. */
export interface FoundRun extends SavedRun {
  readonly id: string;
  /** As it is listed; undefined for a file of the reader's. */
  readonly stored: SavedRunView | undefined;
  readonly recipe: Recipe;
}

/** Where the run that is open is saved. */
interface Place {
  readonly id: string;
  /** What the reader calls it; undefined until they have given it a name. */
  name: string | undefined;
  readonly autosave: Autosave;
}

/** Metrics of so many steps go into a saved run at most. */
const MOST_STEPS = 4000;

/** Takes runs home and puts them back: adapters, whole states, and what this browser keeps by itself. */
export class RunDesk {
  readonly log = new RunLog({ mostSteps: MOST_STEPS, keepsPicture: () => false });
  readonly #saved: SavedRuns;
  readonly #claim: (id: string) => Promise<boolean>;
  readonly #now: () => number;
  /** By the experiment of a run. */
  readonly #places = new WeakMap<object, Place>();
  #open: Place | undefined;
  /** The save that is under way. */
  #saving: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly emit: (event: LabEvent) => void,
    { runs, claimRun = () => Promise.resolve(true), now = () => performance.now() }: Surroundings,
  ) {
    this.#saved = new SavedRuns(runs);
    this.#claim = claimRun;
    this.#now = now;
  }

  /**
   * A run was opened, at its beginning or, if it is one that was saved, where it was left. One that another tab has open goes on
   * here as a run of its own: the two would write over each other.
   */
  async begin({ experiment, prepared }: OpenRun, saved?: FoundRun): Promise<void> {
    const isItself = saved !== undefined && (await this.#claim(saved.id));
    const id = isItself ? saved.id : newRunId();
    if (!isItself) await this.#claim(id);
    // What this browser's storage does not have under this id is not saved yet.
    const savedStep = isItself && saved.stored ? saved.state.step : 0;
    const autosave = new Autosave(prepared.recipe.configuration, savedStep, this.#now());
    this.#open = { id, name: isItself ? saved.stored?.name : undefined, autosave };
    this.#places.set(experiment, this.#open);
    this.emit({ type: 'opened', id });
  }

  list(): Promise<SavedRunView[]> {
    return this.#saved.list();
  }

  /** @returns those that are left. */
  async delete(id: string): Promise<SavedRunView[]> {
    if (this.#open?.id === id) this.#open.autosave.stop();
    await this.#saving;
    await this.#saved.delete(id);
    return this.#saved.list();
  }

  async rename({ id, name }: CommandOf<'renameSavedRun'>): Promise<SavedRunView[]> {
    if (this.#open?.id === id) this.#open.name = name;
    await this.#saving;
    await this.#saved.rename(id, name);
    return this.#saved.list();
  }

  /** @throws ModelFileError when it is not there any more. */
  async exportSaved(id: string): Promise<LabFile> {
    const { view, source } = await this.#saved.find(id);
    const bytes = new Uint8Array(await source.read(0, source.size));
    return { name: runFileName(view.step), bytes };
  }

  async exportAdapters(run: OpenRun): Promise<LabFile> {
    return file(`revela-step-${run.experiment.optimiser.step}.zip`, zipChunks(await runArchive(run)));
  }

  /** @throws HandoverRefusedError; CorpusError `aborted` */
  async handOver(
    run: OpenRun,
    steps: number,
    { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (progress: HandoverProgress) => void },
  ): Promise<LabFile> {
    const options = { signal, onProgress: (detail: string, fraction: number) => onProgress({ detail, fraction }) };
    const files = await handoverFiles(run, { steps, ...options });
    return file(`revela-handover-step-${run.experiment.optimiser.step}.zip`, await packed(files, options));
  }

  async exportRun(run: OpenRun): Promise<LabFile> {
    return file(runFileName(run.experiment.optimiser.step), await this.#state(run));
  }

  /** The run goes on: what it learns from now on may be lost. */
  goesOn(run: OpenRun): void {
    this.#placeOf(run).autosave.goesOn(run.experiment.optimiser.step, this.#now());
  }

  /** Whether the run is to be saved by itself after `step`. */
  isSaveDue(run: OpenRun, step: number, isLast: boolean): boolean {
    return this.#placeOf(run).autosave.isDue(step, isLast, this.#now());
  }

  /** @throws StorageFullError, StoreRefusedError; what was saved before stays. */
  async save(run: OpenRun): Promise<{ readonly step: number }> {
    const { step } = run.experiment.optimiser;
    const { id, name = nameOf(run), autosave } = this.#placeOf(run);
    const saving = this.#state(run).then((chunks) => this.#saved.save(id, { name, step }, chunks));
    this.#saving = saving.catch(() => undefined);
    try {
      const saved = await saving;
      autosave.saved(step, this.#now());
      this.emit({ type: 'saved', run: saved });
    } catch (cause) {
      autosave.failed(this.#now());
      throw cause;
    }
    return { step };
  }

  /** The same where there is enough to be lost. */
  saveIfWorthIt(run: OpenRun): Promise<{ readonly step: number }> {
    const { autosave } = this.#placeOf(run);
    const isWorthIt = autosave.isWorthIt(run.experiment.optimiser.step, this.#now());
    return isWorthIt ? this.save(run) : Promise.resolve({ step: autosave.step });
  }

  /** @returns what was put under the run, in words. @throws ModelFileError, SafetensorsError when they do not fit it. */
  async importAdapters(files: readonly ChosenFile[], run: OpenRun): Promise<{ readonly detail: string }> {
    const [first] = files;
    if (!first) throw new ModelFileError('There were no files. Choose a zip file or a PEFT folder.');
    if (files.length === 1)
      return { detail: await importAdapters(run, { content: await readZip(blobSource(first.path, first.blob)) }) };
    const sources = new Map<string, ByteSource>(files.map(({ path, blob }) => [path, blobSource(path, blob)]));
    const lookUp = (name: string) => Promise.resolve(sources.get(name));
    return { detail: await importAdapters(run, { content: lookUp, names: [...sources.keys()] }) };
  }

  /** @throws ModelFileError, SafetensorsError, SettingError when it is no saved run, or one that cannot be run here. */
  async read(command: CommandOf<'resumeRun' | 'importRun'>): Promise<FoundRun> {
    const { view: stored, source } =
      command.type === 'resumeRun'
        ? await this.#saved.find(command.id)
        : { view: undefined, source: blobSource('The file', command.blob) };
    const saved = await readRun(source);
    const { settings, text, title } = saved;
    return {
      ...saved,
      id: stored?.id ?? newRunId(),
      stored,
      recipe: { configuration: configure(settings), text, title },
    };
  }

  /** Puts a run's numbers back into models that were built for it. @throws TrainingStateError when they do not fit. */
  async restore(saved: FoundRun, run: OpenRun): Promise<Omit<ResumedRun, 'without'>> {
    const { recipe, state, record } = saved;
    const { id } = this.#placeOf(run);
    await restoreRun(saved, run);
    this.log.clear();
    if (record) this.log.restore(record);
    const { configuration, text, title } = recipe;
    const corpus = run.prepared.corpus.summary;
    const isCopy = id !== saved.id;
    return { id, isCopy, configuration, text, title, step: state.step, run: record, corpus };
  }

  #placeOf({ experiment }: OpenRun): Place {
    const place = this.#places.get(experiment);
    if (!place) throw new Error('The run was opened without a place to be saved in.');
    return place;
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
      tiles: runtime.tiles.table,
    });
  }
}

function runFileName(step: number): string {
  return `revela-run-step-${step}.safetensors`;
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
