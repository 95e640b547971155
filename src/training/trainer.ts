import { ReportedError } from '../base/errors.ts';
import type { Recording } from '../gpu/commands.ts';
import type { PoolReport } from '../gpu/pool.ts';
import { whileFrozen } from '../models/parameters.ts';
import type { Evaluated, Objective, ObjectiveBatch, ObjectiveForward, Observation } from '../objectives/objective.ts';
import { readForward, recordPass, type PassWatch } from '../objectives/readPass.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Optimiser } from './optimiser.ts';
import { keepWithinBounds } from './poolBounds.ts';

/** Where a trainer gets its batches. Batch n depends on n alone, so the position of a run is one number. */
export interface BatchFeed<B> {
  /** Makes ready what the batches of update `step` + 1 are made with, where that takes the models as they are; awaited before it. */
  prepare?(step: number): Promise<void>;
  batchAt(position: number): B;
  /** Batches for scores, which training never sees where there is text enough for that; the same at every call. */
  scored(): readonly B[];
}

export interface StepResult<B extends ObjectiveBatch> extends Observation {
  /** Updates made, this one included. */
  readonly step: number;
  /** The (last) batch of the step; the numbers above are its own. */
  readonly batch: B;
  readonly gradientNorm: number;
  readonly gradientNorms: ReadonlyMap<string, number>;
  readonly learningRate: number;
  readonly stepMs: number;
  /** Tokens of all batches of the step, as the objective counts them. */
  readonly tokens: number;
  /** Operations of the step by the ops' own counts: those of its passes, its backward and its update. */
  readonly flops: number;
  readonly memory: PoolReport;
}

export interface EvaluationResult<B extends ObjectiveBatch> {
  readonly step: number;
  readonly batches: readonly (Observation & { readonly batch: B })[];
}

/** Looks at a step between its backward pass and its update: nothing has moved yet. */
export type StepWatch = PassWatch<ObjectiveForward>;

/** A loss or gradient that is no number any more. The parameters are those before the step. */
export class TrainingDivergedError extends ReportedError {
  override readonly name = 'TrainingDivergedError';
  override readonly kind = 'diverged';
  override readonly action =
    'Lower the learning rate or raise the temperature, then press Reset. The curves so far stay.';

  constructor(readonly step: number) {
    super(
      `Training has diverged at step ${step}: the loss or its gradient is not a finite number. The weights of the step before are kept.`,
    );
  }
}

/** Dropout of the adapters that learn, in steps alone: what only looks drops nothing. */
export interface StepDropout {
  /** Share that is dropped, above 0 and below 1. */
  readonly rate: number;
  /** Two words [2] that make the masks of batch `position`, which depend on nothing else. */
  keyAt(position: number): Uint32Array;
}

export interface TrainerSetup<B extends ObjectiveBatch> {
  readonly runtime: Runtime;
  readonly objective: Objective<B>;
  readonly optimiser: Optimiser;
  readonly feed: BatchFeed<B>;
  /** Learning rate of update number `step`, from 1. */
  readonly learningRate: (step: number) => number;
  /** Batches per update; their gradients are averaged. */
  readonly accumulation: number;
  readonly dropout?: StepDropout | undefined;
}

interface BatchRun {
  readonly tokens: number;
  readonly observation: Promise<Observation>;
}

/** A step that is recorded and not sent. */
interface RecordedStep<B> extends BatchRun {
  readonly step: number;
  readonly recording: Recording;
  readonly batch: B;
  /** Of all gradients, then of each group by `names`. */
  readonly norms: Promise<Float32Array>;
  readonly names: readonly string[];
  readonly learningRate: number;
  readonly flops: number;
  /** Of the pool, when it was recorded: it may be sent as long as they are the same. */
  readonly poolChanges: number;
}

export interface StepOptions {
  /**
   * Whether another step is likely to follow at once. It is then recorded while the GPU works on this one, so that the GPU need not
   * wait for it; nothing of it is sent, and it is dropped when anything else comes first.
   */
  readonly recordsNext?: boolean;
}

/** Trains what the optimiser holds for an objective, one update per step. Between two steps nothing is in flight. */
export class Trainer<B extends ObjectiveBatch> {
  #ahead: RecordedStep<B> | undefined;
  /** Recording a step takes results of the GPU in the middle: then none can be recorded while the GPU is busy. */
  #waitsWhileRecording = false;

  constructor(private readonly setup: TrainerSetup<B>) {}

  /** One update. @throws TrainingDivergedError, and the GPU's errors; the step is then as if it had not been. */
  async step(watch: StepWatch = {}, { recordsNext = false }: StepOptions = {}): Promise<StepResult<B>> {
    const { runtime, optimiser } = this.setup;
    const { pool, recorder } = runtime;
    const started = performance.now();
    const recorded = this.#takeAhead(watch) ?? (await this.#record(watch));
    const { step, names } = recorded;
    optimiser.step = step;
    try {
      const done = recorder.flush(recorded.recording);
      done.catch(() => undefined);
      await (recordsNext ? recorder.submitted : done);
      keepWithinBounds(pool);
      const memory = pool.report();
      if (recordsNext) await this.#recordAhead();
      await done;
      const [totalNorm = NaN, ...groupNorms] = await recorded.norms;
      const observation = await recorded.observation;
      if (!Number.isFinite(totalNorm) || !Number.isFinite(observation.loss)) throw new TrainingDivergedError(step);
      return {
        step,
        batch: recorded.batch,
        ...observation,
        gradientNorm: totalNorm,
        gradientNorms: new Map(names.map((name, i) => [name, groupNorms[i] ?? NaN])),
        learningRate: recorded.learningRate,
        stepMs: performance.now() - started,
        tokens: recorded.tokens,
        flops: recorded.flops,
        memory,
      };
    } catch (cause) {
      this.#dropAhead();
      optimiser.step = step - 1;
      throw cause;
    }
  }

