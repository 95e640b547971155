import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openDevice, type GpuDevice } from '../../src/gpu/device.ts';
import { ShaderCompileError } from '../../src/gpu/errors.ts';
import { listing, PipelineCache, type Constants } from '../../src/gpu/pipelines.ts';
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
  const place = new PipelineCache(gpu.device).find(kernel('let x: u32 = 1.5;', 'broken'), {});
  const error = await failure(place.get());
  expect(error).toBeInstanceOf(ShaderCompileError);
  const { kernel: name, line, listing: lines, message } = error as ShaderCompileError;
  expect([name, line]).toEqual(['broken', 9]);
  expect(lines).toContain('>    9   let x: u32 = 1.5;');
  expect(lines).toContain('    8 fn main');
  expect(message).toContain('Kernel broken, line 9:');
  expect(message).toContain(lines);
  expect(place.ready).toBeUndefined();
});

test('constants with which a kernel cannot be made are reported with their values', async () => {
  const cache = new PipelineCache(gpu.device);
  const error = await failure(cache.find(kernel(''), { SIZE: 1e6 }).get());
  expect(error).toBeInstanceOf(ShaderCompileError);
  expect(error).toMatchObject({ kernel: 'kernel', listing: '{"SIZE":1000000}' });
});

test('an unknown constant is an error', () => {
  const cache = new PipelineCache(gpu.device);
  expect(() => cache.find(kernel(''), { SIZE: 8, SPEED: 1 })).toThrow('kernel has no constant SPEED.');
});

test('a kernel is compiled once for each set of constants', async () => {
  const cache = new PipelineCache(gpu.device);
  const source = kernel('');
  const pipelines = vi.spyOn(gpu.device, 'createComputePipelineAsync');
  const modules = vi.spyOn(gpu.device, 'createShaderModule');
  const place = cache.find(source, { SIZE: 8, FAST: true });
  expect(place.ready).toBeUndefined();
  const [a, b] = await Promise.all([place.get(), cache.find(source, { FAST: 1, SIZE: 8 }).get()]);
  expect(b).toBe(a);
  expect(place.ready).toBe(a);
  const other = await cache.find(source, { SIZE: 9, FAST: true }).get();
  expect(other).not.toBe(a);
  expect(other.layout).toBe(a.layout);
  // The same name with another text is another kernel.
  expect(await cache.find(kernel('_ = 1;'), { SIZE: 8, FAST: true }).get()).not.toBe(a);
  // A constant that is left out is not one of the value 0, nor the next one.
  const some: readonly Constants[] = [{}, { SIZE: 1 }, { FAST: 1 }, { FAST: 0 }];
  const places = some.map((constants) => cache.find(source, constants));
  expect(new Set(places).size).toBe(4);
  // 3 · 31 + 4 = 2 · 31 + 35: these have the same hash.
  expect(cache.find(source, { SIZE: 3, FAST: 4 })).not.toBe(cache.find(source, { SIZE: 2, FAST: 35 }));
  expect(cache.find(source, { SIZE: 3, FAST: 4 })).toBe(cache.find(source, { SIZE: 3, FAST: 4 }));
  expect(pipelines).toHaveBeenCalledTimes(3);
  expect(modules).toHaveBeenCalledTimes(2);
  pipelines.mockRestore();
  modules.mockRestore();
});

test('looking a kernel up, as each dispatch does, never touches its text', () => {
  const cache = new PipelineCache(gpu.device);
  const { code, ...rest } = kernel('');
  let reads = 0;
  const source = {
    ...rest,
    get code() {
      reads++;
      return code;
    },
  };
  const first = cache.find(source, { SIZE: 8 });
  expect(cache.find(source, { SIZE: 8 })).toBe(first);
  expect(cache.find(source, { SIZE: 9 })).not.toBe(first);
  expect(reads).toBe(0);
});

test('a listing marks the line and stays within the text', () => {
  expect(listing('a\nb\nc', 2)).toBe('     1 a\n>    2 b\n     3 c');
  const lines = listing(Array.from({ length: 20 }, (_, i) => `line ${i + 1}`).join('\n'), 10).split('\n');
  expect(lines).toHaveLength(7);
  expect(lines[3]).toBe('>   10 line 10');
});
