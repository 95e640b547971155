import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parseDecoderConfig } from '../../src/models/config.ts';
import { allocateWeights, tableShardRows, weightLayout } from '../../src/models/weights.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { GpuLimitError } from '../../src/gpu/errors.ts';
import { tensorBytes, type DType } from '../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { LLAMA_JSON } from '../harness/tinyDecoder.ts';

const MIB = 2 ** 20;
const DEFAULT = { maxStorageBufferBindingSize: 128 * MIB, maxBufferSize: 256 * MIB };
const LARGE = { maxStorageBufferBindingSize: 2 ** 31 - 4, maxBufferSize: 2 ** 32 };

/** Qwen2.5-0.5B's shape. */
const qwen = parseDecoderConfig({
  model_type: 'qwen2',
  vocab_size: 151_936,
  hidden_size: 896,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  intermediate_size: 4864,
  rope_theta: 1e6,
  tie_word_embeddings: true,
});

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

test('a table is cut into the fewest shards that fit, equal but for whole tiles', () => {
  expect(tableShardRows(DEFAULT, 151_936, 2 * 896)).toBe(50_688);
  expect(tableShardRows(DEFAULT, 151_936, 4 * 896)).toBe(30_400);
  expect(tableShardRows(DEFAULT, 151_936, 896)).toBe(75_968);
  expect(tableShardRows(LARGE, 151_936, 4 * 896)).toBe(151_936);
  expect(tableShardRows({ ...LARGE, maxBufferSize: 256 * MIB }, 151_936, 2 * 896)).toBe(75_968);
  for (const limit of [1, 100, 255, 256, 1000, 65_536, 1e6])
    for (const [rows, rowBytes] of [
      [1, 4],
      [997, 4],
      [997, 52],
      [130, 260],
      [64, 1024],
    ] as const) {
      const limits = { maxStorageBufferBindingSize: limit, maxBufferSize: 10 * limit };
      const shard = tableShardRows(limits, rows, rowBytes);
      expect(shard).toBeGreaterThanOrEqual(1);
      expect(shard).toBeLessThanOrEqual(rows);
      if (shard > 1) expect(256 * Math.ceil((shard * rowBytes) / 256)).toBeLessThanOrEqual(limit);
      // Half as many shards could not hold all rows, but for the rounding to whole tiles.
      const most = Math.floor((256 * Math.floor(limit / 256)) / rowBytes);
      if (most >= 64)
        expect(Math.ceil(rows / shard)).toBeLessThanOrEqual(Math.ceil(rows / (64 * Math.floor(most / 64))));
    }
});

test.each([
  ['bf16', 3, 2],
  ['i8', 2, 1 + 2 / 32],
  ['f32', 5, 4],
] as const)('Qwen2.5-0.5B in %s under default limits: every binding fits', (dtype, shards, bytesEach) => {
  const storage = ({ role }: { role: string }): DType => (role === 'norm' || role === 'bias' ? 'f32' : dtype);
  const specs = weightLayout(DEFAULT, qwen, { head: true, trainable: dtype === 'f32', storage });
  expect(specs.filter(({ role }) => role === 'embedding')).toHaveLength(shards);
  let total = 0;
  for (const { shape, dtype: stored } of specs) {
    const { numbers, scales } = tensorBytes(shape, stored);
    expect(numbers).toBeLessThanOrEqual(128 * MIB);
    total += numbers + scales;
  }
  // 494,032,768 numbers in all, as the model's own page says; norms and biases are f32.
  const vectors = 24 * (2 * 896 + 1152) + 896;
  expect(total).toBe((494_032_768 - vectors) * bytesEach + 4 * vectors);
});

test('an untied head as large as the embedding counts by its own format', () => {
  const untied = { ...qwen, tieWordEmbeddings: false };
  const storage = ({ key }: { key: string }): DType => (key.startsWith('head') ? 'f32' : 'bf16');
  const specs = weightLayout(DEFAULT, untied, { head: true, trainable: false, storage });
  expect(specs.filter(({ key }) => key.startsWith('head'))).toHaveLength(5);
});

test('weights take as many shards as the limits of their context ask for', () => {
  const config = parseDecoderConfig(LLAMA_JSON);
  // 13 rows of 64 bytes under a limit of 512.
  const limits = { ...runtime.gpu.limits, maxStorageBufferBindingSize: 512, maxBufferSize: 1024 };
  const small = vi.spyOn(runtime.gpu, 'limits', 'get').mockReturnValue(limits);
  for (const trainable of [false, true]) {
    const weights = allocateWeights(runtime, config, { head: true, trainable });
    expect(weights.embedding.map(({ weight }) => weight.rows)).toEqual([8, 5]);
    weights.destroy();
  }
  small.mockRestore();
  expect(runtime.pool.report().liveBuffers).toBe(0);
});

test('i8 weights have their scales, which are given back with them, and when one of the two is refused', () => {
  const config = parseDecoderConfig(LLAMA_JSON);
  const storage = ({ role }: { role: string }): DType => (role === 'norm' ? 'f32' : 'i8');
  const weights = allocateWeights(runtime, config, { head: true, trainable: false, storage });
  const gateUp = weights.tensor('0.gateUp.weight');
  expect(gateUp).toMatchObject({ dtype: 'i8', shape: [48, 16], scales: { dtype: 'bf16', shape: [48, 1] } });
  expect(weights.tensor('0.down.weight').scales?.shape).toEqual([16, 1]);
  // A view keeps both alive.
  const view = gateUp.detach();
  weights.destroy();
  expect(runtime.pool.report().liveBuffers).toBe(2);
  expect(view.scales?.references).toBe(1);
  view.release();
  expect(runtime.pool.report().liveBuffers).toBe(0);
  for (const failing of [0, 1, 2, 3]) {
    const acquire = runtime.pool.acquire.bind(runtime.pool);
    let calls = 0;
    const limited = vi.spyOn(runtime.pool, 'acquire').mockImplementation((bytes, purpose) => {
      if (calls++ >= failing) throw new GpuLimitError('too large', 'Use less.');
      return acquire(bytes, purpose);
    });
    expect(() => allocateWeights(runtime, config, { head: true, trainable: false, storage })).toThrow(GpuLimitError);
    limited.mockRestore();
    expect(runtime.pool.report().liveBuffers).toBe(0);
  }
});
