import { blobSource, ModelFileError, type ByteSource } from '../../files/formats/byteSource.ts';
import { readSavedRun, writeSavedRun, type RunState } from '../../files/formats/savedRun.ts';
import { zipChunks } from '../../files/formats/zipWriter.ts';
import { looksLikeZip } from '../../files/formats/zipReader.ts';
import { restoreTraining, saveTraining } from '../../training/state.ts';
import { configure } from '../../settings/configuration.ts';
import type { Surroundings } from './modelDesk.ts';
import type { OpenRun } from '../../run/openRun.ts';
import { recordText } from '../../run/recordText.ts';
import type { Recipe } from '../../run/recipe.ts';
import type { LabEvent, RunCommand } from '../door/protocol.ts';
import type { RunRecord } from '../../run/record.ts';
import { RunLog } from '../../run/runLog.ts';
import { SavedRuns } from '../../run/savedRuns.ts';
import { importAdapters, runArchive } from '../../run/takeHome.ts';

/** A run as it was read from a file: nothing of it is on the GPU yet. */
export interface SavedRun {
  /** Its place in the storage; undefined for a file of the reader's. */
  readonly id: string | undefined;
  readonly recipe: Recipe;
  readonly state: RunState;
  readonly record: RunRecord | undefined;
}

type Managing = Extract<RunCommand, { type: 'listSavedRuns' | 'deleteSavedRun' }>;
type Resuming = Extract<RunCommand, { type: 'resumeRun' | 'importRun' }>;
type OnRun = Exclude<RunCommand, Managing | Resuming>;

/** Takes runs home and puts them back: adapters, whole states, and what this browser keeps by itself. */
export class RunDesk {
  readonly log = new RunLog();
  readonly #saved: SavedRuns;
  /** Where the run that is open is saved: one place for each run. */
  readonly #places = new WeakMap<object, string>();

  constructor(
    private readonly emit: (event: LabEvent) => void,
    { runs }: Surroundings,
  ) {
    this.#saved = new SavedRuns(runs);
  }

  async manage(command: Managing): Promise<void> {
    if (command.type === 'deleteSavedRun') await this.#saved.delete(command.id);
    this.emit({ type: 'savedRuns', runs: await this.#saved.list() });
  }

  async handle(command: OnRun, run: OpenRun): Promise<void> {
    const { step } = run.experiment.optimiser;
    switch (command.type) {
      case 'exportAdapters': {
        const chunks = zipChunks(await runArchive(run));
        return this.#file(`revela-step-${step}.zip`, chunks);
      }
      case 'importAdapters': {
        const detail = await this.#import(command.files, run);
        return this.emit({ type: 'imported', detail });
      }
      case 'exportRun':
        return this.#file(`revela-run-step-${step}.safetensors`, await this.#state(run));
      case 'saveRun':
        return this.#save(run);
      default:
        return command satisfies never;
    }
  }

  /** @throws ModelFileError, SafetensorsError, SettingError when it is no saved run, or one that cannot be run here. */
  async read(command: Resuming): Promise<SavedRun> {
    const isStored = command.type === 'resumeRun';
    const source = isStored ? await this.#saved.read(command.id) : blobSource('The file', command.blob);
    const { state, metadata } = await readSavedRun(source);
    const configuration = configure(object('configuration', metadata['configuration']));
    return {
      id: isStored ? command.id : undefined,
      recipe: { configuration, text: metadata['text'], title: metadata['title'] },
      state,
      record:
        metadata['record'] === undefined ? undefined : (object('record', metadata['record']) as unknown as RunRecord),
    };
  }

  /** Puts a run's numbers back into models that were built for it. @throws TrainingStateError when they do not fit. */
  async restore({ id, recipe, state, record }: SavedRun, run: OpenRun): Promise<void> {
    await restoreTraining(run.runtime, run.experiment.optimiser, state);
    if (id !== undefined) this.#places.set(run.experiment, id);
    this.log.clear();
    if (record) this.log.restore(record);
    const { configuration, text, title } = recipe;
    this.emit({ type: 'resumed', configuration, text, title, step: state.step, run: record });
  }

  async #save(run: OpenRun): Promise<void> {
    const { step } = run.experiment.optimiser;
    const id = this.#places.get(run.experiment) ?? `run-${Date.now()}`;
    await this.#saved.save(id, { name: nameOf(run), step }, await this.#state(run));
    this.#places.set(run.experiment, id);
    this.emit({ type: 'saved', step });
  }

  async #state({ runtime, experiment, prepared }: OpenRun): Promise<Uint8Array<ArrayBuffer>[]> {
    const { recipe, corpus } = prepared;
    const { configuration, text, title } = recipe;
    const record = recordText(
      this.log.record(corpus.summary.title, configuration, corpus.summary, runtime.gpu.adapter.description),
    );
    return writeSavedRun(await saveTraining(runtime, experiment.optimiser), {
      configuration: JSON.stringify(configuration),
      ...(record === undefined ? {} : { record }),
      ...(text === undefined ? {} : { text }),
      ...(title === undefined ? {} : { title }),
    });
  }

  #file(name: string, chunks: readonly Uint8Array<ArrayBuffer>[]): void {
    const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    let at = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.emit({ type: 'file', name, bytes });
  }

  async #import(files: readonly { path: string; blob: Blob }[], run: OpenRun): Promise<string> {
    const [first] = files;
    if (!first) throw new ModelFileError('There were no files. Choose a zip file or a PEFT folder.');
    if (files.length === 1) {
      const bytes = new Uint8Array(await first.blob.arrayBuffer());
      if (!looksLikeZip(bytes))
        throw new ModelFileError(
          `${first.path} is no zip file. Choose the zip that was exported, or a whole PEFT folder.`,
        );
      return importAdapters(run, bytes);
    }
    const sources = new Map<string, ByteSource>(files.map(({ path, blob }) => [path, blobSource(path, blob)]));
    return importAdapters(run, (name) => Promise.resolve(sources.get(name)), [...sources.keys()]);
  }
}

/** "Qwen/Qwen2.5-0.5B on The kitchen". */
function nameOf({ prepared: { recipe, corpus } }: OpenRun): string {
  const { base, checkpoint } = recipe.configuration;
  return `${base === 'checkpoint' ? checkpoint : 'Small models'} on ${corpus.summary.title}`;
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
