import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openDevice, type GpuDevice } from '../../src/gpu/device.ts';
import { GpuLimitError, OutOfMemoryError } from '../../src/gpu/errors.ts';
import { BufferPool, capacityFor, PURPOSES } from '../../src/gpu/pool.ts';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { randomInt, seededRandom } from '../harness/numerics.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await openDevice(nodeGpu());
});
afterAll(() => gpu.destroy());

test('capacities are few, hold the wish and waste at most an eighth of it', () => {
  expect([0, 1, 256, 257, 4096].map(capacityFor)).toEqual([256, 256, 256, 512, 4096]);
  expect([4097, 4608, 4609, 8192, 8193].map(capacityFor)).toEqual([4608, 4608, 5120, 8192, 9216]);
  const random = seededRandom(4);
  for (let round = 0; round < 2000; round++) {
    const bytes = Math.floor(4096 * 2 ** (14 * random())) + 1;
    const capacity = capacityFor(bytes);
    expect(capacity).toBeGreaterThanOrEqual(bytes);
    expect(capacity).toBeLessThanOrEqual(bytes * 1.125 + 1);
    expect(capacity % 256).toBe(0);
    expect(capacityFor(capacity)).toBe(capacity);
  }
  const classes = new Set(Array.from({ length: 8192 - 4096 }, (_, i) => capacityFor(4097 + i)));
  expect(classes.size).toBe(8);
});

test('every byte is booked under its purpose, and peaks are kept until they are reset', () => {
  const pool = new BufferPool(gpu.device);
  const zero = Object.fromEntries(PURPOSES.map((purpose) => [purpose, 0]));
  expect(pool.report()).toEqual({ live: zero, peak: zero, peakTotal: 0, idle: 0, total: 0, liveBuffers: 0 });
  const weights = pool.acquire(1000, 'weights');
  const scratch = pool.acquire(5000, 'scratch');
  expect(weights).toMatchObject({ offset: 0, size: 1000, capacity: 1024, purpose: 'weights' });
  expect(weights.buffer.size).toBe(1024);
  expect(scratch.buffer.size).toBe(5120);
  pool.release(scratch);
  const live = { ...zero, weights: 1024 };
  expect(pool.report()).toEqual({
    live,
    peak: { ...live, scratch: 5120 },
    peakTotal: 6144,
    idle: 5120,
    total: 6144,
    liveBuffers: 1,
  });
  pool.resetPeak();
  expect(pool.report()).toMatchObject({ peak: live, peakTotal: 1024 });
  pool.destroy();
  expect(pool.report()).toMatchObject({ live: zero, idle: 0, total: 0, liveBuffers: 0 });
});

test('a released buffer serves the next wish of its class or down to half of it, under the new purpose', () => {
  const pool = new BufferPool(gpu.device);
  const first = pool.acquire(5000, 'activations');
  pool.release(first);
  const smaller = pool.acquire(2560, 'scratch');
  expect(smaller.buffer).toBe(first.buffer);
  expect(smaller).toMatchObject({ size: 2560, capacity: 5120 });
  pool.release(smaller);
  const larger = pool.acquire(5121, 'scratch');
  const tooSmall = pool.acquire(2304, 'scratch');
  expect(new Set([larger, tooSmall, first].map(({ buffer }) => buffer)).size).toBe(3);
  pool.release(larger);
  pool.release(tooSmall);
  // The smallest that will do is taken.
  const second = pool.acquire(4700, 'gradients');
  expect(second.buffer).toBe(first.buffer);
  expect(second.size).toBe(4700);
  expect(pool.report()).toMatchObject({ live: { activations: 0, gradients: 5120, scratch: 0 }, liveBuffers: 1 });
  // Two at once are never the same.
  expect(pool.acquire(4700, 'gradients').buffer).not.toBe(first.buffer);
  pool.destroy();
});

