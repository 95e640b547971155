import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { memorySource, type ByteSource, type FileLookup } from '../../../src/files/formats/byteSource.ts';
import { loadDecoder, type LoadOptions } from '../../../src/files/models/decoderFiles.ts';
import type { QuantisationReport } from '../../../src/files/models/quantise.ts';
import {
  FLUSH_BYTES,
  LOAD_MEMORY_BYTES,
  LoadStoppedError,
  PIECE_BYTES,
} from '../../../src/files/models/weightStream.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import type { DecoderWeights } from '../../../src/models/weights.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { fromBf16, toBf16 } from '../../../src/ops/core/halfPrecision.ts';
import { tensorBytes, type Tensor } from '../../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { LLAMA_JSON, randomCheckpoint, type NamedTensor } from '../../harness/tinyDecoder.ts';
import { storedFile, type StoredType } from '../helpers.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime({ defaultLimits: true });
});
afterAll(() => runtime.destroy());

/** Nothing is even: parts of merged tensors and shards of tables begin in the middle of a word of bf16. */
const odd = parseDecoderConfig({
  ...LLAMA_JSON,
  vocab_size: 40_003,
  hidden_size: 131,
  head_dim: 6,
  intermediate_size: 401,
});
const tensors = randomCheckpoint(odd, 61);
const data = (name: string) => tensors.find((tensor) => tensor.name === name)!.data;

/** A file that counts bytes of tensors: those handed out since the last flush, their most, and those of the largest read. */
function countingFile(bytes: Uint8Array): {
  files: FileLookup;
  seen: { unflushed: number; most: number; largest: number };
} {
  const seen = { unflushed: 0, most: 0, largest: 0 };
  const memory = memorySource('model.safetensors', bytes);
  const header = 8 + new DataView(bytes.buffer).getUint32(0, true);
  const source: ByteSource = {
    ...memory,
    read(begin, end) {
      if (begin < header) return memory.read(begin, end);
      seen.largest = Math.max(seen.largest, end - begin);
      seen.unflushed += end - begin;
      seen.most = Math.max(seen.most, seen.unflushed);
      return memory.read(begin, end);
    },
  };
  return { files: (name) => Promise.resolve(name === source.name ? source : undefined), seen };
}

const files: Partial<Record<StoredType, Uint8Array>> = {};
async function load(dtype: StoredType, options: Partial<LoadOptions> = {}) {
  const { files: lookup, seen } = countingFile((files[dtype] ??= storedFile(tensors, () => dtype)));
  const flush = runtime.recorder.flush.bind(runtime.recorder);
  const flushed = vi.spyOn(runtime.recorder, 'flush').mockImplementation(() =>
    flush().then((report) => {
      seen.unflushed = 0;
      return report;
    }),
  );
  const progress: number[] = [];
  const weights = await loadDecoder(
    runtime,
    lookup,
    odd,
    { head: true, trainable: false, ...options },
    (done, total) => {
      expect(done).toBeLessThanOrEqual(total);
      progress.push(done / total);
    },
  );
  flushed.mockRestore();
  return { weights, seen, progress };
}

async function bytesOf(tensor: Tensor): Promise<Uint8Array> {
  const { numbers } = tensorBytes(tensor.shape, tensor.dtype);
  const read = runtime.recorder.read({ ...tensor.slice, size: numbers });
  await runtime.recorder.flush();
  return new Uint8Array(await read);
}

