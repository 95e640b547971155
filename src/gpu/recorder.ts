import { BudgetEstimator, DISPATCH_BUDGET_MS, SUBMIT_BUDGET_MS } from './budget.ts';
import type { Command, Dispatch, Read, RecordedDispatch } from './commands.ts';
import type { GpuDevice } from './device.ts';
import { DeviceLostError, GpuValidationError } from './errors.ts';
import { splitGroups } from './params.ts';
import { PipelineCache, type CachedPipeline, type Pipeline } from './pipelines.ts';
import type { BufferPool, BufferSlice } from './pool.ts';
import { shaderSource } from './shaderLibrary.ts';
import { ReadStaging, UploadStaging } from './staging.ts';
import { KernelTimer, sharedOut, type KernelTiming } from './timer.ts';
import { Uniforms } from './uniforms.ts';

/** What the last flush did. */
export interface FlushReport {
  dispatches: number;
  submits: number;
  /** Wall time from first submit to the GPU's answer, ms; 0 when nothing was waited for. */
  gpuMs: number;
  flops: number;
}

/** Work by the ops' own counts, whatever a GPU makes of it. */
export interface WorkCounts {
  readonly dispatches: number;
  readonly flops: number;
  readonly bytes: number;
}

const MAX_SUBMITS_IN_FLIGHT = 3;

/**
 * Collects a step's commands and sends them together: normally one encoder, one compute pass, one submit.
 * Commands run in the order they were recorded. Reads resolve after the next flush().
 */
export class Recorder {
  readonly budget = new BudgetEstimator();
  readonly pipelines: PipelineCache;
  #commands: Command[] = [];
  #queue: Promise<unknown> = Promise.resolve();
  #inFlight: Promise<void>[] = [];
  /** Ends the wait for each submit that the GPU has not answered yet. */
  #waiting = new Set<() => void>();
  #uniforms: Uniforms;
  #failure: Error | undefined;
  #counts: WorkCounts = { dispatches: 0, flops: 0, bytes: 0 };
  /** When set, each flush times every dispatch by itself (one pass each: slower) and leaves the result in `timings`. */
  profile = false;
  timings: KernelTiming[] = [];
  /** Hears after each such flush what its kernels took; an estimate where the GPU has no timestamps. */
  onProfile: ((timings: KernelTiming[], report: FlushReport) => void) | undefined;
  /** Hears how many of the kernels that a flush needs for the first time are compiled (seconds on software GPUs). */
  onCompile: ((done: number, total: number) => void) | undefined;

  constructor(
    private readonly gpu: GpuDevice,
    private readonly pool: BufferPool,
  ) {
    this.pipelines = new PipelineCache(gpu.device);
    this.#uniforms = new Uniforms(gpu.device);
    void gpu.lost.then((error) => {
      this.#failure ??= error;
      for (const giveUp of this.#waiting) giveUp();
    });
    gpu.device.addEventListener('uncapturederror', (event) => {
      this.#failure ??= new GpuValidationError(
        event.error.message,
        'Please report this together with your GPU and browser.',
      );
    });
  }

  /** All dispatches so far, before they are split for long times: what they compute, and the bytes they move. */
  get counts(): WorkCounts {
    return this.#counts;
  }