test('whoever asks for the same again gets the same buffers, in whatever order they came back', () => {
  const random = seededRandom(7);
  const pool = new BufferPool(gpu.device);
  const sizes = Array.from({ length: 40 }, () => 5000 + 100 * randomInt(random, 0, 3));
  const first = sizes.map((size) => pool.acquire(size, 'activations'));
  for (let round = 0; round < 5; round++) {
    const held = round === 0 ? [...first] : sizes.map((size) => pool.acquire(size, 'scratch'));
    expect(held.map(({ buffer }) => buffer)).toEqual(first.map(({ buffer }) => buffer));
    while (held.length > 0) pool.release(held.splice(randomInt(random, 0, held.length - 1), 1)[0]!);
  }
  pool.destroy();
});

test('accounts stay exact through many wishes', () => {
  const random = seededRandom(5);
  const pool = new BufferPool(gpu.device);
  const held: ReturnType<BufferPool['acquire']>[] = [];
  let peak = 0;
  for (let round = 0; round < 400; round++) {
    if (held.length > 0 && random() < 0.48) pool.release(held.splice(randomInt(random, 0, held.length - 1), 1)[0]!);
    else held.push(pool.acquire(randomInt(random, 1, 9000), PURPOSES[randomInt(random, 0, 4)]!));
    const report = pool.report();
    const sum = held.reduce((bytes, { buffer }) => bytes + buffer.size, 0);
    peak = Math.max(peak, sum);
    expect(report.total - report.idle).toBe(sum);
    expect(report.peakTotal).toBe(peak);
    expect(report.liveBuffers).toBe(held.length);
    expect(new Set(held.map(({ buffer }) => buffer)).size).toBe(held.length);
  }
  for (const purpose of PURPOSES)
    expect(pool.report().live[purpose]).toBe(
      held.reduce((bytes, allocation) => bytes + (allocation.purpose === purpose ? allocation.capacity : 0), 0),
    );
  pool.destroy();
});

test('trim gives idle memory back and leaves what is in use', async () => {
  const pool = new BufferPool(gpu.device);
  const kept = pool.acquire(256, 'weights');
  const idle = pool.acquire(256, 'scratch');
  pool.release(idle);
  pool.trim();
  expect(pool.report()).toMatchObject({ idle: 0, total: 256, liveBuffers: 1 });
  // A destroyed buffer is refused by the queue, one that lives is not.
  const errorOf = async (buffer: GPUBuffer) => {
    gpu.device.pushErrorScope('validation');
    gpu.device.queue.writeBuffer(buffer, 0, new Uint8Array(4));
    return gpu.device.popErrorScope();
  };
  expect(await errorOf(kept.buffer)).toBeNull();
  expect((await errorOf(idle.buffer))?.message).toMatch(/destroyed/);
  expect(pool.acquire(256, 'scratch').buffer).not.toBe(idle.buffer);
  pool.destroy();
});

test('weights and optimiser states take no more than they need', () => {
  const pool = new BufferPool(gpu.device);
  pool.release(pool.acquire(9216, 'scratch'));
  expect(pool.acquire(8193, 'weights')).toMatchObject({ capacity: 8448 });
  expect(pool.acquire(8193, 'optimiser')).toMatchObject({ capacity: 8448 });
  expect(pool.acquire(8193, 'gradients')).toMatchObject({ capacity: 9216 });
  expect(pool.report()).toMatchObject({ idle: 0, total: 2 * 8448 + 9216 });
  pool.destroy();
});

test('trimUnused gives back what nobody has asked for since its last call', () => {
  const pool = new BufferPool(gpu.device);
  const [a, b] = [pool.acquire(4096, 'scratch'), pool.acquire(256, 'scratch')];
  pool.release(a);
  pool.release(b);
  pool.trimUnused();
  expect(pool.report()).toMatchObject({ idle: 4352 });
  const again = pool.acquire(4096, 'scratch');
  expect(again.buffer).toBe(a.buffer);
  pool.release(again);
  pool.trimUnused();
  expect(pool.report()).toMatchObject({ idle: 4096, total: 4096 });
  pool.trimUnused();
  expect(pool.report()).toMatchObject({ idle: 0, total: 0 });
  expect(pool.acquire(4096, 'scratch').buffer).not.toBe(a.buffer);
  pool.destroy();
});

