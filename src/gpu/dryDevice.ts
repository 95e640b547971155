import type { Dispatch } from './commands.ts';
import type { GpuInfo, GpuDevice } from './device.ts';
import { BufferPool, PURPOSES, type Allocation, type BufferSlice, type Purpose } from './pool.ts';
import { Recorder, type FlushReport } from './recorder.ts';
import { shaderSource } from './shaderLibrary.ts';

/** The limits of a GPU that decide what is allocated and how work is cut. */
export type DryLimits = Pick<
  GPUSupportedLimits,
  'maxBufferSize' | 'maxStorageBufferBindingSize' | 'maxComputeWorkgroupsPerDimension'
>;

/** What every WebGPU device has at least. */
export const DEFAULT_LIMITS: DryLimits = {
  maxBufferSize: 256 * 2 ** 20,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** A GPU to be imitated: an open one, or limits and a description. */
export interface Imitated {
  readonly limits: DryLimits;
  /** A software GPU takes other tiles, and with them other scratch memory, than a real one. */
  readonly info: GpuInfo;
  /** As GpuDevice has them. Default: neither. */
  readonly hasHalf?: boolean;
  readonly subgroupSize?: number | undefined;
}

const SOME_GPU: GpuInfo = { vendor: '', architecture: '', description: '', software: false };

/**
 * A device that computes nothing: with DryPool and DryRecorder the very code of a run goes through all its allocations and
 * dispatches, and only books are kept. It is never lost and needs no WebGPU.
 */
export function dryDevice(like: Imitated = { limits: DEFAULT_LIMITS, info: SOME_GPU }): GpuDevice {
  const { limits, info, hasHalf = false, subgroupSize } = like;
  const nothing = (): void => undefined;
  const device = { limits, addEventListener: nothing, removeEventListener: nothing, destroy: nothing };
  return {
    // Pool and recorder of a dry run use no more of a device than this.
    device: device as unknown as GPUDevice,
    info,
    limits: limits as GPUSupportedLimits,
    hasTimestamps: false,
    hasHalf,
    subgroupSize,
    dry: true,
    lost: new Promise(() => undefined),
    destroy: device.destroy,
  };
}

/** A pool whose buffers have a size and no memory. */
export class DryPool extends BufferPool {
  #held = 0;
  #peakHeld = 0;
  #largestBuffer = 0;
  #highest = 0;
  #atPeak: Readonly<Record<Purpose, number>> = this.report().live;

  /** Highest sum of bytes in buffers, those kept for reuse included. */
  get peakHeld(): number {
    return this.#peakHeld;
  }

  /** Bytes of the largest buffer made. */
  get largestBuffer(): number {
    return this.#largestBuffer;
  }

  /** Live bytes by purpose at the moment at which there were most. */
  get atPeak(): Readonly<Record<Purpose, number>> {
    return this.#atPeak;
  }

  override acquire(bytes: number, purpose: Purpose): Allocation {
    const allocation = super.acquire(bytes, purpose);
    const { live } = this.report();
    const total = PURPOSES.reduce((sum, name) => sum + live[name], 0);
    if (total > this.#highest) {
      this.#highest = total;
      this.#atPeak = live;
    }
    return allocation;
  }

  protected override create(size: number): GPUBuffer {
    this.#held += size;
    this.#peakHeld = Math.max(this.#peakHeld, this.#held);
    this.#largestBuffer = Math.max(this.#largestBuffer, size);
    const buffer = { size, destroy: () => void (this.#held -= size) };
    return buffer as unknown as GPUBuffer;
  }
}

/** A recorder that checks and counts dispatches; what is read is zero. */
export class DryRecorder extends Recorder {
  #reads: { resolve: (data: ArrayBuffer) => void; reject: (cause: unknown) => void; bytes: number }[] = [];
  #largestBinding = 0;
  /** Hears of every dispatch that would run, in order. */
  onDispatch: ((dispatch: Dispatch) => void) | undefined;

  /** Bytes of the largest storage binding of any dispatch. */
  get largestBinding(): number {
    return this.#largestBinding;
  }

  override dispatch(dispatch: Dispatch): void {
    for (const { name, type } of shaderSource(dispatch.kernel).bindings) {
      if (type === 'uniform') continue;
      const slice = dispatch.bindings[name];
      if (!slice) throw new Error(`${dispatch.kernel}: binding ${name} is missing.`);
      this.#largestBinding = Math.max(this.#largestBinding, slice.size);
    }
    if (dispatch.groups.some((count) => count === 0)) return;
    this.count(dispatch);
    this.onDispatch?.(dispatch);
  }

  override upload(): void {
    // Nothing holds the data.
  }

  override copy(): void {
    // As above.
  }

  override clear(): void {
    // As above.
  }

  override read({ size }: BufferSlice): Promise<ArrayBuffer> {
    const answer = new Promise<ArrayBuffer>((resolve, reject) => this.#reads.push({ resolve, reject, bytes: size }));
    answer.catch(() => undefined);
    return answer;
  }

  override flush(): Promise<FlushReport> {
    for (const { resolve, bytes } of this.#reads.splice(0)) resolve(new ArrayBuffer(bytes));
    return Promise.resolve({ dispatches: 0, submits: 0, gpuMs: 0, flops: 0 });
  }

  override discard(): void {
    for (const { reject } of this.#reads.splice(0)) reject(new Error('The dry run was abandoned.'));
  }
}
