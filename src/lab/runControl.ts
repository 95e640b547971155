import type { Runtime } from '../ops/core/runtime.ts';
import type { OpenRun } from '../run/openRun.ts';
import { trainingLoop } from '../run/loop.ts';
import { expectToGoOn } from '../run/savedFit.ts';
import type { PreparedRun, Recipe } from '../run/recipe.ts';
import type { CorpusSummary } from '../run/record.ts';
import { configure } from '../settings/configuration.ts';
import type { Apart } from './desks/comparison/comparisonDesk.ts';
import type { EvaluationDesk } from './desks/evaluation/evaluationDesk.ts';
import type { EncoderDesk } from './desks/encoderDesk.ts';
import type { KernelDesk } from './desks/kernelDesk.ts';
import type { FoundRun, RunDesk } from './desks/runDesk.ts';
import type { SearchDesk } from './desks/searchDesk.ts';
import { failureOf } from './door/failure.ts';
import { LabFailure, type LabError } from './door/labError.ts';
import type { CommandOf, LabEvent } from './door/protocol.ts';
import { Turns } from './door/turns.ts';
import type { ResumedRun } from './door/views.ts';
import type { Workbench } from './workbench.ts';

/** Desks that the run concerns whoever asks: what teaches it, saves it, watches its steps, and holds what its models have embedded. */
interface Bystanders {
  readonly encoders: EncoderDesk;
  readonly runs: RunDesk;
  readonly search: SearchDesk;
  readonly kernels: KernelDesk;
  readonly evaluation: EvaluationDesk;
}

/** The signal of what nobody has asked for. */
const NEVER = new AbortController().signal;

/**
 * The run of a session: opens, trains and replaces it, one thing at a time. What changes it waits for the step under way; what
 * only looks at it is let in between two steps.
 */
export class RunControl {
  readonly #turns = new Turns();
  /** Steps still wanted: Infinity while training, 1 for a single step, 0 when paused. */
  #wanted = 0;
  /** The turn of the training that was asked for last. */
  #training: Promise<void> = Promise.resolve();
  #preparing: AbortController | undefined;
  /** Ends scoring under way on a collection: a pause does not wait for it. */
  #scoring: AbortController | undefined;
  /** Whether other runs than the session's are made on the GPU. */
  #isApart = false;
  /** Ends what is under way when the session ends. */
  readonly #closing = new AbortController();

  constructor(
    private readonly bench: Workbench,
    private readonly desks: Bystanders,
    private readonly emit: (event: LabEvent) => void,
  ) {}

  /** Takes a recipe in the place of what was run. @throws LabFailure, before anything of the run so far is given up. */
  configure(command: CommandOf<'configure'>, signal: AbortSignal): Promise<CorpusSummary> {
    return this.#afresh(() => this.#configure(command, signal), signal);
  }

