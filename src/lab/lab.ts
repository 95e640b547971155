import { ReportedError } from '../base/errors.ts';
import { configure, type Configuration } from '../settings/configuration.ts';
import { describeFailure } from './door/failure.ts';
import { InspectDesk } from './desks/inspectDesk.ts';
import { KernelDesk } from './desks/kernelDesk.ts';
import { ModelDesk, type Surroundings } from './desks/modelDesk.ts';
import type { OpenRun } from '../run/openRun.ts';
import { PlanDesk } from './desks/planDesk.ts';
import type { LabCommand, LabEvent } from './door/protocol.ts';
import { trainingLoop } from '../run/loop.ts';
import { RunDesk } from './desks/runDesk.ts';
import { SearchDesk } from './desks/searchDesk.ts';
import { Turns } from './door/turns.ts';
import type { PreparedRun, Recipe } from '../run/recipe.ts';
import { Workbench } from './workbench.ts';

/**
 * One session: a corpus, two models, a run. Takes commands at any time and answers with events. Commands that change what
 * runs wait for the step under way; pause takes effect after it. What looks at a run or takes it home is done between two steps.
 */
export class Lab {
  readonly #bench: Workbench;
  readonly #models: ModelDesk;
  readonly #plans: PlanDesk;
  readonly #runs: RunDesk;
  readonly #search: SearchDesk;
  readonly #inspect: InspectDesk;
  readonly #kernels: KernelDesk;
  readonly #turns: Turns;
  /** Steps still wanted: Infinity while training, 1 for a single step, 0 when paused. */
  #wanted = 0;
  #preparing: AbortController | undefined;

