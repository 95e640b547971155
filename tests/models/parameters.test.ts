import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { GpuLimitError } from '../../src/gpu/errors.ts';
import { parseDecoderConfig } from '../../src/models/config.ts';
import { ParameterSet } from '../../src/models/parameters.ts';
import { allocateWeights } from '../../src/models/weights.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import type { Tensor } from '../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { LLAMA_JSON } from '../harness/tinyDecoder.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const SPECS = [
  { key: 'a', shape: [3, 5] },
  { key: 'b', shape: [64] },
  { key: 'c', shape: [65] },
  { key: 'd', shape: [1] },
];

async function numbers(tensor: Tensor): Promise<number[]> {
  const read = runtime.read(tensor);
  await runtime.recorder.flush();
  return [...(await read)];
}

test('tensors lie end to end at multiples of 256 bytes, gradients likewise, and all start at zero', async () => {
  const set = new ParameterSet(runtime, SPECS);
  expect(set.blocks).toHaveLength(1);
  expect(SPECS.map(({ key }) => set.tensor(key).slice.offset)).toEqual([0, 256, 512, 1024]);
  expect(SPECS.map(({ key }) => set.tensor(key).slice.size)).toEqual([60, 256, 260, 4]);
  for (const { key, shape } of SPECS) {
    const tensor = set.tensor(key);
    expect(tensor.shape).toEqual(shape);
    expect(tensor.requiresGrad).toBe(true);
    expect(tensor.gradient?.shape).toEqual(shape);
    expect(tensor.gradient?.slice.offset).toBe(tensor.slice.offset);
    expect(tensor.slice.buffer).toBe(set.blocks[0]?.parameters.slice.buffer);
    expect(tensor.gradient?.slice.buffer).toBe(set.blocks[0]?.gradients.slice.buffer);
  }
  expect(set.blocks[0]?.gradients.slice.buffer).not.toBe(set.blocks[0]?.parameters.slice.buffer);
  expect(set.count).toBe(15 + 64 + 65 + 1);
  const { parameters, gradients } = set.blocks[0]!;
  expect([parameters.size, gradients.size]).toEqual([320, 320]);
  for (const tensor of [parameters, gradients]) expect(await numbers(tensor)).toEqual(new Array(320).fill(0));
  expect(() => set.tensor('e')).toThrow('There is no parameter e.');
  set.destroy();
});

test('each tensor has its own slot: what is written to one shows in no other', async () => {
  const set = new ParameterSet(runtime, SPECS);
  SPECS.forEach(({ key }, i) => {
    const tensor = set.tensor(key);
    runtime.recorder.upload(tensor.slice, new Float32Array(tensor.size).fill(i + 1));
    runtime.recorder.upload(tensor.gradient!.slice, new Float32Array(tensor.size).fill(-i - 1));
  });
  for (const [i, { key }] of SPECS.entries()) {
    const tensor = set.tensor(key);
    expect(await numbers(tensor)).toEqual(new Array(tensor.size).fill(i + 1));
    expect(await numbers(tensor.gradient!)).toEqual(new Array(tensor.size).fill(-i - 1));
  }
  const whole = await numbers(set.blocks[0]!.parameters);
  expect(whole.filter((value) => value === 0)).toHaveLength(320 - set.count);
  set.zeroGradients();
  expect(await numbers(set.blocks[0]!.gradients)).toEqual(new Array(320).fill(0));
  expect(await numbers(set.blocks[0]!.parameters)).toEqual(whole);
  set.setTrainable(false);
  expect(SPECS.some(({ key }) => set.tensor(key).requiresGrad)).toBe(false);
  set.setTrainable(true);
  expect(SPECS.every(({ key }) => set.tensor(key).requiresGrad)).toBe(true);
  set.destroy();
});

test('a set larger than a block goes on in the next; what is larger by itself has one alone', async () => {
  // Room, in floats: a 64, b 64, c 128, d 64.
  const offsets = (limit: number) => {
    const set = new ParameterSet(runtime, SPECS, limit);
    const result = {
      sizes: set.blocks.map(({ parameters }) => parameters.size),
      places: SPECS.map(({ key }) => [
        set.blocks.findIndex(({ parameters }) => parameters.slice.buffer === set.tensor(key).slice.buffer),
        set.tensor(key).slice.offset,
      ]),
    };
    set.destroy();
    return result;
  };
  expect(offsets(320).sizes).toEqual([320]);
  expect(offsets(256)).toEqual({
    sizes: [256, 64],
    places: [
      [0, 0],
      [0, 256],
      [0, 512],
      [1, 0],
    ],
  });
  expect(offsets(192)).toEqual({
    sizes: [128, 192],
    places: [
      [0, 0],
      [0, 256],
      [1, 0],
      [1, 512],
    ],
  });
  expect(offsets(64)).toEqual({
    sizes: [64, 64, 128, 64],
    places: [
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 0],
    ],
  });
  await runtime.recorder.flush();
  expect(runtime.pool.report().liveBuffers).toBe(0);
});

test('gradients are booked as gradients, and everything is given back', () => {
  const set = new ParameterSet(runtime, SPECS);
  expect(runtime.pool.report().live).toMatchObject({ weights: 1280, gradients: 1280, activations: 0 });
  set.destroy();
  expect(runtime.pool.report().liveBuffers).toBe(0);
  expect(new ParameterSet(runtime, []).count).toBe(0);
});

test('an allocation that fails leaves nothing behind', () => {
  const config = parseDecoderConfig(LLAMA_JSON);
  for (const trainable of [true, false])
    for (const failing of [1, 2]) {
      const acquire = runtime.pool.acquire.bind(runtime.pool);
      let calls = 0;
      const limited = vi.spyOn(runtime.pool, 'acquire').mockImplementation((bytes, purpose) => {
        if (++calls > failing) throw new GpuLimitError('too large', 'Use less.');
        return acquire(bytes, purpose);
      });
      const attempt = () =>
        trainable ? new ParameterSet(runtime, SPECS, 64) : allocateWeights(runtime, config, { head: true, trainable });
      expect(attempt).toThrow(GpuLimitError);
      limited.mockRestore();
      expect(calls).toBe(failing + 1);
      expect(runtime.pool.report().liveBuffers).toBe(0);
    }
});

test('weights are found by key, trainable or frozen, and no others', () => {
  const config = parseDecoderConfig(LLAMA_JSON);
  for (const trainable of [true, false]) {
    const weights = allocateWeights(runtime, config, { head: true, trainable, shardRows: 6 });
    expect(weights.embedding.map(({ weight }) => weight.shape)).toEqual([
      [6, 16],
      [6, 16],
      [1, 16],
    ]);
    expect(weights.head).toHaveLength(3);
    expect(weights.layers[1]?.linears.qkv.weight).toBe(weights.tensor('1.qkv.weight'));
    expect(weights.finalNorm?.requiresGrad).toBe(trainable);
    expect(() => weights.tensor('2.qkv.weight')).toThrow(/2\.qkv\.weight/);
    weights.destroy();
    expect(runtime.pool.report().liveBuffers).toBe(0);
  }
});
