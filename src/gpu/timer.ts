import type { BudgetEstimator } from './budget.ts';
import type { Launch } from './commands.ts';

/** GPU time of one kernel over a flush. */
export interface KernelTiming {
  readonly kernel: string;
  readonly calls: number;
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
}

/** A dispatch that was sent, or a part of one: `work` is its share of the work. */
interface Sent extends Launch {
  readonly work: number;
}

/** WebGPU's limit on the queries of one set; two per dispatch. */
const MAX_QUERIES = 4096;

/** Timestamps around each pass of a flush. Chrome rounds them to 100 µs unless told otherwise. */
export class KernelTimer {
  #sets: GPUQuerySet[] = [];
  #result: GPUBuffer;
  #staging: GPUBuffer;

  constructor(device: GPUDevice, passes: number) {
    for (let left = passes * 2; left > 0; left -= MAX_QUERIES)
      this.#sets.push(device.createQuerySet({ type: 'timestamp', count: Math.min(left, MAX_QUERIES) }));
    const size = Math.max(1, this.#sets.length) * MAX_QUERIES * 8;
    this.#result = device.createBuffer({ size, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    this.#staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  writes(index: number): GPUComputePassTimestampWrites {
    const set = this.#sets[Math.floor((2 * index) / MAX_QUERIES)];
    if (!set) throw new Error('More passes than the timer was made for: this is a bug.');
    const first = (2 * index) % MAX_QUERIES;
    return { querySet: set, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 };
  }

  resolve(encoder: GPUCommandEncoder): void {
    this.#sets.forEach((set, i) => encoder.resolveQuerySet(set, 0, set.count, this.#result, i * MAX_QUERIES * 8));
    encoder.copyBufferToBuffer(this.#result, 0, this.#staging, 0, this.#staging.size);
  }

  /** Of a flush with a pass for each of these. */
  async read(dispatches: readonly Sent[]): Promise<KernelTiming[]> {
    const times = await this.#times();
    return byKernel(dispatches, (_sent, i) => times[i] ?? 0);
  }

  /** Of all passes together, ms. */
  async total(): Promise<number> {
    return (await this.#times()).reduce((sum, ms) => sum + ms, 0);
  }

  /** ms, pass by pass; 0 where there was none. */
  async #times(): Promise<number[]> {
    await this.#staging.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(this.#staging.getMappedRange());
    const times = Array.from({ length: stamps.length / 2 }, (_, i) => {
      const ns = Number((stamps[2 * i + 1] ?? 0n) - (stamps[2 * i] ?? 0n));
      return Math.max(0, ns) / 1e6;
    });
    this.#staging.unmap();
    for (const resource of [this.#result, this.#staging, ...this.#sets]) resource.destroy();
    return times;
  }
}

/**
 * The same where the GPU has no timestamps: the time that the whole flush took, `gpuMs`, shared out among its kernels as
 * the budget expects them to take it. An estimate, and to be called one.
 */
export function sharedOut(dispatches: readonly Sent[], budget: BudgetEstimator, gpuMs: number): KernelTiming[] {
  const expected = dispatches.map(({ kernel, work }) => budget.estimate(kernel, work));
  const total = expected.reduce((sum, ms) => sum + ms, 0);
  return byKernel(dispatches, (_sent, i) => (total > 0 ? ((expected[i] ?? 0) / total) * gpuMs : 0));
}

/** The timings of several flushes as one list, a line per kernel, longest first. */
export function mergeTimings(timings: readonly KernelTiming[]): KernelTiming[] {
  const merged = new Map<string, KernelTiming>();
  for (const { kernel, calls, ms, flops, bytes } of timings) {
    const sum = merged.get(kernel) ?? { kernel, calls: 0, ms: 0, flops: 0, bytes: 0 };
    merged.set(kernel, {
      kernel,
      calls: sum.calls + calls,
      ms: sum.ms + ms,
      flops: sum.flops + flops,
      bytes: sum.bytes + bytes,
    });
  }
  return [...merged.values()].sort((a, b) => b.ms - a.ms);
}

function byKernel(dispatches: readonly Sent[], msOf: (sent: Sent, index: number) => number): KernelTiming[] {
  const sums = new Map<string, { kernel: string; calls: number; ms: number; flops: number; bytes: number }>();
  dispatches.forEach((sent, i) => {
    const { kernel, flops, bytes, work } = sent;
    const share = work / Math.max(flops, bytes, 1);
    const sum = sums.get(kernel) ?? { kernel, calls: 0, ms: 0, flops: 0, bytes: 0 };
    sum.calls++;
    sum.ms += msOf(sent, i);
    sum.flops += flops * share;
    sum.bytes += bytes * share;
    sums.set(kernel, sum);
  });
  return [...sums.values()].sort((a, b) => b.ms - a.ms);
}
