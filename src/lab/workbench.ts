import { CorpusError } from '../corpus/errors.ts';
import { ModelFileError } from '../files/byteSource.ts';
import { byteText } from '../files/byteText.ts';
import { SafetensorsError } from '../files/safetensors.ts';
import { openDevice } from '../gpu/device.ts';
import { ModelConfigError } from '../models/config.ts';
import { Context } from '../ops/context.ts';
import { defaultConfiguration, type Configuration } from './configuration.ts';
import { setUpCorpus, type CorpusSetup } from './corpusSetup.ts';
import { openExperiment, type Experiment } from './experiment.ts';
import { FrozenBases } from './frozenBases.ts';
import { refuseUnlessItFits, type PlannedBases } from './memory.ts';
import { openBoth, type Bases, type Pretrained } from './pretrained.ts';
import type { LabEvent, LabState } from './protocol.ts';
import { SettingError } from './setting.ts';
import { smallDecoderConfig } from './smallModels.ts';

/** What a run is made from. */
export interface RunPlan {
  readonly configuration: Configuration;
  readonly text: string | undefined;
  readonly title: string | undefined;
}

/** A plan whose text is read, cut and tokenised. */
export interface PreparedRun {
  readonly plan: RunPlan;
  readonly corpus: CorpusSetup;
  readonly bases: Bases | undefined;
}

/** What a run stands on: GPU, checkpoints, corpus, models. One run at a time; what was there before stays until it is replaced. */
export class Workbench {
  plan: RunPlan = { configuration: defaultConfiguration(), text: undefined, title: undefined };
  prepared: PreparedRun | undefined;
  experiment: Experiment | undefined;
  context: Context | undefined;
  readonly #frozen = new FrozenBases();

  constructor(
    private readonly gpu: GPU | undefined,
    private readonly emit: (event: LabEvent) => void,
    /** Finds a checkpoint by its name. */
    private readonly openModel: (name: string) => Promise<Pretrained>,
  ) {}

  state(state: LabState, detail: string, progress?: number): void {
    this.emit({ type: 'state', state, detail, ...(progress === undefined ? {} : { progress }) });
  }

  /**
   * Reads the text and the small files of the checkpoints; nothing of the run so far is touched.
   * @returns undefined when it was stopped: that is nobody's mistake.
   */
  async prepare(plan: RunPlan, signal: AbortSignal): Promise<PreparedRun | undefined> {
    this.state('preparing', 'Reading the text', 0);
    try {
      const { configuration } = plan;
      const isCheckpoint = configuration.base === 'checkpoint';
      const bases = isCheckpoint
        ? await openBoth(configuration, (name, setting) => this.#open(name, setting))
        : undefined;
      const corpus = await setUpCorpus(configuration, {
        text: plan.text,
        title: plan.title,
        bases,
        signal,
        onProgress: (detail, fraction) => this.state('preparing', detail, fraction),
      });
      this.emit({ type: 'corpus', summary: corpus.summary });
      return { plan, corpus, bases };
    } catch (cause) {
      if (cause instanceof CorpusError && cause.code === 'aborted') return undefined;
      throw cause;
    }
  }

  /** Models and optimiser of the prepared run, built when they are not there yet. */
  async open({ plan: { configuration }, corpus, bases }: PreparedRun, signal?: AbortSignal): Promise<Experiment> {
    if (this.experiment) return this.experiment;
    const context = await this.openContext();
    await refuseUnlessItFits(
      configuration,
      bases ?? smallBases(configuration, corpus.tokenizer.vocabularySize),
      context.gpu,
      corpus.longestRow,
    );
    this.state('preparing', 'Building the models');
    this.experiment = await openExperiment(context, configuration, corpus, bases, {
      signal,
      frozen: this.#frozen,
      onProgress: (detail, done, total) =>
        this.state('preparing', `${detail}, ${byteText(done)} of ${byteText(total)}`, total > 0 ? done / total : 1),
      onQuantised: ({ worst }) => this.emit({ type: 'quantised', worstError: worst.relativeRms }),
    });
    return this.experiment;
  }

  async openContext(): Promise<Context> {
    if (this.context) return this.context;
    this.state('preparing', 'Opening the GPU');
    const context = new Context(await openDevice(this.gpu));
    this.context = context;
    const { adapter } = context.gpu;
    const name = adapter.description || [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'GPU';
    this.emit({ type: 'adapter', description: name, software: adapter.software });
    return context;
  }

  dropExperiment(): void {
    this.experiment?.destroy();
    this.experiment = undefined;
    // Recorded but unsent work may still name the buffers that were just given back.
    this.context?.recorder.discard();
    this.context?.pool.trim();
  }

  /** After a lost device: nothing on it can be trusted or given back. */
  dropContext(): void {
    this.experiment = undefined;
    this.#frozen.forget();
    this.context?.destroy();
    this.context = undefined;
  }

  /** A checkpoint that cannot be used is a matter of the setting that names it. */
  async #open(name: string, setting: 'checkpoint' | 'retrieverCheckpoint'): Promise<Pretrained> {
    try {
      return await this.openModel(name);
    } catch (cause) {
      const isUnusable = [ModelFileError, SafetensorsError, ModelConfigError, CorpusError].some(
        (type) => cause instanceof type,
      );
      throw isUnusable ? new SettingError(setting, (cause as Error).message) : cause;
    }
  }
}

/** The two small models, as the planner takes them. */
export function smallBases(configuration: Configuration, vocabularySize: number): PlannedBases {
  const base = { config: smallDecoderConfig(configuration, vocabularySize), stored: 'f32' } as const;
  return { languageModel: base, retriever: base };
}