test('releasing twice is an error', () => {
  const pool = new BufferPool(gpu.device);
  const allocation = pool.acquire(16, 'scratch');
  pool.release(allocation);
  expect(() => pool.release(allocation)).toThrow('released twice');
  expect(pool.report()).toMatchObject({ idle: 256, liveBuffers: 0, live: { scratch: 0 } });
  pool.destroy();
});

test('a buffer beyond the limit of one binding is refused before the GPU is asked', () => {
  const pool = new BufferPool(gpu.device);
  const limit = Math.min(gpu.limits.maxBufferSize, gpu.limits.maxStorageBufferBindingSize);
  const attempt = () => pool.acquire(limit + 1, 'activations');
  expect(attempt).toThrow(GpuLimitError);
  expect(attempt).toThrow(`A buffer of ${limit + 1} bytes (activations) exceeds this GPU's limit of ${limit} bytes.`);
  expect(pool.report()).toMatchObject({ total: 0, peakTotal: 0 });
});

test('a capacity is never rounded up beyond the limit', () => {
  const sizes: number[] = [];
  const device = {
    limits: { maxBufferSize: 9000, maxStorageBufferBindingSize: 9100 },
    pushErrorScope: () => undefined,
    popErrorScope: () => Promise.resolve(null),
    createBuffer: ({ size }: { size: number }) => {
      sizes.push(size);
      return { size };
    },
  };
  const pool = new BufferPool(device as unknown as GPUDevice);
  expect(pool.acquire(8999, 'weights').capacity).toBe(9000);
  expect(sizes).toEqual([9000]);
  expect(() => pool.acquire(9001, 'weights')).toThrow(GpuLimitError);
});

test('an allocation that the GPU refuses is found by check(), with what was asked for', async () => {
  const pool = new BufferPool(gpu.device);
  pool.acquire(100, 'weights');
  await expect(pool.check()).resolves.toBeUndefined();
  const answer = gpu.device.popErrorScope.bind(gpu.device);
  const refusing = vi.spyOn(gpu.device, 'popErrorScope').mockImplementation(async () => {
    await answer();
    return { message: 'no room' };
  });
  pool.acquire(5000, 'gradients');
  refusing.mockRestore();
  const error = await pool.check().catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(OutOfMemoryError);
  expect(error).toMatchObject({ kind: 'outOfMemory', bytes: 5120 });
  expect((error as OutOfMemoryError).message).toContain('5120 bytes (gradients)');
  pool.destroy();
});

test('what is used without being handed out counts as used, at its time and in the books', () => {
  const pool = new BufferPool(gpu.device);
  const [kept, lost] = [pool.acquire(5000, 'scratch'), pool.acquire(9000, 'activations')];
  const { use } = pool;
  expect(use.total).toBe(0);
  pool.release(kept);
  pool.release(lost);
  expect(pool.use).toMatchObject({ total: kept.capacity + lost.capacity, byPurpose: { scratch: kept.capacity } });
  const needed = pool.use;
  const weights = pool.acquire(512, 'weights');
  expect([kept, lost, weights].map(({ buffer }) => pool.holderOf(buffer))).toEqual(['nobody', 'nobody', weights]);
  pool.trimUnused();
  pool.resetPeak();
  pool.borrow([kept.buffer], needed);
  expect(pool.report()).toMatchObject({
    peakTotal: 512 + kept.capacity + lost.capacity,
    peak: { scratch: kept.capacity, activations: lost.capacity, weights: 512 },
  });
  pool.trimUnused();
  expect([kept, lost].map(({ buffer }) => pool.holderOf(buffer))).toEqual(['nobody', undefined]);
  pool.trimUnused();
  expect(pool.holderOf(kept.buffer)).toBeUndefined();
  pool.destroy();
});
