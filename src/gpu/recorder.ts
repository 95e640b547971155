import { BudgetEstimator, DISPATCH_BUDGET_MS } from './budget.ts';
import { Recording, type Dispatch, type Launch, type RecordedDispatch, type Uploaded } from './commands.ts';
import type { GpuDevice } from './device.ts';
import { DeviceLostError, GpuValidationError } from './errors.ts';
import { splitGroups } from './params.ts';
import { PipelineCache, type CachedPipeline, type Pipeline } from './pipelines.ts';
import type { BufferPool, BufferSlice } from './pool.ts';
import { Sender, type FlushReport } from './sender.ts';
import { shaderSource } from './shaderLibrary.ts';
import type { ShaderSource } from './shaderSource.ts';
import type { KernelTiming } from './timer.ts';

export type { FlushReport } from './sender.ts';

/** Work by the ops' own counts, whatever a GPU makes of it. */
export interface WorkCounts {
  readonly dispatches: number;
  readonly flops: number;
  readonly bytes: number;
}

const NO_CONSTANTS = {};
/** A browser whose GPU process ends rejects what it was asked first, and tells the loss of the device next. */
const LOSS_IS_TOLD_MS = 250;

/**
 * Collects a step's commands and sends them together: normally one encoder, one compute pass, one submit.
 * Commands run in the order they were recorded. Reads resolve after the next flush().
 */
export class Recorder {
  readonly budget = new BudgetEstimator();
  #sender: Sender;
  #recording = new Recording();
  /** Recordings that were sent, to be filled again. */
  #spare: Recording[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #submitted: Promise<void> = Promise.resolve();
  #flushes = 0;
  #failure: Error | undefined;
  #dispatches = 0;
  #flops = 0;
  #bytes = 0;
  /** When set, each flush times every dispatch by itself (one pass each: slower) and leaves the result in `timings`. */
  profile = false;
  /** When set, each flush says how long it took by the GPU's own clock, where that has one. */
  clock = false;
  timings: KernelTiming[] = [];
  /** Hears after each such flush what its kernels took; an estimate where the GPU has no timestamps. */
  onProfile: ((timings: KernelTiming[], report: FlushReport) => void) | undefined;
  /** Hears how many of the kernels that a flush needs for the first time are compiled (seconds on software GPUs). */
  onCompile: ((done: number, total: number) => void) | undefined;

