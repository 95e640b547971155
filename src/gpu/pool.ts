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

/** Bytes in use at once beyond what is in use anyway. */
export interface PoolUse {
  readonly byPurpose: Readonly<Record<Purpose, number>>;
  readonly total: number;
}

const zeros = (): Record<Purpose, number> => ({ weights: 0, gradients: 0, optimiser: 0, activations: 0, scratch: 0 });

/** What is made once for a run finds no buffer to reuse, so it need not be rounded up to one. */
const STAYS: ReadonlySet<Purpose> = new Set(['weights', 'optimiser']);

/**
 * How many times its wish a buffer may hold that is used again. Simulated on ragged batches for a model of 0.5B (rows of 40 to
 * 128 tokens): 1.93 GB held at most, against 2.03 GB with 1.5, 2.15 GB with 1.25 and 2.5 GB with 1.
 */
const SURPLUS = 2;

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

/**
 * Hands out storage buffers, takes them back for reuse, and keeps the books. Of several that would do it hands out the one that was
 * made first, so that a step which asks for the same as the one before gets the same buffers, and bind groups serve again.
 */
export class BufferPool {
  /** By capacity; the one that was made first stands last. */
  #idle = new Map<number, GPUBuffer[]>();
  /** In which order buffers were made. */
  #age = new WeakMap<GPUBuffer, number>();
  #made = 0;
  #changes = 0;
  /** Idle since before the last trimUnused(). */
  #unused = new Set<GPUBuffer>();
  #live = new Map<GPUBuffer, Allocation>();
  #bytes = zeros();
  #liveTotal = 0;
  #peak = zeros();
  #peakTotal = 0;
  #idleBytes = 0;
  #pendingChecks: Promise<void>[] = [];
  #failure: OutOfMemoryError | undefined;

  /** Most that one binding may hold. Asked for once: a browser answers such questions slowly. */
  readonly #limit: number;

  constructor(private readonly device: GPUDevice) {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    this.#limit = Math.min(maxBufferSize, maxStorageBufferBindingSize);
  }

  /** Changes whenever a buffer is handed out or destroyed: while it does not, recorded work finds idle buffers as it left them. */
  get changes(): number {
    return this.#changes;
  }

  /** @throws GpuLimitError when `bytes` exceeds what one binding may hold on this device. */
  acquire(bytes: number, purpose: Purpose): Allocation {
    const limit = this.#limit;
    this.#changes++;
    if (bytes > limit) {
      throw new GpuLimitError(
        `A buffer of ${bytes} bytes (${purpose}) exceeds this GPU's limit of ${limit} bytes.`,
        'Use a smaller batch, shorter chunks or a smaller model.',
      );
    }
    const wanted = Math.min(STAYS.has(purpose) ? wholeSlots(bytes) : capacityFor(bytes), limit);
    const buffer = this.#reuse(wanted, STAYS.has(purpose) ? wanted : SURPLUS * wanted) ?? this.#make(wanted, purpose);
    const capacity = buffer.size;
    const allocation: Allocation = { buffer, offset: 0, size: bytes, purpose, capacity };
    this.#live.set(buffer, allocation);
    this.#bytes[purpose] += capacity;
    this.#peak[purpose] = Math.max(this.#peak[purpose], this.#bytes[purpose]);
    this.#liveTotal += capacity;
    this.#peakTotal = Math.max(this.#peakTotal, this.#liveTotal);
    return allocation;
  }

  /** Who has a buffer of the pool now; undefined: it is destroyed, or another pool's. */
  holderOf(buffer: GPUBuffer): Allocation | 'nobody' | undefined {
    return this.#live.get(buffer) ?? (this.#age.has(buffer) ? 'nobody' : undefined);
  }

  /** As if these had been handed out and taken back, with so much more in use at once than is now: work is sent again that does so. */
  borrow(buffers: Iterable<GPUBuffer>, { byPurpose, total }: PoolUse): void {
    for (const buffer of buffers) this.#unused.delete(buffer);
    for (const purpose of PURPOSES)
      this.#peak[purpose] = Math.max(this.#peak[purpose], this.#bytes[purpose] + byPurpose[purpose]);
    this.#peakTotal = Math.max(this.#peakTotal, this.#liveTotal + total);
  }

