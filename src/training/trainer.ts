import { ReportedError } from '../base/errors.ts';
import type { BufferPool, PoolReport } from '../gpu/pool.ts';
import { revela, type RevelaModels, type RevelaOptions } from '../objectives/revela.ts';
import type { Runtime } from '../ops/core/runtime.ts';
import { Tape } from '../ops/core/tape.ts';
import type { BatchFeed, TrainingBatch } from './batches.ts';
import type { Optimiser } from './optimiser.ts';
import { readForward, type BatchResult } from './results.ts';
import { learningRateAt, type Schedule } from './schedule.ts';

export interface StepResult<T extends TrainingBatch> extends BatchResult {
  readonly type: 'step';
  /** Updates made, this one included. */
  readonly step: number;
  /** The (last) batch of the step; the numbers above are its own. */
  readonly batch: T;
  readonly gradientNorm: number;
  readonly gradientNorms: ReadonlyMap<string, number>;
  readonly learningRate: number;
  readonly stepMs: number;
  /** Language-model tokens of all batches of the step. */
  readonly tokens: number;
  readonly memory: PoolReport;
}

export interface EvaluationResult<T extends TrainingBatch> {
  readonly type: 'evaluation';
  readonly step: number;
  readonly batches: readonly (BatchResult & { readonly batch: T })[];
}

export type TrainingEvent<T extends TrainingBatch> = StepResult<T> | EvaluationResult<T>;

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

export interface TrainerSetup<T extends TrainingBatch> {
  readonly runtime: Runtime;
  readonly models: RevelaModels;
  readonly optimiser: Optimiser;
  readonly feed: BatchFeed<T>;
  readonly options: RevelaOptions;
  readonly schedule: Schedule;
  /** Batches per update; their gradients are averaged. */
  readonly accumulation: number;
  /** Evaluate before the first step and after every so many; 0: never. */
  readonly evaluateEvery: number;
}

/** Trains both models, one update per step. */
export class Trainer<T extends TrainingBatch> {
  constructor(private readonly setup: TrainerSetup<T>) {}

  /**
   * Endless steps with evaluations in between. Pause by not asking for the next event, stop by returning from the loop:
   * between two events nothing is in flight and all state is consistent.
   */
  async *events(): AsyncGenerator<TrainingEvent<T>, void, void> {
    const { optimiser, evaluateEvery } = this.setup;
    if (evaluateEvery > 0 && optimiser.step === 0) yield await this.evaluate();
    for (;;) {
      yield await this.step();
      if (evaluateEvery > 0 && optimiser.step % evaluateEvery === 0) yield await this.evaluate();
    }
  }

  /** One update. @throws TrainingDivergedError, and the GPU's errors; the step is then as if it had not been. */
  async step(): Promise<StepResult<T>> {
    const { runtime, optimiser, feed, schedule, accumulation } = this.setup;
    const started = performance.now();
    const step = optimiser.step + 1;
    const learningRate = learningRateAt(schedule, step);
    runtime.pool.resetPeak();
    const result = await this.#guarded(async () => {
      optimiser.zeroGradients();
      let last: { batch: T; numbers: Promise<BatchResult> } | undefined;
      let tokens = 0;
      for (let micro = 0; micro < accumulation; micro++) {
        const batch = feed.batchAt(optimiser.step * accumulation + micro);
        tokens += batch.tokens.lmIds.reduce((sum, row) => sum + row.length, 0);
        last = { batch, ...(await this.#batch(batch, 1 / accumulation)) };
      }
      if (!last) throw new Error('A step needs at least one batch.');
      const { total, byGroup } = optimiser.norms();
      optimiser.update(learningRate, total);
      const norms = Promise.all([runtime.read(total), ...[...byGroup.values()].map((norm) => runtime.read(norm))]);
      await runtime.recorder.flush();
      const [totalNorm, ...groupNorms] = (await norms).map((value) => value[0] ?? NaN);
      return {
        batch: last.batch,
        numbers: await last.numbers,
        tokens,
        totalNorm: totalNorm ?? NaN,
        names: [...byGroup.keys()],
        groupNorms,
      };
    });
    keepWithinBounds(runtime.pool);
    if (!Number.isFinite(result.totalNorm) || !Number.isFinite(result.numbers.ntpLoss)) {
      optimiser.step--;
      throw new TrainingDivergedError(step);
    }
    return {
      type: 'step',
      step,
      batch: result.batch,
      ...result.numbers,
      gradientNorm: result.totalNorm,
      gradientNorms: new Map(result.names.map((name, i) => [name, result.groupNorms[i] ?? NaN])),
      learningRate,
      stepMs: performance.now() - started,
      tokens: result.tokens,
      memory: runtime.pool.report(),
    };
  }

  /** Looks at the held-out batches; changes nothing. */
  async evaluate(): Promise<EvaluationResult<T>> {
    const { runtime, feed, models, options, optimiser } = this.setup;
    const batches: (BatchResult & { batch: T })[] = [];
    for (const batch of feed.heldOut()) {
      const numbers = await this.#guarded(async () => {
        const forward = await revela(runtime, undefined, models, batch.tokens, options, {
          fixedAttention: batch.fixedAttention,
        });
        const read = readForward(runtime, forward);
        await runtime.recorder.flush();
        return await read;
      });
      batches.push({ batch, ...numbers });
    }
    return { type: 'evaluation', step: optimiser.step, batches };
  }

  /** Forward and backward of one batch; `numbers` arrive with the next flush (hence not awaited here). */
  async #batch(batch: T, lossWeight: number): Promise<{ numbers: Promise<BatchResult> }> {
    const { runtime, models, options } = this.setup;
    const tape = new Tape(runtime);
    runtime.beginScope();
    try {
      const forward = await revela(runtime, tape, models, batch.tokens, options, {
        lossWeight,
        fixedAttention: batch.fixedAttention,
      });
      const numbers = readForward(runtime, forward);
      tape.backward(forward.roots);
      return { numbers };
    } finally {
      tape.dispose();
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
