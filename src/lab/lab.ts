import { CorpusError } from '../corpus/errors.ts';
import { openDevice } from '../gpu/device.ts';
import { Context } from '../ops/context.ts';
import { configure, defaultConfiguration, type Configuration } from './configuration.ts';
import { setUpCorpus, type CorpusSetup } from './corpusSetup.ts';
import { buildExperiment, type Experiment } from './experiment.ts';
import { describeFailure } from './failure.ts';
import type { LabCommand, LabEvent, LabState } from './protocol.ts';
import { evaluationRecord, stepRecord } from './records.ts';

/** What a run is made from. */
interface Plan {
  readonly configuration: Configuration;
  readonly text: string | undefined;
  readonly title: string | undefined;
}

/**
 * One session: a corpus, two models, a run. Takes commands at any time and answers with events. Commands that change what
 * runs wait for the step under way; pause takes effect after it.
 */
export class Lab {
  #plan: Plan = { configuration: defaultConfiguration(), text: undefined, title: undefined };
  #corpus: CorpusSetup | undefined;
  #context: Context | undefined;
  #experiment: Experiment | undefined;
  #tail: Promise<void> = Promise.resolve();
  /** Steps still wanted: Infinity while training, 1 for a single step, 0 when paused. */
  #wanted = 0;
  #preparing: AbortController | undefined;

  constructor(
    private readonly gpu: GPU | undefined,
    private readonly emit: (event: LabEvent) => void,
  ) {}

  /** Takes a command; resolves when it has been carried out (for 'train': when training has paused again). */
  handle(command: LabCommand): Promise<void> {
    switch (command.type) {
      case 'pause':
        this.#wanted = 0;
        this.#preparing?.abort();
        return Promise.resolve();
      case 'train':
      case 'step': {
        const alreadyRunning = this.#wanted === Infinity;
        this.#wanted = command.type === 'train' ? Infinity : 1;
        return alreadyRunning ? Promise.resolve() : this.#enqueue(() => this.#run());
      }
      case 'reset':
        this.#wanted = 0;
        return this.#enqueue(() => this.#reset());
      case 'configure':
        this.#wanted = 0;
        this.#preparing?.abort();
        return this.#enqueue(() => this.#configure(command));
      default:
        return command satisfies never;
    }
  }

  /** Ends the session and gives back all GPU memory. */
  async close(): Promise<void> {
    this.#wanted = 0;
    this.#preparing?.abort();
    await this.#tail;
    this.#dropContext();
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#tail = this.#tail.then(work).catch((cause: unknown) => {
      this.#wanted = 0;
      const error = describeFailure(cause);
      // After a lost device or a bug nothing on the GPU can be trusted: the next Train begins afresh.
      if (error.kind === 'deviceLost' || error.kind === 'bug') this.#dropContext();
      this.emit({ type: 'error', error });
      this.#state(this.#experiment ? 'paused' : 'failed', error.message);
    });
    return this.#tail;
  }

  #state(state: LabState, detail: string, progress?: number): void {
    this.emit({ type: 'state', state, detail, ...(progress === undefined ? {} : { progress }) });
  }

  async #configure({ configuration, text, title }: Extract<LabCommand, { type: 'configure' }>): Promise<void> {
    // Everything is checked and the corpus prepared before anything of the run so far is given up.
    const plan: Plan = {
      configuration: configure({ ...configuration }),
      text,
      title,
    };
    const corpus = await this.#prepareCorpus(plan);
    if (!corpus) {
      this.emit({ type: 'stopped' });
      this.#stopped();
      return;
    }
    this.#plan = plan;
    this.#corpus = corpus;
    this.#dropExperiment();
    this.emit({ type: 'reset' });
    this.#state('idle', 'Ready');
  }

  /** Undefined when it was stopped, by a pause or by a newer configuration: that is nobody's mistake. */
  async #prepareCorpus(plan: Plan): Promise<CorpusSetup | undefined> {
    this.#preparing = new AbortController();
    this.#state('preparing', 'Reading the text', 0);
    try {
      const corpus = await setUpCorpus(plan.configuration, {
        text: plan.text,
        title: plan.title,
        signal: this.#preparing.signal,
        onProgress: (detail, fraction) => this.#state('preparing', detail, fraction),
      });
      this.emit({ type: 'corpus', summary: corpus.summary });
      return corpus;
    } catch (cause) {
      if (cause instanceof CorpusError && cause.code === 'aborted') return undefined;
      throw cause;
    } finally {
      this.#preparing = undefined;
    }
  }

  /** After a preparation that came to nothing: a run from before it can go on. */
  #stopped(): void {
    if (this.#experiment) this.#state('paused', 'Paused');
    else this.#state('idle', 'Ready');
  }

  #reset(): Promise<void> {
    this.#dropExperiment();
    this.emit({ type: 'reset' });
    this.#state('idle', 'Ready');
    return Promise.resolve();
  }

  async #run(): Promise<void> {
    if (this.#wanted === 0) return;
    const { configuration } = this.#plan;
    const corpus = (this.#corpus ??= await this.#prepareCorpus(this.#plan));
    if (!corpus) return this.#stopped();
    const experiment = await this.#open(configuration, corpus);
    const { trainer, optimiser } = experiment;
    this.#state('running', 'Training');
    if (optimiser.step === 0 && configuration.evaluateEvery > 0) await this.#evaluate(experiment, corpus);
    while (this.#wanted > 0) {
      const record = stepRecord(await trainer.step(), corpus, configuration);
      this.#wanted--;
      this.emit({ type: 'step', record });
      if (record.metrics.step % configuration.evaluateEvery === 0) await this.#evaluate(experiment, corpus);
    }
    this.#state('paused', 'Paused');
  }

  async #evaluate({ trainer }: Experiment, corpus: CorpusSetup): Promise<void> {
    this.emit({ type: 'evaluation', evaluation: evaluationRecord(await trainer.evaluate(), corpus) });
  }

  async #open(configuration: Configuration, corpus: CorpusSetup): Promise<Experiment> {
    if (this.#experiment) return this.#experiment;
    if (!this.#context) {
      this.#state('preparing', 'Opening the GPU');
      this.#context = new Context(await openDevice(this.gpu));
      const { adapter } = this.#context.gpu;
      const name = adapter.description || [adapter.vendor, adapter.architecture].filter(Boolean).join(' ') || 'GPU';
      this.emit({ type: 'adapter', description: name, software: adapter.software });
      this.#context.recorder.onCompile = (done, total) =>
        done < total
          ? this.#state('preparing', `Compiling kernels, ${done} of ${total}`, done / total)
          : this.#state('running', 'Training');
    }
    this.#state('preparing', 'Building the models');
    this.#experiment = buildExperiment(this.#context, configuration, corpus);
    return this.#experiment;
  }

  #dropExperiment(): void {
    this.#experiment?.destroy();
    this.#experiment = undefined;
    // Recorded but unsent work may still name the buffers that were just given back.
    this.#context?.recorder.discard();
    this.#context?.pool.trim();
  }

  #dropContext(): void {
    this.#experiment = undefined;
    this.#context?.destroy();
    this.#context = undefined;
  }
}
