import type { Recording, Uploaded } from '../gpu/commands.ts';
import type { WorkCounts } from '../gpu/recorder.ts';
import type { ObjectiveBatch, Observation, PreparedPass } from '../objectives/objective.ts';
import { recordPass, type Read } from '../objectives/readPass.ts';
import { guarded } from '../ops/core/guarded.ts';
import type { Tensor } from '../ops/core/tensor.ts';
import { Replays, type KeptStep, type StepReads } from './replays.ts';
import type { StepWatch, TrainerSetup } from './trainerSetup.ts';

/** What distinguishes a step from others of its shape; uploaded, the optimiser's `update` among it. */
interface StepNumbers<B> {
  readonly step: number;
  readonly learningRate: number;
  readonly passes: readonly PreparedPass[];
  /** The last one's. */
  readonly batch: B;
  /** Of all. */
  readonly tokens: number;
  readonly update: Tensor;
}

/** What a step computes with its numbers, recorded and not sent. */
interface StepCommands {
  readonly recording: Recording;
  /** Of the last batch. */
  readonly observation: Promise<Observation>;
  /** Of all gradients, then of each group by `names`. */
  readonly norms: Promise<Float32Array>;
  readonly names: readonly string[];
  readonly flops: number;
  /** Whether its buffers are still as it takes them to be. */
  readonly isGood: () => boolean;
}

/** A step that is recorded and not sent. */
export type RecordedStep<B> = Pick<StepNumbers<B>, 'step' | 'learningRate' | 'batch' | 'tokens'> & StepCommands;

/** Records the steps of a run, or takes up one that was recorded for another batch of the same shape. */
export class StepRecorder<B extends ObjectiveBatch> {
  #replays: Replays;
  #waits = false;

  constructor(private readonly setup: TrainerSetup<B>) {
    this.#replays = new Replays(setup.runtime);
  }

  /** Whether recording a step takes results of the GPU in its middle: then none can be recorded while the GPU is busy. */
  get waits(): boolean {
    return this.#waits;
  }

  /** Records update number `step`. What it needs of GPU memory is given back already: commands run in their order. */
  async record(step: number, watch: StepWatch = {}): Promise<RecordedStep<B>> {
    const { feed, accumulation } = this.setup;
    await feed.prepare?.(step - 1);
    const batches = Array.from({ length: accumulation }, (_, micro) => feed.batchAt((step - 1) * accumulation + micro));
    return this.#record(step, batches, watch);
  }

  async #record(step: number, batches: readonly B[], watch: StepWatch): Promise<RecordedStep<B>> {
    const { runtime } = this.setup;
    const { recorder, pool, gpu } = runtime;
    // What somebody recorded before the step is not to be done again with it.
    const isAlone = !gpu.dry && recorder.onlyUploads?.length === 0 && Object.keys(watch).length === 0;
    pool.resetPeak();
    const { counts, flushes } = recorder;
    const made = await guarded(runtime, 'A step', async () => {
      const numbers = this.#upload(step, batches);
      const uploads = isAlone ? [...(recorder.onlyUploads ?? [])] : [];
      const kept = isAlone ? this.#replays.find(uploads) : undefined;
      if (!kept) return { numbers, uploads, recorded: await this.#compute(numbers, watch) };
      recorder.discard();
      return { numbers, uploads, kept };
    });
    const { numbers, uploads, kept } = made;
    if (kept) {
      if (kept.recording.isGood) return { ...numbers, ...again(kept, uploads, numbers.passes) };
      this.#replays.drop(kept);
      return this.#record(step, batches, watch);
    }
    const { reads, ...recorded } = made.recorded;
    const waited = recorder.flushes > flushes;
    this.#waits ||= waited;
    const taken = recorder.take();
    const work = { counts: difference(recorder.counts, counts), use: pool.use };
    // A step that waits for the GPU, or uploads something later on, depends on more than its first uploads.
    const isShape = isAlone && !waited && taken.uploads.length === uploads.length;
    const { changes } = pool;
    return {
      ...numbers,
      ...recorded,
      names: reads.norms,
      recording: isShape ? this.#replays.keep(taken, reads, work) : taken,
      flops: work.counts.flops,
      isGood: () => pool.changes === changes,
    };
  }

  /** Uploads what a step takes of its batches, and of its place in the run. */
  #upload(step: number, batches: readonly B[]): StepNumbers<B> {
    const { runtime, objective, optimiser, dropout } = this.setup;
    const learningRate = this.setup.learningRate(step);
    const update = optimiser.numbers({ step, learningRate });
    const passes = batches.map((each, micro) => {
      const key = dropout?.keyAt((step - 1) * batches.length + micro);
      return objective.prepare(runtime, each, {
        lossWeight: 1 / batches.length,
        dropout: dropout && key && { rate: dropout.rate, key: runtime.input(key, [key.length]) },
      });
    });
    const batch = batches.at(-1);
    if (!batch) throw new Error('A step needs at least one batch.');
    return { step, learningRate, passes, batch, tokens: passes.reduce((sum, pass) => sum + pass.tokens, 0), update };
  }

  /** Records forward and backward of each batch, and the update. */
  async #compute({ passes, update }: StepNumbers<B>, watch: StepWatch) {
    const { runtime, optimiser } = this.setup;
    optimiser.zeroGradients();
    let last: { readonly names: readonly string[]; readonly observation: Promise<Observation> } | undefined;
    for (const pass of passes) {
      runtime.beginScope();
      try {
        const { read, names } = await recordPass(runtime, (tape) => pass.record(tape), watch);
        last = { names, observation: observed(pass, read) };
      } finally {
        runtime.endScope();
      }
    }
    if (!last) throw new Error('A step needs at least one batch.');
    const { norms, names } = optimiser.norms();
    optimiser.update(update, norms);
    const reads: StepReads = { lastBatch: last.names, norms: names };
    return { reads, observation: last.observation, norms: runtime.read(norms) };
  }
}

/** What is read when a kept step is sent with these uploads, which are those of `passes`. */
function again(
  { recording: kept, reads, flops }: KeptStep,
  uploads: readonly Uploaded[],
  passes: readonly PreparedPass[],
): StepCommands {
  const { recording, reads: pending } = kept.again(uploads);
  const last = passes.at(-1);
  const norms = pending.at(-1);
  if (!last || !norms) throw new Error('A step reads nothing: this is a bug.');
  const { lastBatch, norms: names } = reads;
  const numbers = Promise.all(pending.slice(pending.length - 1 - lastBatch.length, -1));
  const read = numbers.then((all) =>
    Object.fromEntries(lastBatch.map((name, i) => [name, new Float32Array(all[i] ?? new ArrayBuffer())])),
  );
  return {
    recording,
    observation: observed(last, read),
    norms: quiet(norms.then((bytes) => new Float32Array(bytes))),
    names,
    flops,
    isGood: () => kept.isGood,
  };
}

function observed(pass: PreparedPass, read: Promise<Read>): Promise<Observation> {
  return quiet(read.then((all) => pass.observe(all)));
}

/** An abandoned step rejects its reads, and nobody may be waiting for them any more. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function difference(after: WorkCounts, before: WorkCounts): WorkCounts {
  return {
    dispatches: after.dispatches - before.dispatches,
    flops: after.flops - before.flops,
    bytes: after.bytes - before.bytes,
  };
}
