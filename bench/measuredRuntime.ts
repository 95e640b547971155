import type { GpuDevice } from '../src/gpu/device.ts';
import type { KernelTiming } from '../src/gpu/timer.ts';
import { Runtime } from '../src/ops/core/runtime.ts';

/** What was sent to the GPU since the last reset. */
export interface Work {
  /** By timestamps around each dispatch where the GPU has them, else from first submit to last answer. */
  ms: number;
  flops: number;
  bytes: number;
  dispatches: number;
  submits: number;
  /** Times that the host waited for the GPU. */
  waits: number;
  /** Empty without timestamps. */
  timings: KernelTiming[];
}

const nothing = (): Work => ({ ms: 0, flops: 0, bytes: 0, dispatches: 0, submits: 0, waits: 0, timings: [] });

/** A runtime that keeps count of what it is asked to do and how long that takes. */
export class MeasuredRuntime extends Runtime {
  #work = nothing();
  /** Counts of the recorder at the last reset. */
  #before = { flops: 0, bytes: 0 };

  constructor(gpu: GpuDevice) {
    super(gpu);
    const { recorder } = this;
    const flush = recorder.flush.bind(recorder);
    recorder.flush = async (taken) => {
      const report = await flush(taken);
      const timed = recorder.profile && gpu.hasTimestamps;
      this.#work.ms += timed ? recorder.timings.reduce((sum, { ms }) => sum + ms, 0) : report.gpuMs;
      this.#work.dispatches += report.dispatches;
      this.#work.submits += report.submits;
      this.#work.waits++;
      if (timed) this.#work.timings.push(...recorder.timings);
      return report;
    };
  }

  /** Hands out what was counted so far, and starts again from zero. */
  takeWork(): Work {
    const { flops, bytes } = this.recorder.counts;
    const work = { ...this.#work, flops: flops - this.#before.flops, bytes: bytes - this.#before.bytes };
    this.#work = nothing();
    this.#before = { flops, bytes };
    return work;
  }
}