  /** Back to step 0. */
  reset(signal: AbortSignal): Promise<void> {
    return this.#afresh(async () => {
      await this.#saveBefore();
      this.#reset();
    }, signal);
  }

  /** Goes on with a saved run in the place of what was run. */
  resume(command: CommandOf<'resumeRun' | 'importRun'>, signal: AbortSignal): Promise<ResumedRun> {
    return this.#afresh(() => this.#resume(command, signal), signal);
  }

  /** Ends training after the step under way, and preparing at once. */
  pause(): void {
    this.#wanted = 0;
    this.#preparing?.abort();
    this.#scoring?.abort();
  }

  /** Ends the session and gives back all GPU memory. */
  async close(): Promise<void> {
    this.pause();
    this.#closing.abort();
    await this.#turns.settled;
    this.#dropRuntime();
  }

  /** Work on the run that is open (opened for it, if need be), between two steps. It fails by itself; the run goes on. */
  between<T>(work: (run: OpenRun) => Promise<T>, signal: AbortSignal): Promise<T> {
    return this.#turns.between(async () => {
      try {
        return await work(await this.#openRun(signal));
      } catch (cause) {
        throw this.#failure(cause, signal);
      }
    }, signal);
  }

  /**
   * Work on the GPU that concerns no run that is open: that rests meanwhile, exactly as it is, and is looked at when `work` lets that in.
   * @throws LabFailure while a run trains, or such work is under way already
   */
  async apart<T>(work: (apart: Apart, signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#refuseApart();
    if (this.#wanted > 0)
      throw new LabFailure({
        kind: 'badInput',
        message: 'A run is training.',
        action: 'Pause it first: it stays as it is meanwhile, and goes on afterwards.',
      });
    this.#isApart = true;
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    const apart: Apart = {
      openRuntime: () => this.#idleRuntime(),
      letIn: () => this.#turns.doAsides(),
    };
    try {
      return await this.#turns.enqueue(async () => {
        try {
          return await work(apart, ends);
        } catch (cause) {
          throw this.#failure(cause, ends);
        }
      }, ends);
    } finally {
      this.#isApart = false;
    }
  }

  /**
   * Work on the GPU that nobody waits for: begun when nothing else is done there, stopped by its signal as soon as anything else is asked
   * for, and begun again after that until it says that it is done. It changes nothing that a run computes.
   */
  async whenIdle(work: (signal: AbortSignal) => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    for (let isDone = false; !isDone && !ends.aborted;) isDone = await this.#turns.whenIdle(work, ends);
  }

  /** Saves what is worth it of the run that is open; what is not open has nothing to lose. @returns the step it is saved at. */
  secure(signal: AbortSignal): Promise<{ readonly step: number }> {
    if (!this.bench.experiment) return Promise.resolve({ step: 0 });
    return this.between((run) => this.desks.runs.saveIfWorthIt(run), signal);
  }

  /** The GPU, for other work than the session's run. */
  async #idleRuntime(): Promise<Runtime> {
    if (this.bench.runtime) return this.bench.runtime;
    try {
      return await this.bench.openRuntime();
    } finally {
      this.bench.state('idle', 'Ready');
    }
  }

  #refuseApart(): void {
    if (!this.#isApart) return;
    throw new LabFailure({
      kind: 'badInput',
      message: 'A comparison is running.',
      action: 'Stop it first, under Runs: it is kept, and can go on later.',
    });
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
  async #afresh<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#refuseApart();
    this.pause();
    return this.#inTurn(work, signal);
  }

  /** Answered once it has paused; who asks for what goes on already waits for that too. */
  async train(steps: number, signal: AbortSignal): Promise<void> {
    this.#refuseApart();
    const isGoingOn = this.#wanted === Infinity;
    this.#wanted = steps;
    if (!isGoingOn) this.#training = this.#inTurn(() => this.#run(signal), signal);
    const halt = (): void => {
      this.#wanted = 0;
    };
    signal.addEventListener('abort', halt);
    try {
      await this.#training;
    } finally {
      signal.removeEventListener('abort', halt);
    }
  }

  /** What is told of anything that went wrong with the run. */
  #failure(cause: unknown, signal: AbortSignal): LabFailure {
    const failed = failureOf(cause, signal);
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
    if (this.bench.experiment) this.bench.state('paused', isStopped ? 'Paused' : error.message);
    else this.bench.state(isStopped ? 'idle' : 'failed', isStopped ? 'Ready' : error.message);
  }

  async #configure(
    { configuration, text, title }: CommandOf<'configure'>,
    signal: AbortSignal,
  ): Promise<CorpusSummary> {
    // Everything is checked and the corpus prepared before anything of the run so far is given up.
    const prepared = await this.#prepare({ configuration: configure({ ...configuration }), text, title }, signal);
    await this.#saveBefore();
    this.bench.take(prepared);
    this.#reset();
    return prepared.corpus.summary;
  }

  #prepare(recipe: Recipe, signal: AbortSignal): Promise<PreparedRun> {
    return this.#stoppable((either) => this.bench.prepare(recipe, either), signal);
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
    this.bench.state('idle', 'Ready');
  }

  /** The run that is on the bench, opened if it is not: at its beginning, or to become the one that was saved. */
  async #openRun(signal: AbortSignal, saved?: FoundRun, onWithout?: (why: string) => void): Promise<OpenRun> {
    const bench = this.bench;
    try {
      if (!bench.prepared) bench.take(await this.#prepare(bench.recipe, signal));
      const prepared = bench.prepared!;
      const wasOpen = bench.experiment !== undefined;
      const { centre, teacherVectors } = saved ?? {};
      const experiment = await this.#stoppable(
        (either) =>
          bench.open(prepared, {
            signal: either,
            centre,
            teacher: this.desks.encoders.opened,
            teacherVectors,
            goesOn: saved !== undefined,
            onWithout,
          }),
        signal,
      );
      if (!wasOpen && this.#wanted === 0) bench.state('paused', 'Ready');
      const run = { runtime: await bench.openRuntime(), prepared, experiment };
      if (!wasOpen) await this.desks.runs.begin(run, saved);
      return run;
    } catch (cause) {
      if (this.#wanted === 0) this.#rest(failureOf(cause, signal).error);
      throw cause;
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    if (this.#wanted === 0) return;
    const run = await this.#openRun(signal);
    const { configuration } = run.prepared.recipe;
    const { runtime } = run;
    runtime.recorder.onCompile = (done, total) => {
      if (done < total) this.bench.state('preparing', `Compiling kernels, ${done} of ${total}`, done / total);
      // What looks at a paused run may need kernels of its own.
      else if (this.#wanted > 0) this.bench.state('running', 'Training');
      else this.bench.state('paused', 'Paused');
    };
    this.bench.state('running', 'Training');
    this.desks.runs.goesOn(run);
    this.#scoring = new AbortController();
    const collection = this.desks.evaluation.scored(configuration.collectionEvery, this.#scoring.signal);
    const events = trainingLoop(run, {
      collection,
      log: this.desks.runs.log,
      isWanted: () => this.#wanted > 0,
      evaluateEvery: configuration.evaluateEvery,
      probeEvery: configuration.probeEvery,
      evaluatesAtEnd: false,
      showsStepFirst: true,
      isSaved: (step, isLast) => this.desks.runs.isSaveDue(run, step, isLast),
      save: () => this.#autosave(() => this.desks.runs.save(run)),
      around: (step) => this.desks.kernels.around(runtime, step),
    });
    for await (const event of events) {
      if (event.type === 'step') this.#wanted--;
      // Each query's scores stay here.
      this.emit(event.type === 'collection' ? { type: event.type, of: event.of, scores: event.scores } : event);
      // Who takes the run home after its first step takes its untrained scores along, which come after that.
      if (event.type === 'step' && this.desks.runs.log.lastEvaluation) await this.#turns.doAsides();
    }
    this.bench.state('paused', 'Paused');
  }

  /** A run that cannot be saved goes on all the same: the reader is told, once it fails. */
  async #autosave(save: () => Promise<unknown>): Promise<void> {
    await save().catch((cause: unknown) => {
      this.emit({ type: 'notSaved', error: this.#failure(cause, NEVER).error });
    });
  }

  /** The run so far makes room for another: the library keeps what it has learnt. */
  async #saveBefore(): Promise<void> {
    if (!this.bench.experiment) return;
    const run = await this.#openRun(NEVER);
    await this.#autosave(() => this.desks.runs.saveIfWorthIt(run));
  }

  async #resume(command: CommandOf<'resumeRun' | 'importRun'>, signal: AbortSignal): Promise<ResumedRun> {
    const saved = await this.desks.runs.read(command);
    const prepared = await this.#prepare(saved.recipe, signal);
    const { gpu } = await this.bench.openRuntime();
    await expectToGoOn(saved, prepared, gpu);
    await this.#saveBefore();
    const before = { recipe: this.bench.recipe, prepared: this.bench.prepared };
    this.#dropExperiment();
    this.bench.recipe = prepared.recipe;
    this.bench.prepared = prepared;
    try {
      let without: string | undefined;
      const run = await this.#openRun(signal, saved, (why) => (without = why));
      const resumed = { ...(await this.desks.runs.restore(saved, run)), without };
      this.bench.take(prepared);
      this.bench.state('paused', 'Paused');
      return resumed;
    } catch (cause) {
      // What cannot be known before: weights that do not load, a GPU that gives less than it may. The run before had to make
      // room: it stands at its beginning, and the library has what it had learnt.
      Object.assign(this.bench, before);
      this.#reset();
      throw cause;
    }
  }

  #dropExperiment(): void {
    this.desks.search.drop();
    this.desks.runs.log.clear();
    this.bench.dropExperiment();
  }

  #dropRuntime(): void {
    this.desks.search.forget();
    this.bench.dropRuntime();
  }
}
