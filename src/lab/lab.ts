import { configure, type Configuration } from '../settings/configuration.ts';
import { trainingLoop } from '../run/loop.ts';
import type { OpenRun } from '../run/openRun.ts';
import type { PreparedRun, Recipe } from '../run/recipe.ts';
import type { CorpusSummary } from '../run/record.ts';
import { InspectDesk } from './desks/inspectDesk.ts';
import { KernelDesk } from './desks/kernelDesk.ts';
import { ModelDesk, type Surroundings } from './desks/modelDesk.ts';
import { PlanDesk } from './desks/planDesk.ts';
import { RunDesk } from './desks/runDesk.ts';
import { SearchDesk } from './desks/searchDesk.ts';
import { describeFailure } from './door/failure.ts';
import { LabFailure, STOPPED, type LabError } from './door/labError.ts';
import type {
  Answers,
  AskOptions,
  CommandOf,
  CommandType,
  Door,
  LabCommand,
  LabEvent,
  ProgressOf,
} from './door/protocol.ts';
import { Turns } from './door/turns.ts';
import type { ResumedRun } from './door/views.ts';
import { Workbench } from './workbench.ts';

/** The signal of who never stops what they asked for. */
const NEVER = new AbortController().signal;

/** A request as those who work on it see it. */
interface Request<T extends CommandType> {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ProgressOf<T>) => void;
}

type Handlers = {
  readonly [T in CommandType]: (command: CommandOf<T>, request: Request<T>) => Promise<Answers[T]>;
};

/**
 * One session: a corpus, two models, a run. Takes commands at any time, answers each, and tells everybody what is so. Commands
 * that change what runs wait for the step under way; pause takes effect after it. What looks at a run or takes it home is done
 * between two steps.
 */
export class Lab implements Door {
  readonly #bench: Workbench;
  readonly #models: ModelDesk;
  readonly #plans: PlanDesk;
  readonly #runs: RunDesk;
  readonly #search = new SearchDesk();
  readonly #inspect = new InspectDesk();
  readonly #kernels = new KernelDesk();
  readonly #turns = new Turns();
  /** Steps still wanted: Infinity while training, 1 for a single step, 0 when paused. */
  #wanted = 0;
  /** The turn of the training that was asked for last. */
  #training: Promise<void> = Promise.resolve();
  #preparing: AbortController | undefined;
  /** Ends what was asked for and concerns the run, when the session ends. */
  readonly #closing = new AbortController();

  constructor(
    gpu: GPU | undefined,
    private readonly emit: (event: LabEvent) => void,
    surroundings: Surroundings = {},
  ) {
    this.#models = new ModelDesk(emit, surroundings);
    this.#bench = new Workbench(gpu, emit, (name) => this.#models.open(name));
    this.#plans = new PlanDesk(this.#models, this.#bench);
    this.#runs = new RunDesk(emit, surroundings);
  }

