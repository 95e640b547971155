import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openDevice, type GpuDevice } from '../../src/gpu/device.ts';
import { ShaderCompileError } from '../../src/gpu/errors.ts';
import { listing, PipelineCache } from '../../src/gpu/pipelines.ts';
import { parseShader, type ShaderSource } from '../../src/gpu/shaderSource.ts';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';

let gpu: GpuDevice;
beforeAll(async () => {
  gpu = await openDevice(nodeGpu());
});
afterAll(() => gpu.destroy());

const kernel = (body: string, name = 'kernel'): ShaderSource =>
  parseShader(
    name,
    `struct Params { groupOffset: vec3u, count: u32 }
override SIZE: u32 = 4u;
override FAST: bool = false;
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;
var<workgroup> tile: array<f32, SIZE>;
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) id: vec3u) {
  ${body}
  out[id.x + params.groupOffset.x] = f32(FAST) + tile[0];
}`,
  );

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
}

test('a kernel that does not compile is reported with its name, the line and its neighbours', async () => {
  const cache = new PipelineCache(gpu.device);
  const error = await failure(cache.get(kernel('let x: u32 = 1.5;', 'broken'), {}));
  expect(error).toBeInstanceOf(ShaderCompileError);
  const { kernel: name, line, listing: lines, message } = error as ShaderCompileError;
  expect([name, line]).toEqual(['broken', 9]);
  expect(lines).toContain('>    9   let x: u32 = 1.5;');
  expect(lines).toContain('    8 fn main');
  expect(message).toContain('Kernel broken, line 9:');
  expect(message).toContain(lines);
  expect(cache.peek(PipelineCache.key(kernel('let x: u32 = 1.5;', 'broken'), {}))).toBeUndefined();
});

test('constants with which a kernel cannot be made are reported with their values', async () => {
  const cache = new PipelineCache(gpu.device);
  const error = await failure(cache.get(kernel(''), { SIZE: 1e6 }));
  expect(error).toBeInstanceOf(ShaderCompileError);
  expect(error).toMatchObject({ kernel: 'kernel', listing: '{"SIZE":1000000}' });
});

test('an unknown constant is an error', async () => {
  const cache = new PipelineCache(gpu.device);
  const error = await failure(cache.get(kernel(''), { SIZE: 8, SPEED: 1 }));
  expect((error as Error).message).toBe('kernel has no constant SPEED.');
});

test('a kernel is compiled once for each set of constants', async () => {
  const cache = new PipelineCache(gpu.device);
  const source = kernel('');
  const pipelines = vi.spyOn(gpu.device, 'createComputePipelineAsync');
  const modules = vi.spyOn(gpu.device, 'createShaderModule');
  const key = PipelineCache.key(source, { SIZE: 8, FAST: true });
  expect(cache.peek(key)).toBeUndefined();
  const [a, b] = await Promise.all([
    cache.get(source, { SIZE: 8, FAST: true }),
    cache.get(source, { FAST: 1, SIZE: 8 }),
  ]);
  expect(b).toBe(a);
  expect(cache.peek(key)).toBe(a);
  const other = await cache.get(source, { SIZE: 9, FAST: true });
  expect(other).not.toBe(a);
  expect(other.layout).toBe(a.layout);
  // The same name with another text is another kernel.
  expect(await cache.get(kernel('_ = 1;'), { SIZE: 8, FAST: true })).not.toBe(a);
  expect(pipelines).toHaveBeenCalledTimes(3);
  expect(modules).toHaveBeenCalledTimes(2);
  expect(cache.size).toBe(3);
  pipelines.mockRestore();
  modules.mockRestore();
});

test('a listing marks the line and stays within the text', () => {
  expect(listing('a\nb\nc', 2)).toBe('     1 a\n>    2 b\n     3 c');
  const lines = listing(Array.from({ length: 20 }, (_, i) => `line ${i + 1}`).join('\n'), 10).split('\n');
  expect(lines).toHaveLength(7);
  expect(lines[3]).toBe('>   10 line 10');
});