  constructor(
    gpu: GPU | undefined,
    private readonly emit: (event: LabEvent) => void,
    surroundings: Surroundings = {},
  ) {
    this.#models = new ModelDesk(emit, surroundings);
    this.#bench = new Workbench(gpu, emit, (name) => this.#models.open(name));
    this.#plans = new PlanDesk(emit, this.#models, this.#bench);
    this.#runs = new RunDesk(emit, surroundings);
    this.#search = new SearchDesk(emit);
    this.#inspect = new InspectDesk(emit);
    this.#kernels = new KernelDesk(emit);
    this.#turns = new Turns(
      (command, cause) => {
        this.#wanted = 0;
        const error = this.#tell(command, cause);
        this.#bench.state(this.#bench.experiment ? 'paused' : 'failed', error.message);
      },
      (command, cause) => this.#tell(command, cause),
    );
  }

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
        return alreadyRunning ? Promise.resolve() : this.#turns.enqueue(command, () => this.#run());
      }
      case 'reset':
        this.#halt();
        return this.#turns.enqueue(command, () => this.#reset());
      case 'configure':
        this.#halt();
        return this.#turns.enqueue(command, () => this.#configure(command));
      case 'listModels':
      case 'describeModel':
      case 'downloadModel':
      case 'pauseDownload':
      case 'deleteModel':
      case 'openFolder':
        return this.#guard(command, () => this.#models.handle(command));
      case 'plan':
        return this.#guard(command, () => this.#plans.plan(command.configuration));
      case 'listSavedRuns':
      case 'deleteSavedRun':
        return this.#guard(command, () => this.#runs.manage(command));
      case 'resumeRun':
      case 'importRun':
        this.#halt();
        return this.#turns.enqueue(command, () => this.#resume(command));
      case 'exportAdapters':
      case 'importAdapters':
      case 'exportRun':
      case 'saveRun':
        return this.#between(command, async (run) => {
          await this.#runs.handle(command, run);
          // The chunks were embedded by the adapters before these.
          if (command.type === 'importAdapters') this.#search.drop();
        });
      case 'search':
      case 'exportEmbeddings':
        return this.#between(command, (run) => this.#search.handle(command, run));
      case 'stopSearch':
        this.#search.stop();
        return Promise.resolve();
      case 'inspectPair':
      case 'attribute':
        return this.#between(command, (run) => this.#inspect.handle(command, run));
      case 'stopInspection':
        this.#inspect.stop();
        return Promise.resolve();
      case 'profileStep':
        this.#kernels.arm();
        return Promise.resolve();
      case 'kernelSource':
        return this.#guard(command, () => this.#kernels.source(command.name));
      default:
        return command satisfies never;
    }
  }

  /** Ends the session and gives back all GPU memory. */
  async close(): Promise<void> {
    this.#halt();
    this.#search.stop();
    this.#inspect.stop();
    await this.#turns.settled;
    this.#dropRuntime();
  }

  #halt(): void {
    this.#wanted = 0;
    this.#preparing?.abort();
  }

  /** Work that concerns no run, beside whatever else goes on. */
  #guard(command: LabCommand, work: () => Promise<void>): Promise<void> {
    return work().catch((cause: unknown) => {
      this.emit({ type: 'error', error: { ...describeFailure(cause), command: command.type } });
    });
  }

  /** Work on the run that is open (opened for it, if need be), between two steps. It fails by itself; the run goes on. */
  #between(command: LabCommand, work: (run: OpenRun) => Promise<void>): Promise<void> {
    return this.#turns.between(command, async () => {
      const run = await this.#openRun();
      if (run) await work(run);
      else this.#tellStopped(command);
    });
  }

  #tell(command: LabCommand, cause: unknown): ReturnType<typeof describeFailure> {
    const error = describeFailure(cause);
    // After a lost device or a bug nothing on the GPU can be trusted: the next Train begins afresh.
    const isLost = error.kind === 'deviceLost' || error.kind === 'bug';
    if (isLost) this.#dropRuntime();
    // What ends the run concerns it, whatever was asked for.
    this.emit({ type: 'error', error: isLost ? error : { ...error, command: command.type } });
    return error;
  }

  #tellStopped({ type }: LabCommand): void {
    const error = {
      kind: 'stopped',
      message: 'It was stopped.',
      action: 'Nothing has changed.',
      command: type,
    } as const;
    this.emit({ type: 'error', error });
  }

  async #configure({ configuration, text, title }: Extract<LabCommand, { type: 'configure' }>): Promise<void> {
    // Everything is checked and the corpus prepared before anything of the run so far is given up.
    const prepared = await this.#prepare({ configuration: configure({ ...configuration }), text, title });
    if (!prepared) {
      this.emit({ type: 'stopped' });
      this.#stopped();
      return;
    }
    this.#bench.recipe = prepared.recipe;
    this.#bench.prepared = prepared;
    await this.#reset();
  }

  async #prepare(recipe: Recipe): Promise<PreparedRun | undefined> {
    this.#preparing = new AbortController();
    try {
      return await this.#bench.prepare(recipe, this.#preparing.signal);
    } finally {
      this.#preparing = undefined;
    }
  }

  /** After a preparation that came to nothing: a run from before it can go on. */
  #stopped(): void {
    if (this.#bench.experiment) this.#bench.state('paused', 'Paused');
    else this.#bench.state('idle', 'Ready');
  }

  #reset(): Promise<void> {
    this.#dropExperiment();
    this.emit({ type: 'reset' });
    this.#bench.state('idle', 'Ready');
    return Promise.resolve();
  }

  /** Undefined when it was stopped on the way. */
  async #openRun(): Promise<OpenRun | undefined> {
    const bench = this.#bench;
    const prepared = (bench.prepared ??= await this.#prepare(bench.recipe));
    if (!prepared) {
      this.#stopped();
      return undefined;
    }
    const wasOpen = bench.experiment !== undefined;
    this.#preparing = new AbortController();
    try {
      const experiment = await bench.open(prepared, this.#preparing.signal);
      if (!wasOpen && this.#wanted === 0) bench.state('paused', 'Ready');
      return { runtime: await bench.openRuntime(), prepared, experiment };
    } catch (cause) {
      if (!isStopped(cause)) throw cause;
      this.#stopped();
      return undefined;
    } finally {
      this.#preparing = undefined;
    }
  }

  async #run(): Promise<void> {
    if (this.#wanted === 0) return;
    const run = await this.#openRun();
    if (!run) return;
    const { configuration } = run.prepared.recipe;
    const { runtime } = run;
    runtime.recorder.onCompile = (done, total) => {
      if (done < total) this.#bench.state('preparing', `Compiling kernels, ${done} of ${total}`, done / total);
      // What looks at a paused run may need kernels of its own.
      else if (this.#wanted > 0) this.#bench.state('running', 'Training');
      else this.#bench.state('paused', 'Paused');
    };
    this.#bench.state('running', 'Training');
    const events = trainingLoop(run, {
      log: this.#runs.log,
      isWanted: () => this.#wanted > 0,
      evaluateEvery: configuration.evaluateEvery,
      evaluatesAtEnd: false,
      isSaved: (step) => isSavedAt(configuration, step),
      save: () => this.#autosave(run),
      around: (step) => this.#kernels.around(runtime, step),
    });
    for await (const event of events) {
      if (event.type === 'step') this.#wanted--;
      this.emit(event);
      if (event.type === 'step') await this.#turns.doAsides();
    }
    this.#bench.state('paused', 'Paused');
  }

  /** A run that cannot be saved goes on all the same: the reader is told, once it fails. */
  async #autosave(run: OpenRun): Promise<void> {
    const command = { type: 'saveRun' } as const;
    await this.#runs.handle(command, run).catch((cause: unknown) => this.#tell(command, cause));
  }

  async #resume(command: Extract<LabCommand, { type: 'resumeRun' | 'importRun' }>): Promise<void> {
    const saved = await this.#runs.read(command);
    const prepared = await this.#prepare(saved.recipe);
    if (!prepared) {
      this.#tellStopped(command);
      return this.#stopped();
    }
    const before = { recipe: this.#bench.recipe, prepared: this.#bench.prepared };
    this.#dropExperiment();
    this.#bench.recipe = prepared.recipe;
    this.#bench.prepared = prepared;
    try {
      const run = await this.#openRun();
      if (!run) return this.#tellStopped(command);
      await this.#runs.restore(saved, run);
      this.#bench.state('paused', 'Paused');
    } catch (cause) {
      this.#dropExperiment();
      Object.assign(this.#bench, before);
      throw cause;
    }
  }

  #dropExperiment(): void {
    this.#search.drop();
    this.#runs.log.clear();
    this.#bench.dropExperiment();
  }

  #dropRuntime(): void {
    this.#search.forget();
    this.#bench.dropRuntime();
  }
}

function isStopped(cause: unknown): boolean {
  return cause instanceof ReportedError && cause.kind === 'stopped';
}

function isSavedAt({ base, autosaveEvery }: Configuration, step: number): boolean {
  return base === 'checkpoint' && autosaveEvery > 0 && step % autosaveEvery === 0;
}