  ask<C extends LabCommand>(command: C, options: AskOptions<C['type']> = {}): Promise<Answers[C['type']]> {
    const { signal = NEVER, onProgress = () => undefined } = options;
    if (signal.aborted) return Promise.reject(new LabFailure(STOPPED));
    // The handler of the command's own type; the compiler sees the union of all.
    const handle = this.#handlers[command.type] as unknown as (
      command: C,
      request: Request<C['type']>,
    ) => Promise<Answers[C['type']]>;
    return handle(command, { signal, onProgress });
  }

  readonly #handlers: Handlers = {
    configure: (command, { signal }) => this.#afresh(() => this.#configure(command, signal), signal),
    train: (_command, { signal }) => this.#train(Infinity, signal),
    step: (_command, { signal }) => this.#train(1, signal),
    pause: () => Promise.resolve(this.#halt()),
    reset: (_command, { signal }) => this.#afresh(() => Promise.resolve(this.#reset()), signal),

    listModels: (_command, { signal }) => this.#beside(() => this.#models.list(), signal),
    describeModel: (command, { signal }) => this.#beside(() => this.#models.describe(command, signal), signal),
    downloadModel: (command, request) => this.#beside(() => this.#models.download(command, request), request.signal),
    deleteModel: (command, { signal }) => this.#beside(() => this.#models.delete(command), signal),
    openFolder: (command, request) => this.#beside(() => this.#models.openFolder(command, request), request.signal),
    plan: ({ configuration }, { signal }) => this.#beside(() => this.#plans.plan(configuration, signal), signal),

    exportAdapters: (_command, { signal }) => this.#between((run) => this.#runs.exportAdapters(run), signal),
    importAdapters: ({ files }, { signal }) =>
      this.#between(async (run) => {
        const imported = await this.#runs.importAdapters(files, run);
        // The chunks were embedded by the adapters before these.
        this.#search.drop();
        return imported;
      }, signal),
    exportRun: (_command, { signal }) => this.#between((run) => this.#runs.exportRun(run), signal),
    saveRun: (_command, { signal }) => this.#between((run) => this.#runs.save(run), signal),
    listSavedRuns: (_command, { signal }) => this.#beside(() => this.#runs.list(), signal),
    deleteSavedRun: ({ id }, { signal }) => this.#beside(() => this.#runs.delete(id), signal),
    resumeRun: (command, { signal }) => this.#afresh(() => this.#resume(command, signal), signal),
    importRun: (command, { signal }) => this.#afresh(() => this.#resume(command, signal), signal),

    search: (command, request) => this.#between((run) => this.#search.search(command, run, request), request.signal),
    exportEmbeddings: (command, request) =>
      this.#between((run) => this.#search.export(command, run, request), request.signal),
    inspectPair: (command, { signal }) => this.#between((run) => this.#inspect.pair(command, run), signal),
    attribute: (command, request) =>
      this.#between((run) => this.#inspect.attribute(command, run, request), request.signal),
    profileStep: (_command, { signal }) => this.#beside(() => this.#kernels.nextStep(signal), signal),
    kernelSource: ({ name }, { signal }) =>
      this.#beside(() => Promise.resolve().then(() => this.#kernels.source(name)), signal),
  };

  /** Ends the session and gives back all GPU memory. */
  async close(): Promise<void> {
    this.#halt();
    this.#closing.abort();
    this.#kernels.close();
    await this.#turns.settled;
    this.#dropRuntime();
  }

  #halt(): void {
    this.#wanted = 0;
    this.#preparing?.abort();
  }

  /** Work that concerns no run, beside whatever else goes on. */
  async #beside<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw failure(cause, signal);
    }
  }

  /** Work on the run that is open (opened for it, if need be), between two steps. It fails by itself; the run goes on. */
  #between<T>(work: (run: OpenRun) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#turns.between(async () => {
      try {
        return await work(await this.#openRun(signal));
      } catch (cause) {
        throw this.#failure(cause, signal);
      }
    }, signal);
  }

  /** Work that changes the run, in its turn. When it goes wrong, nothing is trained; what was there before can go on. */
  #inTurn<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#turns.enqueue(async () => {
      try {
        return await work();
      } catch (cause) {
        const failed = this.#failure(cause, signal);
        if (failed.error.kind !== 'stopped') this.#wanted = 0;
        this.#rest(failed.error);
        throw failed;
      }
    }, signal);
  }

  /** The same for what takes the place of the run as it is: training stops for it. */
  #afresh<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#halt();
    return this.#inTurn(work, signal);
  }

  /** Answered once it has paused; who asks for what goes on already waits for that too. */
  async #train(steps: number, signal: AbortSignal): Promise<void> {
    const isGoingOn = this.#wanted === Infinity;
    this.#wanted = steps;
    if (!isGoingOn) this.#training = this.#inTurn(() => this.#run(signal), signal);
    const halt = (): void => this.#halt();
    signal.addEventListener('abort', halt);
    try {
      await this.#training;
    } finally {
      signal.removeEventListener('abort', halt);
    }
  }

  /** What is told of anything that went wrong with the run. */
  #failure(cause: unknown, signal: AbortSignal): LabFailure {
    const failed = failure(cause, signal);
    const { error } = failed;
    // After a lost device or a bug nothing on the GPU can be trusted: the next Train begins afresh.
    if (error.kind === 'deviceLost' || error.kind === 'bug') {
      this.#dropRuntime();
      this.emit({ type: 'lost', error });
    }
    return failed;
  }

  /** How things stand when work has ended early: a run from before it can go on. */
  #rest(error: LabError): void {
    const isStopped = error.kind === 'stopped';
    if (this.#bench.experiment) this.#bench.state('paused', isStopped ? 'Paused' : error.message);
    else this.#bench.state(isStopped ? 'idle' : 'failed', isStopped ? 'Ready' : error.message);
  }

  async #configure(
    { configuration, text, title }: CommandOf<'configure'>,
    signal: AbortSignal,
  ): Promise<CorpusSummary> {
    // Everything is checked and the corpus prepared before anything of the run so far is given up.
    const prepared = await this.#prepare({ configuration: configure({ ...configuration }), text, title }, signal);
    this.#bench.take(prepared);
    this.#reset();
    return prepared.corpus.summary;
  }

  #prepare(recipe: Recipe, signal: AbortSignal): Promise<PreparedRun> {
    return this.#stoppable((either) => this.#bench.prepare(recipe, either), signal);
  }

  /** Work that a pause and what takes the place of the run stop, as well as who asked for it. */
  async #stoppable<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const control = new AbortController();
    this.#preparing = control;
    try {
      return await work(AbortSignal.any([control.signal, signal, this.#closing.signal]));
    } finally {
      this.#preparing = undefined;
    }
  }

  #reset(): void {
    this.#dropExperiment();
    this.emit({ type: 'reset' });
    this.#bench.state('idle', 'Ready');
  }

  async #openRun(signal: AbortSignal): Promise<OpenRun> {
    const bench = this.#bench;
    try {
      if (!bench.prepared) bench.take(await this.#prepare(bench.recipe, signal));
      const prepared = bench.prepared!;
      const wasOpen = bench.experiment !== undefined;
      const experiment = await this.#stoppable((either) => bench.open(prepared, either), signal);
      if (!wasOpen && this.#wanted === 0) bench.state('paused', 'Ready');
      return { runtime: await bench.openRuntime(), prepared, experiment };
    } catch (cause) {
      if (this.#wanted === 0) this.#rest(failure(cause, signal).error);
      throw cause;
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    if (this.#wanted === 0) return;
    const run = await this.#openRun(signal);
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
    await this.#runs.save(run).catch((cause: unknown) => {
      this.emit({ type: 'notSaved', error: this.#failure(cause, NEVER).error });
    });
  }

  async #resume(command: CommandOf<'resumeRun' | 'importRun'>, signal: AbortSignal): Promise<ResumedRun> {
    const saved = await this.#runs.read(command);
    const prepared = await this.#prepare(saved.recipe, signal);
    const before = { recipe: this.#bench.recipe, prepared: this.#bench.prepared };
    this.#dropExperiment();
    this.#bench.recipe = prepared.recipe;
    this.#bench.prepared = prepared;
    try {
      const resumed = await this.#runs.restore(saved, await this.#openRun(signal));
      this.#bench.take(prepared);
      this.#bench.state('paused', 'Paused');
      return resumed;
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

/** What was thrown, as it is told to who asked. What was stopped on the way may have thrown anything. */
function failure(cause: unknown, signal: AbortSignal): LabFailure {
  if (cause instanceof LabFailure) return cause;
  const error = describeFailure(cause);
  return new LabFailure(signal.aborted && error.kind !== 'deviceLost' ? STOPPED : error, { cause });
}

function isSavedAt({ base, autosaveEvery }: Configuration, step: number): boolean {
  return base === 'checkpoint' && autosaveEvery > 0 && step % autosaveEvery === 0;
}
