import { ReportedError } from '../base/errors.ts';
import type { PoolReport } from '../gpu/pool.ts';
import { whileFrozen } from '../models/parameters.ts';
import type { Evaluated, ObjectiveBatch, Observation } from '../objectives/objective.ts';
import { readForward, recordPass } from '../objectives/readPass.ts';
import { guarded } from '../ops/core/guarded.ts';
import { keepWithinBounds } from './poolBounds.ts';
import { StepRecorder, type RecordedStep } from './stepRecorder.ts';
import type { StepWatch, TrainerSetup } from './trainerSetup.ts';

export type { BatchFeed, StepDropout, StepWatch } from './trainerSetup.ts';

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

/** A loss or gradient that is no number any more. The parameters are those before the step. */
export class TrainingDivergedError extends ReportedError {
  override readonly name = 'TrainingDivergedError';
  override readonly kind = 'diverged';
  override readonly action =
    'Lower the learning rate, raise the temperature or, where matrix products are in 16 bits, take 32, then press Reset. The curves so far stay.';

  constructor(readonly step: number) {
    super(
      `Training has diverged at step ${step}: the loss or its gradient is not a finite number. The weights of the step before are kept.`,
    );
  }
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
  #steps: StepRecorder<B>;

  constructor(private readonly setup: TrainerSetup<B>) {
    this.#steps = new StepRecorder(setup);
  }

  /** One update. @throws TrainingDivergedError, and the GPU's errors; the step is then as if it had not been. */
  async step(watch: StepWatch = {}, { recordsNext = false }: StepOptions = {}): Promise<StepResult<B>> {
    const { runtime, optimiser } = this.setup;
    const { pool, recorder } = runtime;
    const started = performance.now();
    const recorded = this.#takeAhead(watch) ?? (await this.#steps.record(optimiser.step + 1, watch));
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

  /** Records the next step where that needs nothing that the GPU has yet to compute. */
  async #recordAhead(): Promise<void> {
    const { runtime, feed, optimiser } = this.setup;
    if (this.#steps.waits || feed.prepare || runtime.gpu.dry) return;
    try {
      this.#ahead = await this.#steps.record(optimiser.step + 1);
    } catch {
      // Whatever is wrong with that step is its own affair: it is recorded again, and says so, when its turn comes.
    }
  }

  /** The step that was recorded ahead, if it is the one that is wanted, and its buffers are as it takes them to be. */
  #takeAhead(watch: StepWatch): RecordedStep<B> | undefined {
    const ahead = this.#ahead;
    const isWanted = ahead?.step === this.setup.optimiser.step + 1 && Object.keys(watch).length === 0;
    if (!ahead || !isWanted || !ahead.isGood()) {
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
      const observation = await guarded(runtime, 'An evaluation', async () => {
        const pass = objective.prepare(runtime, batch, { lossWeight: 1 });
        const read = readForward(runtime, await pass.record(undefined));
        await runtime.recorder.flush();
        return pass.observe(await read);
      });
      batches.push({ batch, ...observation });
    }
    return { step: optimiser.step, batches };
  }

  /** Looks at a batch with what teaches the retriever on it: the gradients of the signals. Nothing that is trained gets one. */
  async look(batch: B): Promise<Evaluated<B>> {
    const { runtime, objective, optimiser } = this.setup;
    const observation = await guarded(runtime, 'A look', () =>
      whileFrozen(
        optimiser.groups.map(({ parameters }) => parameters),
        async () => {
          const pass = objective.prepare(runtime, batch, { lossWeight: 1, endsAtSignals: true });
          const { read } = await recordPass(runtime, (tape) => pass.record(tape));
          await runtime.recorder.flush();
          return pass.observe(await read);
        },
      ),
    );
    return { batch, ...observation };
  }
}
