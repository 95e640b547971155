import { shaderSource } from '../../gpu/shaderLibrary.ts';
import { mergeTimings, type KernelTiming } from '../../gpu/timer.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import { LabFailure, STOPPED } from '../door/labError.ts';
import type { KernelsView } from '../door/views.ts';

/** Somebody who waits for a step to be watched. */
interface Waiting {
  readonly resolve: (kernels: KernelsView) => void;
  readonly reject: (cause: unknown) => void;
}

/** Watches which kernels a step is made of, when somebody has asked, and hands out their sources. */
export class KernelDesk {
  readonly #waiting = new Set<Waiting>();

  /** What the kernels of the next step take, whoever starts it. Rejects as that step does. */
  nextStep(signal: AbortSignal): Promise<KernelsView> {
    return new Promise((resolve, reject) => {
      const one = { resolve, reject };
      this.#waiting.add(one);
      signal.addEventListener('abort', () => {
        this.#waiting.delete(one);
        reject(new LabFailure(STOPPED));
      });
    });
  }

  /** There will be no more steps. */
  close(): void {
    for (const { reject } of this.#take()) reject(new LabFailure(STOPPED));
  }

  /** Runs a step, watched if that was asked for. Nothing it computes differs: each launch only gets a pass of its own. */
  async around<T extends { readonly step: number }>({ recorder, gpu }: Runtime, work: () => Promise<T>): Promise<T> {
    const asked = this.#take();
    if (asked.length === 0) return work();
    const flushes: KernelTiming[][] = [];
    let gpuMs = 0;
    recorder.profile = true;
    recorder.onProfile = (timings, report) => {
      flushes.push(timings);
      gpuMs += report.gpuMs;
    };
    try {
      const result = await work();
      const rows = mergeTimings(flushes.flat());
      for (const { resolve } of asked) resolve({ step: result.step, measured: gpu.hasTimestamps, gpuMs, rows });
      return result;
    } catch (cause) {
      for (const { reject } of asked) reject(cause);
      throw cause;
    } finally {
      recorder.profile = false;
      recorder.onProfile = undefined;
    }
  }

  /** The text that the GPU's driver compiles, helpers included. @throws Error when there is no such kernel. */
  source(name: string): { readonly code: string } {
    return { code: shaderSource(name).code };
  }

  #take(): Waiting[] {
    const all = [...this.#waiting];
    this.#waiting.clear();
    return all;
  }
}
