import { GpuLimitError, OutOfMemoryError } from './errors.ts';

/** What a buffer is for; every byte on the GPU is booked under one of these. */
export type Purpose = 'weights' | 'gradients' | 'optimiser' | 'activations' | 'scratch';
export const PURPOSES: readonly Purpose[] = ['weights', 'gradients', 'optimiser', 'activations', 'scratch'];

/** A stretch of a GPU buffer; `offset` and `size` in bytes, offset a multiple of 256. */
export interface BufferSlice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

/** A whole buffer handed out by the pool. `size` is what was asked for, `capacity` what the buffer really holds. */
export interface Allocation extends BufferSlice {
  readonly purpose: Purpose;
  readonly capacity: number;
}

export interface PoolReport {
  /** Bytes handed out now, by purpose (capacities, so what the GPU really holds). */
  live: Record<Purpose, number>;
  /** Highest `live` seen, by purpose. */
  peak: Record<Purpose, number>;
  /** Highest sum of live bytes seen. */
  peakTotal: number;
  /** Bytes kept for reuse. */
  idle: number;
  /** All bytes the pool holds on the GPU: live + idle. */
  total: number;
  /** Buffers handed out now. */
  liveBuffers: number;
}

const zeros = (): Record<Purpose, number> => ({ weights: 0, gradients: 0, optimiser: 0, activations: 0, scratch: 0 });

/** What is made once for a run finds no buffer to reuse, so it need not be rounded up to one. */
const STAYS: ReadonlySet<Purpose> = new Set(['weights', 'optimiser']);

const wholeSlots = (bytes: number) => Math.max(256, Math.ceil(bytes / 256) * 256);

/**
 * Capacity for a wish of `bytes`: multiples of 256 up to 4 KiB, above that eighths of a power of two, so that ragged
 * batches of slightly different length find each other's buffers again and at most an eighth is wasted.
 */
export function capacityFor(bytes: number): number {
  if (bytes <= 4096) return wholeSlots(bytes);
  const step = 2 ** (Math.floor(Math.log2(bytes)) - 3);
  return Math.ceil(bytes / step) * step;
}

/** Hands out storage buffers, takes them back for reuse, and keeps the books. */
export class BufferPool {
  #idle = new Map<number, GPUBuffer[]>();
  #live = new Map<GPUBuffer, Allocation>();
  #bytes = zeros();
  #peak = zeros();
  #peakTotal = 0;
  #idleBytes = 0;
  #pendingChecks: Promise<void>[] = [];
  #failure: OutOfMemoryError | undefined;

  constructor(private readonly device: GPUDevice) {}

  /** @throws GpuLimitError when `bytes` exceeds what one binding may hold on this device. */
  acquire(bytes: number, purpose: Purpose): Allocation {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (bytes > limit) {
      throw new GpuLimitError(
        `A buffer of ${bytes} bytes (${purpose}) exceeds this GPU's limit of ${limit} bytes.`,
        'Use a smaller batch, shorter chunks or a smaller model.',
      );
    }
    const capacity = Math.min(STAYS.has(purpose) ? wholeSlots(bytes) : capacityFor(bytes), limit);
    const reused = this.#idle.get(capacity)?.pop();
    if (reused) this.#idleBytes -= capacity;
    const buffer = reused ?? this.create(capacity, purpose);
    const allocation: Allocation = { buffer, offset: 0, size: bytes, purpose, capacity };
    this.#live.set(buffer, allocation);
    this.#bytes[purpose] += capacity;
    this.#peak[purpose] = Math.max(this.#peak[purpose], this.#bytes[purpose]);
    this.#peakTotal = Math.max(this.#peakTotal, this.#liveTotal());
    return allocation;
  }

  /** Takes a buffer back. Work already recorded with it stays valid: commands run in the order they were recorded. */
  release(allocation: Allocation): void {
    if (!this.#live.delete(allocation.buffer)) throw new Error('A buffer was released twice: this is a bug.');
    this.#bytes[allocation.purpose] -= allocation.capacity;
    this.#idleBytes += allocation.capacity;
    const bucket = this.#idle.get(allocation.capacity);
    if (bucket) bucket.push(allocation.buffer);
    else this.#idle.set(allocation.capacity, [allocation.buffer]);
  }

  /** Destroys what is kept for reuse. Only between steps: recorded work may still name an idle buffer. */
  trim(): void {
    for (const bucket of this.#idle.values()) for (const buffer of bucket) buffer.destroy();
    this.#idle.clear();
    this.#idleBytes = 0;
  }

  destroy(): void {
    this.trim();
    for (const buffer of this.#live.keys()) buffer.destroy();
    this.#live.clear();
    this.#bytes = zeros();
  }

  report(): PoolReport {
    return {
      live: { ...this.#bytes },
      peak: { ...this.#peak },
      peakTotal: this.#peakTotal,
      idle: this.#idleBytes,
      total: this.#liveTotal() + this.#idleBytes,
      liveBuffers: this.#live.size,
    };
  }

  resetPeak(): void {
    this.#peak = { ...this.#bytes };
    this.#peakTotal = this.#liveTotal();
  }

  /** Waits for the GPU's answer to every allocation so far. @throws OutOfMemoryError when one was refused. */
  async check(): Promise<void> {
    if (this.#pendingChecks.length > 0) await Promise.all(this.#pendingChecks.splice(0));
    if (this.#failure) throw this.#failure;
  }

  #liveTotal(): number {
    return PURPOSES.reduce((sum, purpose) => sum + this.#bytes[purpose], 0);
  }

  /** A new buffer of `capacity` bytes. */
  protected create(capacity: number, purpose: Purpose): GPUBuffer {
    // Error scopes answer later; check() collects the answers before work with these buffers is submitted.
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({
      label: purpose,
      size: capacity,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    const asked = this.device.popErrorScope().then((error) => {
      if (!error) return;
      this.#failure ??= new OutOfMemoryError(
        `The GPU has no room for another ${capacity} bytes (${purpose}).`,
        'Use a smaller batch, shorter chunks or a smaller model, and close other pages that use the GPU.',
        capacity,
      );
    });
    this.#pendingChecks.push(asked);
    return buffer;
  }
}
