import { BadInputError } from '../base/errors.ts';
import { byteText } from '../files/formats/byteText.ts';
import { openDevice } from '../gpu/device.ts';
import { Runtime } from '../ops/core/runtime.ts';
import { defaultConfiguration } from '../settings/configuration.ts';
import type { Experiment } from '../run/assemble.ts';
import { FrozenBases } from '../run/frozenBases.ts';
import { openRun, prepareRun } from '../run/openRun.ts';
import { openBoth, type Pretrained } from '../run/pretrained.ts';
import type { LoadingOptions } from '../run/pretrainedModels.ts';
import type { PreparedRun, Recipe } from '../run/recipe.ts';
import type { LabEvent, LabState } from './door/protocol.ts';
import { SettingError } from '../settings/setting.ts';

interface OpeningOptions {
  readonly signal?: AbortSignal;
  /** The retriever's, where a run goes on that has measured it. */
  readonly centre?: LoadingOptions['centre'];
  /** Of a run that an encoder teaches: the encoder, or what it made when the run began. */
  readonly teacher?: LoadingOptions['teacher'];
  readonly teacherVectors?: LoadingOptions['teacherVectors'];
  /** The run was saved: what it asks for may be done another way, where its numbers stay the same. */
  readonly goesOn?: boolean;
  /** Hears, in words for people, that and why it is done another way. */
  readonly onWithout?: LoadingOptions['onWithout'];
}

/** What it has others do. */
interface Helpers {
  /** Finds a checkpoint by its name. */
  readonly openModel: (name: string) => Promise<Pretrained>;
  /** Tells a GPU that was just opened which of its tiles are fastest, as far as that is known. */
  readonly tellTiles: (runtime: Runtime) => Promise<void>;
}

/** What a run stands on: GPU, checkpoints, corpus, models. One run at a time; what was there before stays until it is replaced. */
export class Workbench {
  recipe: Recipe = { configuration: defaultConfiguration(), text: undefined, title: undefined };
  prepared: PreparedRun | undefined;
  experiment: Experiment | undefined;
  runtime: Runtime | undefined;
  readonly #frozen = new FrozenBases();
  #opening: Promise<Runtime> | undefined;

  constructor(
    private readonly gpu: GPU | undefined,
    private readonly emit: (event: LabEvent) => void,
    private readonly helpers: Helpers,
  ) {}

  state(state: LabState, detail: string, progress?: number): void {
    this.emit({ type: 'state', state, detail, ...(progress === undefined ? {} : { progress }) });
  }

  /**
   * Reads the text and the small files of the checkpoints; nothing of the run so far is touched.
   * @throws CorpusError, also `aborted`; SettingError for a checkpoint that cannot be used.
   */
  async prepare(recipe: Recipe, signal: AbortSignal): Promise<PreparedRun> {
    this.state('preparing', 'Reading the text', 0);
    return prepareRun(recipe, {
      openBases: (configuration) => openBoth(configuration, (name, setting) => this.#openCheckpoint(name, setting)),
      signal,
      onProgress: (detail, fraction) => this.state('preparing', detail, fraction),
    });
  }

  /** What the next run is made from; everybody is told what it reads. */
  take(prepared: PreparedRun): void {
    this.recipe = prepared.recipe;
    this.prepared = prepared;
    this.emit({ type: 'corpus', summary: prepared.corpus.summary });
  }

  /** Models and optimiser of the prepared run, built when they are not there yet. */
  async open(
    prepared: PreparedRun,
    { signal, centre, teacher, teacherVectors, goesOn, onWithout }: OpeningOptions = {},
  ): Promise<Experiment> {
    if (this.experiment) return this.experiment;
    const runtime = await this.openRuntime();
    this.state('preparing', 'Building the models');
    const { experiment } = await openRun(runtime, prepared, {
      signal,
      centre,
      teacher,
      teacherVectors,
      ...(goesOn && { goesOn }),
      onWithout,
      onTeacher: (fraction) => this.state('preparing', 'Asking the teacher', fraction),
      onCentring: (fraction) => this.state('preparing', 'Finding the mean embedding of the text', fraction),
      frozen: this.#frozen,
      onProgress: (detail, done, total) =>
        this.state('preparing', `${detail}, ${byteText(done)} of ${byteText(total)}`, total > 0 ? done / total : 1),
      onQuantised: ({ worst }) => this.emit({ type: 'quantised', worstError: worst.relativeRms }),
    });
    this.experiment = experiment;
    return experiment;
  }

  openRuntime(): Promise<Runtime> {
    if (!this.runtime) this.state('preparing', 'Opening the GPU');
    return this.openRuntimeQuietly();
  }

  /** The same for what nobody waits for. */
  openRuntimeQuietly(): Promise<Runtime> {
    if (this.runtime) return Promise.resolve(this.runtime);
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #open(): Promise<Runtime> {
    const runtime = new Runtime(await openDevice(this.gpu));
    await this.helpers.tellTiles(runtime);
    this.runtime = runtime;
    // Where nothing was on it, nothing is lost: the next who needs a GPU opens it anew.
    void runtime.gpu.lost.then(() => {
      if (this.runtime === runtime && !this.experiment) this.dropRuntime();
    });
    const { info } = runtime.gpu;
    const name = info.description || [info.vendor, info.architecture].filter(Boolean).join(' ') || 'GPU';
    const hasSubgroups = runtime.gpu.subgroupSize !== undefined;
    this.emit({ type: 'gpu', description: name, software: info.software, hasSubgroups });
    return runtime;
  }

  dropExperiment(): void {
    this.experiment?.destroy();
    this.experiment = undefined;
    // Recorded but unsent work may still name the buffers that were just given back.
    this.runtime?.recorder.discard();
    this.runtime?.pool.trim();
  }

  /** After a lost device: nothing on it can be trusted or given back. */
  dropRuntime(): void {
    this.experiment = undefined;
    this.#frozen.forget();
    this.runtime?.destroy();
    this.runtime = undefined;
  }

  /** A checkpoint that cannot be used is a matter of the setting that names it. */
  async #openCheckpoint(name: string, setting: 'checkpoint' | 'retrieverCheckpoint'): Promise<Pretrained> {
    try {
      return await this.helpers.openModel(name);
    } catch (cause) {
      throw cause instanceof BadInputError ? new SettingError(setting, cause.message) : cause;
    }
  }
}
