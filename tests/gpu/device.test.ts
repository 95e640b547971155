import { expect, test } from 'vitest';
import { openDevice } from '../../src/gpu/device.ts';
import { DeviceLostError, GpuUnavailableError } from '../../src/gpu/errors.ts';
import { nodeGpu } from '../../src/cli/nodeGpu.ts';
import { openTestContext } from '../harness/context.ts';

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
  ['no adapter', fakeGpu(null), 'it found no graphics adapter'],
  [
    'an adapter that gives no device',
    fakeGpu({ limits: {}, features: new Set(), requestDevice: () => Promise.reject(new Error('busy')) }),
    'gave no device: Error: busy',
  ],
])('%s is an error that says what to do', async (_what, gpu, message) => {
  const error = await failure(openDevice(gpu));
  expect(error).toBeInstanceOf(GpuUnavailableError);
  expect(error).toMatchObject({ kind: 'unavailable', name: 'GpuUnavailableError' });
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
  expect(whole.adapter.vendor).toBe(adapter?.info.vendor);
  whole.destroy();
  small.destroy();
});

test.each([
  ['google', 'swiftshader', 'SwiftShader Device', true],
  ['mesa', '', 'llvmpipe (LLVM 20)', true],
  ['microsoft', '', 'Microsoft Basic Render Driver', true],
  ['nvidia', 'ampere', 'NVIDIA GeForce', false],
])('%s %s: a software adapter is recognised', async (vendor, architecture, description, software) => {
  const adapter = {
    limits: {},
    features: new Set(),
    info: { vendor, architecture, description },
    requestDevice: () => Promise.resolve({ limits: {}, lost: new Promise(() => undefined) }),
  };
  expect((await openDevice(fakeGpu(adapter))).adapter).toEqual({ vendor, architecture, description, software });
});

test('a lost device rejects the flush under way and every later one, reads included', async () => {
  const context = await openTestContext();
  const tensor = context.fromArray(new Float32Array(8), [8]);
  const read = context.read(tensor);
  const underWay = context.recorder.flush();
  context.gpu.device.destroy();
  const lost = await context.gpu.lost;
  expect(lost).toBeInstanceOf(DeviceLostError);
  expect(lost.message).toContain('The GPU was lost');
  for (const work of [underWay, read]) expect(await failure(work)).toBeInstanceOf(DeviceLostError);
  // Recording on is harmless; nothing of it may seem to succeed.
  const later = context.read(tensor);
  context.fromArray(new Float32Array(8), [8]);
  for (const work of [context.recorder.flush(), later, context.recorder.flush()])
    expect(await failure(work)).toBe(lost);
  context.destroy();
});

test('a device lost while nothing is read back rejects the flush too', async () => {
  const context = await openTestContext();
  context.fromArray(new Float32Array(8), [8]);
  const underWay = context.recorder.flush();
  context.gpu.device.destroy();
  expect(await failure(underWay)).toBeInstanceOf(DeviceLostError);
  context.destroy();
});

test('a wait that the GPU never answers ends when the device is lost', async () => {
  const context = await openTestContext();
  const { queue } = context.gpu.device;
  let asked = 0;
  queue.onSubmittedWorkDone = () => {
    asked++;
    return new Promise(() => undefined);
  };
  context.fromArray(new Float32Array(8), [8]);
  const underWay = context.recorder.flush();
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  context.gpu.device.destroy();
  expect(await failure(underWay)).toBeInstanceOf(DeviceLostError);
  context.destroy();
});

test('our own destroy is no loss, but nothing after it seems to succeed', async () => {
  const context = await openTestContext();
  const tensor = context.fromArray(new Float32Array(8), [8]);
  const [read, underWay] = [context.read(tensor), context.recorder.flush()];
  const dropped = context.read(tensor);
  context.destroy();
  for (const work of [read, underWay, context.recorder.flush()]) {
    const error = await failure(work);
    expect(error).toBeInstanceOf(DeviceLostError);
    expect((error as DeviceLostError).message).toContain('closed');
  }
  expect(String(await failure(dropped))).toContain('abandoned');
  const waited = await Promise.race([
    context.gpu.lost,
    new Promise((resolve) => setTimeout(() => resolve('silent'), 50)),
  ]);
  expect(waited).toBe('silent');
});