  protected count({ flops, bytes }: Dispatch): void {
    const before = this.#counts;
    this.#counts = {
      dispatches: before.dispatches + 1,
      flops: before.flops + flops,
      bytes: before.bytes + bytes,
    };
  }

  /** Records a kernel launch; splits it when it would run longer than a dispatch may or exceeds the group limits. */
  dispatch(dispatch: Dispatch): void {
    const source = shaderSource(dispatch.kernel);
    for (const { name, type } of source.bindings)
      if (type !== 'uniform' && !dispatch.bindings[name])
        throw new Error(`${dispatch.kernel}: binding ${name} is missing.`);
    const pipeline = this.pipelines.find(source, dispatch.constants ?? {});
    const groups: [number, number, number] = [dispatch.groups[0], dispatch.groups[1] ?? 1, dispatch.groups[2] ?? 1];
    const count = groups[0] * groups[1] * groups[2];
    if (count === 0) return;
    this.count(dispatch);
    const work = Math.max(dispatch.flops, dispatch.bytes);
    const parts = Math.ceil(this.budget.estimate(dispatch.kernel, work) / DISPATCH_BUDGET_MS);
    for (const part of splitGroups(groups, parts, this.gpu.limits.maxComputeWorkgroupsPerDimension)) {
      const share = (part.groups[0] * part.groups[1] * part.groups[2]) / count;
      this.#commands.push({ type: 'dispatch', dispatch, pipeline, ...part, work: work * share });
    }
  }

  /** Copies `data` to the start of `target`. The data is taken now; the caller may change it afterwards. */
  upload(target: BufferSlice, data: ArrayBufferView): void {
    if (data.byteLength === 0) return;
    const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    this.#commands.push({ type: 'upload', target, data: padded });
  }

  copy(source: BufferSlice, target: BufferSlice, bytes: number): void {
    this.#commands.push({ type: 'copy', source, target, bytes });
  }

  clear(target: BufferSlice): void {
    this.#commands.push({ type: 'clear', target });
  }

  /** Bytes of `source` as they are at this point of the recording; resolves once flush() has run. */
  read(source: BufferSlice): Promise<ArrayBuffer> {
    if (source.size === 0) return Promise.resolve(new ArrayBuffer(0));
    const answer = new Promise<ArrayBuffer>((resolve, reject) => {
      this.#commands.push({ type: 'read', source, resolve, reject });
    });
    // An abandoned step rejects its reads, and nobody may be waiting for them any more.
    answer.catch(() => undefined);
    return answer;
  }

  /**
   * Sends everything recorded so far. Resolves when the GPU has done it.
   * @throws ShaderCompileError, OutOfMemoryError, DeviceLostError, GpuValidationError
   */
  flush(): Promise<FlushReport> {
    const commands = this.#commands;
    this.#commands = [];
    const run = this.#queue.then(() => this.#send(commands));
    this.#queue = run.catch(() => undefined);
    return run;
  }

  /** Forgets what was recorded and not sent (after an error in the middle of a step). */
  discard(): void {
    const dropped = this.#commands;
    this.#commands = [];
    for (const command of dropped)
      if (command.type === 'read') command.reject(new Error('The step was abandoned before its results were read.'));
  }

  /** Forgets what was recorded and refuses what comes: the device is about to be destroyed, and nothing on it will run. */
  close(): void {
    this.discard();
    this.#failure ??= new DeviceLostError(
      'The GPU was closed before this work was done.',
      'Press Reset to start again.',
    );
  }

  async #send(commands: Command[]): Promise<FlushReport> {
    const reads = commands.filter((command) => command.type === 'read');
    try {
      const missing = new Set<CachedPipeline>();
      for (const command of commands)
        if (command.type === 'dispatch' && !command.pipeline.ready) missing.add(command.pipeline);
      if (missing.size > 0) await this.#compile([...missing].map((pipeline) => pipeline.get()));
      await this.pool.check();
      this.#throwFailure();
      const report = await this.#encode(commands, reads);
      this.#throwFailure();
      return report;
    } catch (cause) {
      const error = this.#failure ?? cause;
      for (const read of reads) read.reject(error);
      throw error;
    }
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

  async #encode(commands: Command[], reads: Read[]): Promise<FlushReport> {
    const { device } = this.gpu;
    const dispatches = commands.filter((command) => command.type === 'dispatch');
    this.#uniforms.write(dispatches);
    const readback = new ReadStaging(device, reads);
    const uploads = new UploadStaging(
      device,
      commands.filter((command) => command.type === 'upload'),
    );
    const timer = this.profile && this.gpu.hasTimestamps ? new KernelTimer(device, dispatches.length) : undefined;
    const report: FlushReport = { dispatches: dispatches.length, submits: 0, gpuMs: 0, flops: 0 };
    const started = performance.now();
    let encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let estimated = 0;
    let work = 0;
    let index = 0;
    const endPass = () => {
      pass?.end();
      pass = undefined;
    };
    const submit = async () => {
      endPass();
      await this.#submit(encoder.finish(), estimated, work, report);
      encoder = device.createCommandEncoder();
      estimated = 0;
      work = 0;
    };
    for (const command of commands) {
      if (command.type === 'dispatch') {
        const cost = this.budget.estimate(command.dispatch.kernel, command.work);
        if (estimated > 0 && estimated + cost > SUBMIT_BUDGET_MS) await submit();
        if (timer) endPass();
        pass ??= encoder.beginComputePass(timer ? { timestampWrites: timer.writes(index) } : {});
        this.#encodeDispatch(pass, command, index++);
        report.flops +=
          command.dispatch.flops * (command.work / Math.max(command.dispatch.flops, command.dispatch.bytes, 1));
        estimated += cost;
        work += command.work;
        continue;
      }
      endPass();
      switch (command.type) {
        case 'upload':
          uploads.encode(encoder, command);
          break;
        case 'copy':
          encoder.copyBufferToBuffer(
            command.source.buffer,
            command.source.offset,
            command.target.buffer,
            command.target.offset,
            command.bytes,
          );
          break;
        case 'clear':
          encoder.clearBuffer(command.target.buffer, command.target.offset, Math.ceil(command.target.size / 4) * 4);
          break;
        case 'read':
          readback.encode(encoder, command);
          break;
        default:
          command satisfies never;
      }
    }
    endPass();
    timer?.resolve(encoder);
    await submit();
    await Promise.all(this.#inFlight.splice(0));
    report.gpuMs = performance.now() - started;
    await readback.deliver();
    uploads.destroy();
    if (timer) {
      this.timings = await timer.read(dispatches.map(({ dispatch, work: units }) => ({ dispatch, work: units })));
      for (const { kernel, flops, bytes, ms } of this.timings)
        this.budget.observeKernel(kernel, Math.max(flops, bytes), ms);
    }
    if (this.profile) this.onProfile?.(timer ? this.timings : sharedOut(dispatches, this.budget, report.gpuMs), report);
    return report;
  }

  async #submit(commands: GPUCommandBuffer, estimated: number, work: number, report: FlushReport): Promise<void> {
    while (this.#inFlight.length >= MAX_SUBMITS_IN_FLIGHT) await this.#inFlight.shift();
    const alone = this.#inFlight.length === 0;
    const start = performance.now();
    this.gpu.device.queue.submit([commands]);
    report.submits++;
    const done = this.gpu.device.queue.onSubmittedWorkDone().then(() => {
      // Only a submit that had the GPU to itself tells how long it took.
      if (alone) this.budget.observeSubmit(work, estimated, performance.now() - start);
    });
    // A lost device may never answer: then the wait ends too. (A race against `gpu.lost` would leave a handler on that
    // promise with every submit, for as long as the page is open.)
    this.#inFlight.push(
      new Promise((resolve, reject) => {
        this.#waiting.add(resolve);
        done.then(resolve, reject).finally(() => this.#waiting.delete(resolve));
      }),
    );
  }

  #encodeDispatch(pass: GPUComputePassEncoder, command: RecordedDispatch, index: number) {
    const { ready } = command.pipeline;
    if (!ready) throw new Error(`${command.dispatch.kernel} was not compiled: this is a bug.`);
    const entries = ready.source.bindings.map(({ name, binding, type }) => {
      if (type === 'uniform') return { binding, resource: this.#uniforms.slot(index) };
      const slice = command.dispatch.bindings[name];
      if (!slice) throw new Error(`${command.dispatch.kernel}: binding ${name} is missing.`);
      // Kernels read vectors of four, so a binding covers whole 16 bytes; every buffer has that room.
      return {
        binding,
        resource: { buffer: slice.buffer, offset: slice.offset, size: Math.ceil(slice.size / 16) * 16 },
      };
    });
    pass.setPipeline(ready.pipeline);
    pass.setBindGroup(0, this.gpu.device.createBindGroup({ layout: ready.layout, entries }));
    pass.dispatchWorkgroups(...command.groups);
  }
}