  /** How much more was in use at once since resetPeak() than is now. */
  get use(): PoolUse {
    const byPurpose = zeros();
    for (const purpose of PURPOSES) byPurpose[purpose] = this.#peak[purpose] - this.#bytes[purpose];
    return { byPurpose, total: this.#peakTotal - this.#liveTotal };
  }

  /** Takes a buffer back. Work already recorded with it stays valid: commands run in the order they were recorded. */
  release(allocation: Allocation): void {
    if (!this.#live.delete(allocation.buffer)) throw new Error('A buffer was released twice: this is a bug.');
    const { buffer, purpose, capacity } = allocation;
    this.#bytes[purpose] -= capacity;
    this.#liveTotal -= capacity;
    this.#idleBytes += capacity;
    const bucket = this.#idle.get(capacity);
    if (!bucket) this.#idle.set(capacity, [buffer]);
    else bucket.splice(this.#placeIn(bucket, buffer), 0, buffer);
  }

  /** Destroys what is kept for reuse. Only between steps: recorded work may still name an idle buffer. */
  trim(): void {
    this.#changes++;
    for (const bucket of this.#idle.values()) for (const buffer of bucket) this.#destroy(buffer);
    this.#idle.clear();
    this.#unused.clear();
    this.#idleBytes = 0;
  }

  /** Destroys what nobody has used since the last call. Between steps only, as trim(). */
  trimUnused(): void {
    this.#changes++;
    for (const [capacity, bucket] of this.#idle) {
      const kept = bucket.filter((buffer) => !this.#unused.has(buffer));
      this.#idleBytes -= capacity * (bucket.length - kept.length);
      if (kept.length > 0) this.#idle.set(capacity, kept);
      else this.#idle.delete(capacity);
    }
    for (const buffer of this.#unused) this.#destroy(buffer);
    this.#unused = new Set([...this.#idle.values()].flat());
  }

  destroy(): void {
    this.trim();
    for (const buffer of this.#live.keys()) this.#destroy(buffer);
    this.#live.clear();
    this.#bytes = zeros();
    this.#liveTotal = 0;
  }

  report(): PoolReport {
    return {
      live: { ...this.#bytes },
      peak: { ...this.#peak },
      peakTotal: this.#peakTotal,
      idle: this.#idleBytes,
      total: this.#liveTotal + this.#idleBytes,
      liveBuffers: this.#live.size,
    };
  }

  resetPeak(): void {
    this.#peak = { ...this.#bytes };
    this.#peakTotal = this.#liveTotal;
  }

  /** Waits for the GPU's answer to every allocation so far. @throws OutOfMemoryError when one was refused. */
  async check(): Promise<void> {
    if (this.#pendingChecks.length > 0) await Promise.all(this.#pendingChecks.splice(0));
    if (this.#failure) throw this.#failure;
  }

  /** An idle buffer of at least `capacity` and at most `most` bytes, the smallest there is. */
  #reuse(capacity: number, most: number): GPUBuffer | undefined {
    for (let size = capacity; size <= most; size = capacityFor(size + 1)) {
      const buffer = this.#idle.get(size)?.pop();
      if (!buffer) continue;
      this.#idleBytes -= size;
      this.#unused.delete(buffer);
      return buffer;
    }
    return undefined;
  }

  /** Where in a bucket a buffer belongs. */
  #placeIn(bucket: readonly GPUBuffer[], buffer: GPUBuffer): number {
    const age = this.#ageOf(buffer);
    let [from, to] = [0, bucket.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const other = bucket[middle];
      if (other && this.#ageOf(other) > age) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #ageOf(buffer: GPUBuffer): number {
    return this.#age.get(buffer) ?? 0;
  }

  #destroy(buffer: GPUBuffer): void {
    this.#age.delete(buffer);
    buffer.destroy();
  }

  #make(capacity: number, purpose: Purpose): GPUBuffer {
    const buffer = this.create(capacity, purpose);
    this.#age.set(buffer, this.#made++);
    return buffer;
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
    // A device that goes rejects it, perhaps before check() waits for it.
    asked.catch(() => undefined);
    this.#pendingChecks.push(asked);
    return buffer;
  }
}