  constructor(
    private readonly gpu: GpuDevice,
    private readonly pool: BufferPool,
    readonly pipelines = new PipelineCache(gpu.device),
  ) {
    this.#sender = new Sender(gpu, this.budget);
    void gpu.lost.then((error) => {
      this.#failure ??= error;
      this.#sender.giveUp();
    });
    gpu.device.addEventListener('uncapturederror', this.#onError);
  }

  readonly #onError = (event: GPUUncapturedErrorEvent): void => {
    this.#failure ??= new GpuValidationError(
      event.error.message,
      'Please report this together with your GPU and browser.',
    );
  };

  /** All dispatches so far, before they are split for long times: what they compute, and the bytes they move. */
  get counts(): WorkCounts {
    return { dispatches: this.#dispatches, flops: this.#flops, bytes: this.#bytes };
  }

  protected count({ flops, bytes }: Launch): void {
    this.#dispatches++;
    this.#flops += flops;
    this.#bytes += bytes;
  }

  /** Counts work that is recorded already, and is to be sent once more. */
  countAgain({ dispatches, flops, bytes }: WorkCounts): void {
    this.#dispatches += dispatches;
    this.#flops += flops;
    this.#bytes += bytes;
  }

  /**
   * Records a kernel launch; splits it when it would run longer than a dispatch may or exceeds the group limits.
   * @throws Error on a missing binding, and on a missing or unknown parameter or constant
   */
  dispatch(dispatch: Dispatch): void {
    const source = shaderSource(dispatch.kernel);
    const slices = slicesOf(source, dispatch);
    const pipeline = this.pipelines.find(source, dispatch.constants ?? NO_CONSTANTS);
    const [x, y = 1, z = 1] = dispatch.groups;
    const count = x * y * z;
    if (count === 0) return;
    const { commands, params } = this.#recording;
    const work = Math.max(dispatch.flops, dispatch.bytes);
    const parts = Math.ceil(this.budget.estimate(dispatch.kernel, work) / DISPATCH_BUDGET_MS);
    const limit = this.gpu.limits.maxComputeWorkgroupsPerDimension;
    if (parts <= 1 && x <= limit && y <= limit && z <= limit) {
      const slot = params.add(source, 0, 0, 0, dispatch.params);
      commands.push(recorded(dispatch, pipeline, slices, slot, x, y, z, work));
    } else {
      for (const { offset, groups } of splitGroups([x, y, z], parts, limit)) {
        const slot = params.add(source, ...offset, dispatch.params);
        const share = (groups[0] * groups[1] * groups[2]) / count;
        commands.push(recorded(dispatch, pipeline, slices, slot, ...groups, work * share));
      }
    }
    this.count(dispatch);
  }

  /**
   * Copies `data` to the start of `target`. The data is taken now; the caller may change it afterwards.
   * @param isInput whether nothing that is recorded depends on the numbers, but for how many they are
   */
  upload(target: BufferSlice, data: ArrayBufferView, isInput = false): void {
    if (data.byteLength === 0) return;
    const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#recording.commands.push({ type: 'upload', target });
    this.#recording.uploads.push({ data: padded, isInput });
  }

  /** What was recorded since the last flush, take() or discard(), if that is uploads alone: what they carry. */
  get onlyUploads(): readonly Uploaded[] | undefined {
    const { commands, uploads } = this.#recording;
    return commands.length === uploads.length ? uploads : undefined;
  }

  copy(source: BufferSlice, target: BufferSlice, bytes: number): void {
    this.#recording.commands.push({ type: 'copy', source, target, bytes });
  }

  clear(target: BufferSlice): void {
    this.#recording.commands.push({ type: 'clear', target });
  }

  /** Bytes of `source` as they are at this point of the recording; resolves once flush() has run. */
  read(source: BufferSlice): Promise<ArrayBuffer> {
    if (source.size === 0) return Promise.resolve(new ArrayBuffer(0));
    this.#recording.commands.push({ type: 'read', source });
    return this.#recording.answer();
  }

  /** Takes what was recorded and not sent, to be sent later by flush(); what is recorded from now on does not belong to it. */
  take(): Recording {
    const recording = this.#recording;
    this.#recording = this.#spare.pop() ?? new Recording();
    return recording;
  }

  /**
   * Sends everything recorded so far, and after it `taken`, which was taken before. Resolves when the GPU has done it.
   * @throws ShaderCompileError, OutOfMemoryError, DeviceLostError, GpuValidationError
   */
  flush(taken?: Recording): Promise<FlushReport> {
    if (!taken) return this.#enqueue(this.take());
    const before = this.#recording.commands.length > 0 ? this.#enqueue(this.take()) : undefined;
    const run = this.#enqueue(taken);
    if (!before) return run;
    run.catch(() => undefined);
    return before.then(() => run);
  }

  /** How often something was sent. */
  get flushes(): number {
    return this.#flushes;
  }

  /** Resolves, and never rejects, when the GPU has been given all that was flushed so far: what is destroyed then is no longer needed. */
  get submitted(): Promise<void> {
    return this.#submitted;
  }

  #enqueue(recording: Recording): Promise<FlushReport> {
    this.#flushes++;
    let given = (): void => undefined;
    this.#submitted = new Promise((resolve) => (given = resolve));
    const run = this.#queue.then(() => this.#send(recording, given));
    this.#queue = run.catch(() => undefined);
    void this.#queue.then(given);
    return run;
  }

  /** Forgets what was recorded and not sent (after an error in the middle of a step), or what was taken. */
  discard(recording = this.#recording): void {
    recording.reject(new Error('The step was abandoned before its results were read.'));
    recording.clear();
  }

  /** Forgets what was recorded and refuses what comes: the device is about to be destroyed, or left to others. */
  close(): void {
    this.discard();
    this.gpu.device.removeEventListener('uncapturederror', this.#onError);
    this.#failure ??= new DeviceLostError(
      'The GPU was closed before this work was done.',
      'Press Reset to start again.',
    );
  }

  async #send(recording: Recording, onSubmitted: () => void): Promise<FlushReport> {
    try {
      const missing = new Set<CachedPipeline>();
      for (const command of recording.commands)
        if (command.type === 'dispatch' && !command.pipeline.ready) missing.add(command.pipeline);
      if (missing.size > 0) await this.#compile([...missing].map((pipeline) => pipeline.get()));
      await this.pool.check();
      this.#throwFailure();
      const { report, timings } = await this.#sender.send(recording, {
        profile: this.profile,
        clock: this.clock,
        onSubmitted,
      });
      if (timings) {
        if (timings.areMeasured) this.timings = timings.list;
        this.onProfile?.(timings.list, report);
      }
      this.#throwFailure();
      return report;
    } catch (cause) {
      const error = this.#failure ?? (await this.#lossBehind()) ?? cause;
      recording.reject(error);
      throw error;
    } finally {
      recording.clear();
      if (!recording.isShared) this.#spare.push(recording);
    }
  }

  /** The loss of the device, which may be told only after all that was asked of it has been rejected; undefined where it is there. */
  async #lossBehind(): Promise<Error | undefined> {
    const patience = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), LOSS_IS_TOLD_MS));
    return Promise.race([this.gpu.lost, patience]);
  }

  /** The device may fail at any await: a test in place would be taken as settled by the one before it. */
  #throwFailure(): void {
    if (this.#failure) throw this.#failure;
  }

  async #compile(pipelines: Promise<Pipeline>[]): Promise<void> {
    let done = 0;
    this.onCompile?.(0, pipelines.length);
    await Promise.all(
      pipelines.map(async (pipeline) => {
        await pipeline;
        this.onCompile?.(++done, pipelines.length);
      }),
    );
  }
}

function recorded(
  { kernel, flops, bytes }: Launch,
  pipeline: CachedPipeline,
  slices: readonly BufferSlice[],
  slot: number,
  x: number,
  y: number,
  z: number,
  work: number,
): RecordedDispatch {
  return {
    type: 'dispatch',
    kernel,
    flops,
    bytes,
    pipeline,
    slices,
    slot,
    x,
    y,
    z,
    work,
    group: undefined,
    generation: 0,
  };
}

function slicesOf({ bindings }: ShaderSource, dispatch: Dispatch): BufferSlice[] {
  const slices: BufferSlice[] = [];
  for (const { name, type } of bindings) {
    if (type === 'uniform') continue;
    const slice = dispatch.bindings[name];
    if (!slice) throw new Error(`${dispatch.kernel}: binding ${name} is missing.`);
    slices.push(slice);
  }
  return slices;
}
