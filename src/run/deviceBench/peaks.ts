import { CHAINS, copyNumbers, multiplyAdd } from '../../ops/devicePeak.ts';
import type { Runtime } from '../../ops/core/runtime.ts';
import type { DeviceReport } from './report.ts';
import { medianOf, timeOf, workOf, type Timing } from './stopwatch.ts';

/** How much is sent to find the peaks. */
export interface PeakSizes {
  readonly threads: number;
  readonly rounds: number;
  /** Bytes that are copied: more than caches hold. */
  readonly copied: number;
}

/** Launches that the cost of one is measured over. */
const LAUNCHES = 200;

/** What a device does at most, by kernels that do nothing else. */
export async function measurePeaks(
  runtime: Runtime,
  { threads, rounds, copied }: PeakSizes,
  timing: Timing,
): Promise<DeviceReport['peak']> {
  runtime.beginScope();
  try {
    const seeds = runtime.fromArray(
      Float32Array.from({ length: CHAINS }, (_, i) => i / CHAINS),
      [CHAINS],
    );
    // The chains stay near 1: numbers that vanish or overflow may be slower.
    const factors = runtime.fromArray(Float32Array.of(0.75, 0.25, 0, 0), [4]);
    const out = runtime.tensor([threads]);
    const compute = (): void => multiplyAdd(runtime, { seeds, factors, out, rounds });
    const numbers = runtime.zeros([copied / 4]);
    const to = runtime.tensor([copied / 4]);
    const copy = (): void => copyNumbers(runtime, numbers, to);
    const [{ flops }, { bytes }] = [await workOf(runtime, compute), await workOf(runtime, copy)];
    return {
      gflops: flops / (await timeOf(runtime, compute, timing)) / 1e6,
      gbytes: bytes / (await timeOf(runtime, copy, timing)) / 1e6,
    };
  } finally {
    runtime.endScope();
  }
}

/** What it costs to ask a device for anything at all, ms, and to launch one kernel more, µs. */
export async function measureOverhead(
  runtime: Runtime,
  rounds: number,
): Promise<Pick<DeviceReport, 'roundTripMs' | 'launchUs'>> {
  runtime.beginScope();
  try {
    const [from, to] = [runtime.zeros([4]), runtime.zeros([4])];
    const timeOfLaunches = async (launches: number): Promise<number> => {
      const all: number[] = [];
      for (let round = -1; round < rounds; round++) {
        for (let i = 0; i < launches; i++) copyNumbers(runtime, from, to);
        const started = performance.now();
        await runtime.recorder.flush();
        if (round >= 0) all.push(performance.now() - started);
      }
      return medianOf(all);
    };
    const one = await timeOfLaunches(1);
    const many = await timeOfLaunches(1 + LAUNCHES);
    return { roundTripMs: one, launchUs: (1000 * Math.max(0, many - one)) / LAUNCHES };
  } finally {
    runtime.endScope();
  }
}