/** Pieces of tensors one behind the other, as bytes. */
async function joined(weights: DecoderWeights, keys: readonly string[], elementBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (const key of keys) {
    const tensor = weights.tensor(key);
    parts.push((await bytesOf(tensor)).subarray(0, tensor.size * elementBytes));
  }
  return new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const patterns = (...values: Float32Array[]) => new Uint8Array(toBf16(values.flatMap((part) => [...part])).buffer);

test('the bound on memory is what it says', () => {
  expect(LOAD_MEMORY_BYTES).toBeLessThanOrEqual(64e6);
  expect(PIECE_BYTES).toBeLessThanOrEqual(8 * 2 ** 20);
  const total = tensors.reduce((sum, tensor) => sum + 2 * tensor.data.length, 0);
  expect(total, 'the checkpoint of these tests is larger than what is held').toBeGreaterThan(FLUSH_BYTES + PIECE_BYTES);
});

test.each([undefined, 13_333])('bf16 arrives untouched, in pieces, with shards of %s rows', async (shardRows) => {
  const { weights, seen, progress } = await load('BF16', shardRows ? { shardRows } : {});
  expect(seen.largest).toBeLessThanOrEqual(PIECE_BYTES);
  if (!shardRows) expect(seen.largest).toBe(PIECE_BYTES);
  expect(seen.most).toBeLessThanOrEqual(FLUSH_BYTES);
  expect(progress.at(-1)).toBe(1);
  expect(progress.length).toBeGreaterThan(5);
  const shards = (key: string) => weights.embedding.map((_, shard) => `${key}.${shard}`);
  expect(weights.embedding).toHaveLength(shardRows ? 4 : 1);
  expect(weights.tensor('embedding.0').dtype).toBe('bf16');
  expect(same(await joined(weights, shards('embedding'), 2), patterns(data('model.embed_tokens.weight')))).toBe(true);
  expect(same(await joined(weights, shards('head'), 2), patterns(data('lm_head.weight')))).toBe(true);
  for (const layer of [0, 1]) {
    const mlp = (name: string) => data(`model.layers.${layer}.mlp.${name}_proj.weight`);
    expect(mlp('gate').length % 2).toBe(1);
    expect(same(await joined(weights, [`${layer}.gateUp.weight`], 2), patterns(mlp('gate'), mlp('up')))).toBe(true);
    expect(same(await joined(weights, [`${layer}.down.weight`], 2), patterns(mlp('down')))).toBe(true);
  }
  weights.destroy();
  expect(runtime.pool.report().liveBuffers).toBe(0);
});

test('trainable weights are widened piece by piece', async () => {
  const { weights, seen } = await load('BF16', { trainable: true });
  expect(seen.largest).toBeLessThanOrEqual(PIECE_BYTES);
  expect(seen.most).toBeLessThanOrEqual(FLUSH_BYTES / 2);
  const wide = (values: Float32Array) => new Uint8Array(fromBf16(toBf16(values)).buffer);
  expect(same(await joined(weights, ['embedding.0'], 4), wide(data('model.embed_tokens.weight')))).toBe(true);
  const gate = data('model.layers.1.mlp.gate_proj.weight');
  expect(same((await joined(weights, ['1.gateUp.weight'], 4)).subarray(0, 4 * gate.length), wide(gate))).toBe(true);
  weights.destroy();
});

/** number · scale of an i8 tensor. */
async function dequantised(tensor: Tensor): Promise<Float32Array> {
  const numbers = new Int8Array((await bytesOf(tensor)).buffer);
  const scales = fromBf16(new Uint16Array((await bytesOf(tensor.scales!)).buffer));
  const groups = Math.ceil(tensor.columns / 32);
  return Float32Array.from({ length: tensor.size }, (_, i) => {
    const [row, column] = [Math.floor(i / tensor.columns), i % tensor.columns];
    return numbers[i]! * scales[row * groups + Math.floor(column / 32)]!;
  });
}

test('int8: within half a step of what is stored, the error told, norms as they are', async () => {
  const reports: QuantisationReport[] = [];
  const { weights, seen } = await load('BF16', {
    precision: 'int8',
    shardRows: 13_333,
    onQuantised: (report) => reports.push(report),
  });
  expect(seen.largest).toBeLessThanOrEqual(PIECE_BYTES);
  expect(seen.most).toBeLessThanOrEqual(FLUSH_BYTES);
  expect(reports).toHaveLength(1);
  const { tensors: errors, worst } = reports[0]!;
  const relative = async (keys: string[], names: string[]) => {
    const stored = names.flatMap((name) => [...fromBf16(toBf16(data(name)))]);
    let [error, norm, at] = [0, 0, 0];
    for (const key of keys) {
      expect(weights.tensor(key).dtype).toBe('i8');
      for (const value of await dequantised(weights.tensor(key))) {
        error += (value - stored[at]!) ** 2;
        norm += stored[at++]! ** 2;
      }
    }
    expect(at).toBe(stored.length);
    return Math.sqrt(error / norm);
  };
  const told = (name: string) => errors.find((entry) => entry.name === name)!.relativeRms;
  for (const [keys, name] of [
    [['embedding.0', 'embedding.1', 'embedding.2', 'embedding.3'], 'model.embed_tokens.weight'],
    [['1.down.weight'], 'model.layers.1.mlp.down_proj.weight'],
    [['0.o.weight'], 'model.layers.0.self_attn.o_proj.weight'],
  ] as const) {
    const measured = await relative([...keys], [name]);
    expect(told(name) / measured).toBeCloseTo(1, 6);
    // Uniform numbers: a step of 1/127 of the largest, an error of step/√12, a norm of largest/√3.
    expect(measured).toBeGreaterThan(0.8 / 254);
    expect(measured).toBeLessThan(1.05 / 254);
  }
  await relative(
    ['0.gateUp.weight'],
    ['gate', 'up'].map((part) => `model.layers.0.mlp.${part}_proj.weight`),
  );
  expect(worst.relativeRms).toBe(Math.max(...errors.map(({ relativeRms }) => relativeRms)));
  // Embedding and head, and seven projections of two layers.
  expect(errors).toHaveLength(16);
  expect(weights.finalNorm?.dtype).toBe('f32');
  weights.destroy();
  expect(runtime.pool.report().liveBuffers).toBe(0);
});

test('loading stops at once, even where a read never ends, and gives everything back', async () => {
  const small = parseDecoderConfig(LLAMA_JSON);
  const bytes = storedFile(randomCheckpoint(small, 62), () => 'BF16');
  for (const when of ['before', 'between', 'hanging'] as const) {
    const controller = new AbortController();
    const memory = memorySource('model.safetensors', bytes);
    let reads = 0;
    const source: ByteSource = {
      ...memory,
      read(begin, end) {
        // The first two reads are of the header.
        if (++reads < 7) return memory.read(begin, end);
        if (when === 'hanging') setTimeout(() => controller.abort(), 1);
        else controller.abort();
        return when === 'hanging' ? new Promise(() => undefined) : memory.read(begin, end);
      },
    };
    if (when === 'before') controller.abort();
    const lookup: FileLookup = (name) => Promise.resolve(name === source.name ? source : undefined);
    const error = await loadDecoder(runtime, lookup, small, {
      head: true,
      trainable: when === 'between',
      signal: controller.signal,
    }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(LoadStoppedError);
    expect(runtime.pool.report().liveBuffers).toBe(0);
    expect(reads).toBeLessThanOrEqual(7);
  }
});

test('a file that ends early or a lost connection leaves nothing behind', async () => {
  const small = parseDecoderConfig(LLAMA_JSON);
  const named: NamedTensor[] = randomCheckpoint(small, 63);
  const memory = memorySource(
    'model.safetensors',
    storedFile(named, () => 'BF16'),
  );
  const attempts: [ByteSource['read'], string][] = [
    [(begin, end) => memory.read(begin, begin < 3000 ? end : end - 1), 'the file is cut short'],
    [
      (begin, end) => (begin < 3000 ? memory.read(begin, end) : Promise.reject(new Error('connection lost'))),
      'connection lost',
    ],
  ];
  for (const [read, message] of attempts) {
    const source = { ...memory, read };
    const lookup: FileLookup = (name) => Promise.resolve(name === source.name ? source : undefined);
    await expect(loadDecoder(runtime, lookup, small, { head: true, trainable: false })).rejects.toThrow(message);
    expect(runtime.pool.report().liveBuffers).toBe(0);
  }
});
