import { BindGroups } from './bindGroups.ts';
import { SUBMIT_BUDGET_MS, type BudgetEstimator } from './budget.ts';
import type { RecordedDispatch, Recording } from './commands.ts';
import type { GpuDevice } from './device.ts';
import { SLOT_BYTES } from './params.ts';
import type { Pipeline } from './pipelines.ts';
import { ReadStaging, UploadStaging } from './staging.ts';
import { KernelTimer, sharedOut, type KernelTiming } from './timer.ts';
import { Uniforms } from './uniforms.ts';

/** What a flush did. */
export interface FlushReport {
  dispatches: number;
  submits: number;
  /** Wall time from first submit to the GPU's answer, ms; 0 when nothing was waited for. */
  gpuMs: number;
  /** The same by the GPU's own clock, without the way to it and back: where that was asked for, and it has one. */
  passMs?: number;
  flops: number;
}

/** What the kernels of a flush took: by timestamps, or as the budget expects them to share what all took. */
interface Timings {
  readonly areMeasured: boolean;
  readonly list: KernelTiming[];
}

interface SendOptions {
  /** Time each dispatch by itself. */
  readonly profile: boolean;
  /** Time all of them together. */
  readonly clock: boolean;
  readonly onSubmitted: () => void;
}

interface Sent {
  readonly report: FlushReport;
  /** Of a profiled flush. */
  readonly timings: Timings | undefined;
}

const MAX_SUBMITS_IN_FLIGHT = 3;

/** Encodes recordings and submits them, in as many pieces as the time budget asks for, and waits for the GPU's answers. */
export class Sender {
  #inFlight: Promise<void>[] = [];
  /** Ends the wait for each submit that the GPU has not answered yet. */
  #waiting = new Set<() => void>();
  #uniforms: Uniforms;
  #groups: BindGroups;
  /** Place of a dispatch's parameters, as setBindGroup takes it. */
  #offset = [0];

  constructor(
    private readonly gpu: GpuDevice,
    private readonly budget: BudgetEstimator,
  ) {
    this.#uniforms = new Uniforms(gpu.device);
    this.#groups = new BindGroups(gpu.device);
  }

  /** The device is lost and may never answer: whoever waits for it need not any more. */
  giveUp(): void {
    for (const end of this.#waiting) end();
  }

  /**
   * Runs a recording whose pipelines are compiled, and answers its reads. `onSubmitted` hears when the GPU has been given all of it.
   * @throws DeviceLostError when results cannot be read
   */
  async send(
    { commands, params, uploads: numbers, answers }: Recording,
    { profile, clock, onSubmitted }: SendOptions,
  ): Promise<Sent> {
    const { device, hasTimestamps } = this.gpu;
    const dispatches: RecordedDispatch[] = [];
    for (const command of commands) if (command.type === 'dispatch') dispatches.push(command);
    if (dispatches.length > 0) this.#groups.begin(this.#uniforms.write(params));
    const reads = new ReadStaging(
      device,
      commands.filter((command) => command.type === 'read'),
      answers,
    );
    const uploads = new UploadStaging(device, numbers);
    const timer = (profile || clock) && hasTimestamps ? new KernelTimer(device, dispatches.length) : undefined;
    const report: FlushReport = { dispatches: dispatches.length, submits: 0, gpuMs: 0, flops: 0 };
    const started = performance.now();
    let encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let pipeline: Pipeline | undefined;
    let estimated = 0;
    let work = 0;
    let passes = 0;
    const endPass = () => {
      pass?.end();
      pass = undefined;
      pipeline = undefined;
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
        const cost = this.budget.estimate(command.kernel, command.work);
        if (estimated > 0 && estimated + cost > SUBMIT_BUDGET_MS) await submit();
        if (profile) endPass();
        pass ??= encoder.beginComputePass(timer ? { timestampWrites: timer.writes(passes++) } : {});
        pipeline = this.#encode(pass, command, pipeline);
        report.flops += command.flops * (command.work / Math.max(command.flops, command.bytes, 1));
        estimated += cost;
        work += command.work;
        continue;
      }
      endPass();
      switch (command.type) {
        case 'upload':
          uploads.encode(encoder, command);
          break;
        case 'copy': {
          const { source, target, bytes } = command;
          encoder.copyBufferToBuffer(source.buffer, source.offset, target.buffer, target.offset, bytes);
          break;
        }
        case 'clear':
          encoder.clearBuffer(command.target.buffer, command.target.offset, Math.ceil(command.target.size / 4) * 4);
          break;
        case 'read':
          reads.encode(encoder, command);
          break;
        default:
          command satisfies never;
      }
    }
    endPass();
    timer?.resolve(encoder);
    await submit();
    onSubmitted();
    // Both questions at once: the results are there as soon as the work is done, and asking later costs another way to the GPU and back.
    await Promise.all([...this.#inFlight.splice(0), this.#unlessGivenUp(reads.map())]);
    report.gpuMs = performance.now() - started;
    reads.deliver();
    uploads.destroy();
    if (timer && !profile) report.passMs = await timer.total();
    return { report, timings: profile ? await this.#timings(dispatches, timer, report) : undefined };
  }

  /** Gives the pipeline that is set now. */
  #encode(pass: GPUComputePassEncoder, command: RecordedDispatch, set: Pipeline | undefined): Pipeline {
    const { ready } = command.pipeline;
    if (!ready) throw new Error(`${command.kernel} was not compiled: this is a bug.`);
    if (ready !== set) pass.setPipeline(ready.pipeline);
    const { generation } = this.#groups;
    if (!command.group || command.generation !== generation) {
      command.group = this.#groups.find(ready, command.slices);
      command.generation = generation;
    }
    this.#offset[0] = command.slot * SLOT_BYTES;
    pass.setBindGroup(0, command.group, this.#offset);
    pass.dispatchWorkgroups(command.x, command.y, command.z);
    return ready;
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
    const answered = this.#unlessGivenUp(done);
    // A device that goes rejects it, perhaps while something else is waited for.
    answered.catch(() => undefined);
    this.#inFlight.push(answered);
  }

  /**
   * A lost device may never answer: then the wait ends too. (A race against `gpu.lost` would leave a handler on that promise with
   * every submit, for as long as the page is open.)
   */
  #unlessGivenUp(answer: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      answer.then(resolve, reject).finally(() => this.#waiting.delete(resolve));
    });
  }

  async #timings(
    dispatches: readonly RecordedDispatch[],
    timer: KernelTimer | undefined,
    { gpuMs }: FlushReport,
  ): Promise<Timings> {
    if (!timer) return { areMeasured: false, list: sharedOut(dispatches, this.budget, gpuMs) };
    const list = await timer.read(dispatches);
    for (const { kernel, flops, bytes, ms } of list) this.budget.observeKernel(kernel, Math.max(flops, bytes), ms);
    return { areMeasured: true, list };
  }
}
