import { expect, test } from 'vitest';
import { openDevice } from '../../src/gpu/device.ts';
import { DeviceLostError, GpuUnavailableError } from '../../src/gpu/errors.ts';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import { add } from '../../src/ops/add.ts';
import { openTestRuntime } from '../harness/runtime.ts';

/** What `work` throws; an answer that does not come within 20 s counts as none. */
async function failure(work: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise((resolve) => (timer = setTimeout(() => resolve('no answer'), 20_000)));
  const answer = await Promise.race([
    work.then(
      () => 'no error',
      (cause: unknown) => cause,
    ),
    silence,
  ]);
  clearTimeout(timer);
  return answer;
}

const fakeGpu = (adapter: unknown) => ({ requestAdapter: () => Promise.resolve(adapter) }) as unknown as GPU;

test.each([
  ['no WebGPU', undefined, 'This browser has no WebGPU.'],
  ['no adapter', fakeGpu(null), 'it found no GPU'],
  [
    'an adapter that gives no device',
    fakeGpu({ limits: {}, features: new Set(), requestDevice: () => Promise.reject(new Error('busy')) }),
    'gave no device: Error: busy',
  ],
])('%s is an error that says what to do', async (_what, gpu, message) => {
  const error = await failure(openDevice(gpu));
  expect(error).toBeInstanceOf(GpuUnavailableError);
  expect(error).toMatchObject({ kind: 'noWebGpu', name: 'GpuUnavailableError' });
  expect((error as GpuUnavailableError).message).toContain(message);
  expect((error as GpuUnavailableError).action).toContain('Chrome');
});

test('a device has the adapter’s limits, or the defaults when asked for', async () => {
  const adapter = await nodeGpu().requestAdapter();
  const [whole, small] = await Promise.all([openDevice(nodeGpu()), openDevice(nodeGpu(), { defaultLimits: true })]);
  expect(whole.limits.maxStorageBufferBindingSize).toBe(adapter?.limits.maxStorageBufferBindingSize);
  expect(small.limits).toMatchObject({
    maxStorageBufferBindingSize: 128 * 2 ** 20,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
  });
  expect(whole.hasTimestamps).toBe(whole.device.features.has('timestamp-query'));
  expect(whole.info.vendor).toBe(adapter?.info.vendor);
  whole.destroy();
  small.destroy();
});

test.each([
  ['google', 'swiftshader', 'SwiftShader Device', true],
  ['mesa', '', 'llvmpipe (LLVM 20)', true],
  ['microsoft', '', 'Microsoft Basic Render Driver', true],
  ['nvidia', 'ampere', 'NVIDIA GeForce', false],
])('%s %s: a software GPU is recognised', async (vendor, architecture, description, software) => {
  const adapter = {
    limits: {},
    features: new Set(),
    info: { vendor, architecture, description },
    requestDevice: () => Promise.resolve({ limits: {}, lost: new Promise(() => undefined) }),
  };
  expect((await openDevice(fakeGpu(adapter))).info).toEqual({ vendor, architecture, description, software });
});

test('a lost device rejects the flush under way and every later one, reads included', async () => {
  const runtime = await openTestRuntime();
  const tensor = runtime.fromArray(new Float32Array(8), [8]);
  const read = runtime.read(tensor);
  const underWay = runtime.recorder.flush();
  runtime.gpu.device.destroy();
  const lost = await runtime.gpu.lost;
  expect(lost).toBeInstanceOf(DeviceLostError);
  expect(lost.message).toContain('The GPU was lost');
  for (const work of [underWay, read]) expect(await failure(work)).toBeInstanceOf(DeviceLostError);
  // Recording on is harmless; nothing of it may seem to succeed.
  const later = runtime.read(tensor);
  runtime.fromArray(new Float32Array(8), [8]);
  for (const work of [runtime.recorder.flush(), later, runtime.recorder.flush()])
    expect(await failure(work)).toBe(lost);
  runtime.destroy();
});

test('a device lost while nothing is read back rejects the flush too', async () => {
  const runtime = await openTestRuntime();
  runtime.fromArray(new Float32Array(8), [8]);
  const underWay = runtime.recorder.flush();
  runtime.gpu.device.destroy();
  expect(await failure(underWay)).toBeInstanceOf(DeviceLostError);
  runtime.destroy();
});

test('a wait that the GPU never answers ends when the device is lost', async () => {
  const runtime = await openTestRuntime();
  const { queue } = runtime.gpu.device;
  let asked = 0;
  queue.onSubmittedWorkDone = () => {
    asked++;
    return new Promise(() => undefined);
  };
  runtime.fromArray(new Float32Array(8), [8]);
  const underWay = runtime.recorder.flush();
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  runtime.gpu.device.destroy();
  expect(await failure(underWay)).toBeInstanceOf(DeviceLostError);
  runtime.destroy();
});

test.each(['onSubmittedWorkDone', 'popErrorScope', 'createComputePipelineAsync'] as const)(
  'what is rejected just before the loss is told is no bug of ours: %s',
  async (asked) => {
    const runtime = await openTestRuntime();
    const { device } = runtime.gpu;
    const holder = asked === 'onSubmittedWorkDone' ? device.queue : device;
    Object.assign(holder, {
      [asked]: () => Promise.reject(new DOMException('A valid external Instance reference no longer exists.')),
    });
    const tensor = runtime.fromArray(Float32Array.from({ length: 8 }, Math.random), [8]);
    const read = failure(runtime.read(add(runtime, tensor, tensor)));
    const underWay = failure(runtime.recorder.flush());
    setTimeout(() => device.destroy(), 20);
    const lost = await runtime.gpu.lost;
    expect(await Promise.all([underWay, read])).toEqual([lost, lost]);
    runtime.destroy();
  },
);

test('our own destroy is no loss, but nothing after it seems to succeed', async () => {
  const runtime = await openTestRuntime();
  const tensor = runtime.fromArray(new Float32Array(8), [8]);
  const [read, underWay] = [runtime.read(tensor), runtime.recorder.flush()];
  const dropped = runtime.read(tensor);
  runtime.destroy();
  for (const work of [read, underWay, runtime.recorder.flush()]) {
    const error = await failure(work);
    expect(error).toBeInstanceOf(DeviceLostError);
    expect((error as DeviceLostError).message).toContain('closed');
  }
  expect(String(await failure(dropped))).toContain('abandoned');
  const waited = await Promise.race([
    runtime.gpu.lost,
    new Promise((resolve) => setTimeout(() => resolve('silent'), 50)),
  ]);
  expect(waited).toBe('silent');
});
