import { shaderSource } from '../../gpu/shaderLibrary.ts';
import { mergeTimings, type KernelTiming } from '../../gpu/timer.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { LabEvent } from '../door/protocol.ts';

/** Watches which kernels a step is made of, when somebody has asked, and hands out their sources. */
export class KernelDesk {
  #wanted = false;

  constructor(private readonly emit: (event: LabEvent) => void) {}

  /** The next step is watched, whoever starts it. */
  arm(): void {
    this.#wanted = true;
  }

  /** Runs a step, watched if that was asked for. Nothing it computes differs: each launch only gets a pass of its own. */
  async around<T extends { readonly step: number }>({ recorder, gpu }: Runtime, work: () => Promise<T>): Promise<T> {
    if (!this.#wanted) return work();
    this.#wanted = false;
    const flushes: KernelTiming[][] = [];
    let gpuMs = 0;
    recorder.profile = true;
    recorder.onProfile = (timings, report) => {
      flushes.push(timings);
      gpuMs += report.gpuMs;
    };
    try {
      const result = await work();
      const kernels = mergeTimings(flushes.flat());
      this.emit({ type: 'kernels', kernels: { step: result.step, measured: gpu.hasTimestamps, gpuMs, rows: kernels } });
      return result;
    } finally {
      recorder.profile = false;
      recorder.onProfile = undefined;
    }
  }

  /** The text that the GPU's driver compiles, helpers included. Rejects when there is no such kernel. */
  source(name: string): Promise<void> {
    return Promise.resolve().then(() => this.emit({ type: 'kernelSource', name, code: shaderSource(name).code }));
  }
}
