import { ReportedError } from '../base/errors.ts';
import type { BufferPool, PoolReport } from '../gpu/pool.ts';
import { whileFrozen } from '../models/parameters.ts';
import type { Evaluated, Objective, ObjectiveBatch, ObjectiveForward, Observation } from '../objectives/objective.ts';
import { readForward, recordPass, type PassWatch } from '../objectives/readPass.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import type { Optimiser } from './optimiser.ts';

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

/** Times the most bytes a step needed at once: beyond that, what the pool keeps for reuse is given back. */
const MOST_KEPT = 1.5;

/** Idle bytes below which buffers are not worth making again. */
const HARDLY_MATTERS = 64 * 2 ** 20;

/**
 * Batches of ragged text need buffers of many sizes, and the pool would in time keep some of each. Between steps nothing
 * recorded names an idle buffer, so they may go: those that the last step had no use for, or all where they are out of
 * proportion.
 */
function keepWithinBounds(pool: BufferPool): void {
  const { total, peakTotal, idle } = pool.report();
  if (total > MOST_KEPT * peakTotal) pool.trim();
  else if (idle > HARDLY_MATTERS) pool.trimUnused();
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
}

interface BatchRun {
  readonly tokens: number;
  readonly observation: Promise<Observation>;
}

/** Trains what the optimiser holds for an objective, one update per step. Between two steps nothing is in flight. */
export class Trainer<B extends ObjectiveBatch> {
  constructor(private readonly setup: TrainerSetup<B>) {}

  /** One update. @throws TrainingDivergedError, and the GPU's errors; the step is then as if it had not been. */
  async step(watch: StepWatch = {}): Promise<StepResult<B>> {
    const { runtime, optimiser, feed, accumulation } = this.setup;
    const started = performance.now();
    const step = optimiser.step + 1;
    const learningRate = this.setup.learningRate(step);
    await feed.prepare?.(optimiser.step);
    runtime.pool.resetPeak();
    const { flops: before } = runtime.recorder.counts;
    const result = await this.#guarded(async () => {
      optimiser.zeroGradients();
      let last: ({ batch: B } & BatchRun) | undefined;
      let tokens = 0;
      for (let micro = 0; micro < accumulation; micro++) {
        const batch = feed.batchAt(optimiser.step * accumulation + micro);
        last = { batch, ...(await this.#batch(batch, 1 / accumulation, watch)) };
        tokens += last.tokens;
      }
      if (!last) throw new Error('A step needs at least one batch.');
      const { norms, names } = optimiser.norms();
      optimiser.update(learningRate, norms);
      const readNorms = runtime.read(norms);
      await runtime.recorder.flush();
      const [totalNorm, ...groupNorms] = await readNorms;
      return {
        batch: last.batch,
        observation: await last.observation,
        tokens,
        totalNorm: totalNorm ?? NaN,
        names,
        groupNorms,
      };
    });
    keepWithinBounds(runtime.pool);
    if (!Number.isFinite(result.totalNorm) || !Number.isFinite(result.observation.loss)) {
      optimiser.step--;
      throw new TrainingDivergedError(step);
    }
    return {
      step,
      batch: result.batch,
      ...result.observation,
      gradientNorm: result.totalNorm,
      gradientNorms: new Map(result.names.map((name, i) => [name, result.groupNorms[i] ?? NaN])),
      learningRate,
      stepMs: performance.now() - started,
      tokens: result.tokens,
      flops: runtime.recorder.counts.flops - before,
      memory: runtime.pool.report(),
    };
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
  async #batch(batch: B, lossWeight: number, watch: StepWatch): Promise<BatchRun> {
    const { runtime, objective } = this.setup;
    runtime.beginScope();
    try {
      const { pass, read } = await recordPass(
        runtime,
        (tape) => objective.forward(runtime, tape, batch, { lossWeight }),
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