  /** Records the step after those that were made. What it needs of GPU memory is given back already: commands run in their order. */
  async #record(watch: StepWatch): Promise<RecordedStep<B>> {
    const { runtime, optimiser, feed, accumulation } = this.setup;
    const { pool, recorder } = runtime;
    const made = optimiser.step;
    const learningRate = this.setup.learningRate(made + 1);
    await feed.prepare?.(made);
    pool.resetPeak();
    const before = { flops: recorder.counts.flops, flushes: recorder.flushes };
    try {
      const recorded = await this.#guarded(async () => {
        optimiser.zeroGradients();
        let last: ({ batch: B } & BatchRun) | undefined;
        let tokens = 0;
        for (let micro = 0; micro < accumulation; micro++) {
          const position = made * accumulation + micro;
          const batch = feed.batchAt(position);
          last = { batch, ...(await this.#batch(batch, position, watch)) };
          tokens += last.tokens;
        }
        if (!last) throw new Error('A step needs at least one batch.');
        const { norms, names } = optimiser.norms();
        optimiser.update(learningRate, norms);
        return { ...last, tokens, norms: runtime.read(norms), names };
      });
      this.#waitsWhileRecording ||= recorder.flushes > before.flushes;
      const flops = recorder.counts.flops - before.flops;
      return {
        ...recorded,
        step: made + 1,
        recording: recorder.take(),
        learningRate,
        flops,
        poolChanges: pool.changes,
      };
    } finally {
      optimiser.step = made;
    }
  }

  /** Records the next step where that needs nothing that the GPU has yet to compute. */
  async #recordAhead(): Promise<void> {
    const { runtime, feed } = this.setup;
    if (this.#waitsWhileRecording || feed.prepare || runtime.gpu.dry) return;
    try {
      this.#ahead = await this.#record({});
    } catch {
      // Whatever is wrong with that step is its own affair: it is recorded again, and says so, when its turn comes.
    }
  }

  /** The step that was recorded ahead, if it is the one that is wanted, and its buffers are as it takes them to be. */
  #takeAhead(watch: StepWatch): RecordedStep<B> | undefined {
    const ahead = this.#ahead;
    const { runtime, optimiser } = this.setup;
    const isWanted = ahead?.step === optimiser.step + 1 && Object.keys(watch).length === 0;
    if (!ahead || !isWanted || ahead.poolChanges !== runtime.pool.changes) {
      this.#dropAhead();
      return undefined;
    }
    this.#ahead = undefined;
    return ahead;
  }

  #dropAhead(): void {
    if (this.#ahead) this.setup.runtime.recorder.discard(this.#ahead.recording);
    this.#ahead = undefined;
  }

  /** Looks at the batches for scores; changes nothing. */
  async evaluate(): Promise<EvaluationResult<B>> {
    const { runtime, feed, objective, optimiser } = this.setup;
    const batches: (Observation & { batch: B })[] = [];
    for (const batch of feed.scored()) {
      const observation = await this.#guarded(async () => {
        const forward = await objective.forward(runtime, undefined, batch, { lossWeight: 1 });
        const read = readForward(runtime, forward);
        await runtime.recorder.flush();
        return forward.observe(await read);
      });
      batches.push({ batch, ...observation });
    }
    return { step: optimiser.step, batches };
  }

  /** Looks at a batch with what teaches the retriever on it: the gradients of the signals. Nothing that is trained gets one. */
  async look(batch: B): Promise<Evaluated<B>> {
    const { runtime, objective, optimiser } = this.setup;
    const observation = await this.#guarded(() =>
      whileFrozen(
        optimiser.groups.map(({ parameters }) => parameters),
        async () => {
          const { pass, read } = await recordPass(runtime, (tape) =>
            objective.forward(runtime, tape, batch, { lossWeight: 1, endsAtSignals: true }),
          );
          await runtime.recorder.flush();
          return pass.observe(await read);
        },
      ),
    );
    return { batch, ...observation };
  }

  /** Forward and backward of one batch; the observation arrives with the next flush (hence not awaited here). */
  async #batch(batch: B, position: number, watch: StepWatch): Promise<BatchRun> {
    const { runtime, objective, accumulation, dropout } = this.setup;
    runtime.beginScope();
    try {
      const options = {
        lossWeight: 1 / accumulation,
        dropout: dropout && { rate: dropout.rate, key: runtime.fromArray(dropout.keyAt(position), [2]) },
      };
      const { pass, read } = await recordPass(
        runtime,
        (tape) => objective.forward(runtime, tape, batch, options),
        watch,
      );
      const observation = read.then((all) => pass.observe(all));
      observation.catch(() => undefined);
      return { tokens: pass.tokens, observation };
    } finally {
      runtime.endScope();
    }
  }

  /** Runs a piece of work in a scope of its own and checks that it leaves no GPU memory behind. */
  async #guarded<R>(work: () => Promise<R>): Promise<R> {
    const { runtime } = this.setup;
    const before = runtime.pool.report().liveBuffers;
    runtime.beginScope();
    try {
      const result = await work();
      runtime.endScope();
      const leaked = runtime.pool.report().liveBuffers - before;
      if (leaked !== 0) throw new Error(`A step left ${leaked} GPU buffers behind: this is a bug.`);
      return result;
    } catch (cause) {
      runtime.recorder.discard();
      runtime.resetScopes();
      throw cause;
    }
  }
}
