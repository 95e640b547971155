import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDecoder } from '../../src/files/models/decoderFiles.ts';
import { writeSafetensors } from '../../src/files/formats/safetensors.ts';
import { parseDecoderConfig, type DecoderConfig } from '../../src/models/config.ts';
import { rotaryFrequencies } from '../../src/models/rotaryFrequencies.ts';
import { Decoder } from '../../src/models/decoder.ts';
import { firstLayers, layersAtDepth } from '../../src/models/depth.ts';
import { LORA_TARGETS, LoraAdapter, type LoraTarget } from '../../src/models/lora.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { folder } from '../files/helpers.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { EPS_F32, expectClose, randomArray, seededRandom } from '../harness/numerics.ts';
import { LLAMA_JSON, QWEN2_JSON, QWEN3_JSON, randomCheckpoint, type NamedTensor } from '../harness/tinyDecoder.ts';
import { referenceDecoder } from '../reference/decoder.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const IDS = [[3, 1, 4, 1, 5, 9, 2, 6], [5], [10, 0, 10], [7, 7, 7, 8, 8]];
// Norms keep hidden states near 1; two layers of sums of up to 24 products, with as much again for every exponential.
const TOLERANCE = { abs: 200 * EPS_F32 };

function referenceModel(config: DecoderConfig, tensors: readonly NamedTensor[]) {
  return { ...config, epsilon: config.rmsNormEpsilon, frequencies: rotaryFrequencies(config), tensors };
}

/** Hidden states and the number of buffers left behind. */
async function hiddenStates(decoder: Decoder, ids: readonly (readonly number[])[]): Promise<Float32Array> {
  const before = runtime.pool.report().liveBuffers;
  let hidden: Promise<Float32Array> | undefined;
  runtime.scope(() => {
    hidden = runtime.read(decoder.forward(runtime, decoder.prepare(runtime, ids)).hidden);
  });
  await runtime.recorder.flush();
  expect(runtime.pool.report().liveBuffers).toBe(before);
  if (!hidden) throw new Error('The forward pass did not run.');
  return hidden;
}

async function open(config: DecoderConfig, tensors: readonly NamedTensor[], shardRows?: number) {
  const files = folder({ 'model.safetensors': writeSafetensors(tensors) });
  return loadDecoder(runtime, files, config, { head: false, trainable: false, ...(shardRows ? { shardRows } : {}) });
}

test.each([
  ['Qwen2 (biases, 2 heads to a KV head)', QWEN2_JSON, 11],
  ['Llama (no biases, 4 heads to a KV head, stretched rope)', LLAMA_JSON, 12],
  ['Qwen3 (heads normalised, wider together than the model)', QWEN3_JSON, 17],
  ['Qwen3 with attention_bias', { ...QWEN3_JSON, attention_bias: true }, 18],
  [
    'Llama with attention_bias, every head its own',
    { ...LLAMA_JSON, attention_bias: true, num_key_value_heads: 4 },
    13,
  ],
])('%s: packed rows give the hidden states of the reference', async (_what, json, seed) => {
  const config = parseDecoderConfig(json);
  const tensors = randomCheckpoint(config, seed);
  const expected = referenceDecoder(referenceModel(config, tensors), IDS);
  for (const shardRows of [undefined, 4]) {
    const weights = await open(config, tensors, shardRows);
    const hidden = await hiddenStates(new Decoder(config, weights), IDS);
    expectClose('hidden', hidden, expected, TOLERANCE);
    weights.destroy();
  }
  // Each row by itself gives the same: rows do not see each other.
  expect(expected.subarray(0, 8 * config.hiddenSize)).toEqual(
    referenceDecoder(referenceModel(config, tensors), IDS.slice(0, 1)),
  );
});

test.each<[string, object, readonly LoraTarget[]]>([
  ['all projections', QWEN2_JSON, LORA_TARGETS],
  ['k, v and up alone', QWEN2_JSON, ['k_proj', 'v_proj', 'up_proj']],
  ['all projections of Qwen3', QWEN3_JSON, LORA_TARGETS],
])('an adapter over %s adds its low-rank updates', async (_what, json, targets) => {
  const config = parseDecoderConfig(json);
  const tensors = randomCheckpoint(config, 14);
  const weights = await open(config, tensors);
  const adapter = new LoraAdapter(runtime, config, { rank: 2, alpha: 3, targets });
  const random = seededRandom(15);
  const lora: NamedTensor[] = [];
  for (const { key, shape, parts } of adapter.specs) {
    const columns = shape.at(-1)!;
    const values = randomArray(random, shape[0]! * columns, 0.5);
    runtime.recorder.upload(adapter.parameters.tensor(key).slice, values);
    for (const { name, rowOffset, rows } of parts)
      lora.push({
        name,
        shape: [rows, columns],
        data: values.slice(rowOffset * columns, (rowOffset + rows) * columns),
      });
  }
  const hidden = await hiddenStates(new Decoder(config, weights, adapter), IDS);
  const model = referenceModel(config, tensors);
  const expected = referenceDecoder({ ...model, lora: { scale: 1.5, rank: 2, tensors: lora } }, IDS);
  expectClose('hidden', hidden, expected, TOLERANCE);
  // Without the adapter the result is another one by far, so the comparison above sees it.
  const plain = referenceDecoder(model, IDS);
  expect(Math.max(...expected.map((value, i) => Math.abs(value - plain[i]!)))).toBeGreaterThan(0.1);
  adapter.destroy();
  weights.destroy();
});

test('rows that no decoder can read are refused', async () => {
  const config = parseDecoderConfig(QWEN2_JSON);
  const weights = await open(config, randomCheckpoint(config, 16));
  const decoder = new Decoder(config, weights);
  for (const ids of [[], [[1], []], [[11]], [[-1]], [[0.5]]])
    expect(() => runtime.scope(() => void decoder.prepare(runtime, ids)), JSON.stringify(ids)).toThrow();
  runtime.recorder.discard();
  weights.destroy();
});

test.each([
  [0, 4, 4],
  [3, 4, 3],
  [4, 4, 4],
  [-1, 4, 3],
  [-3, 4, 1],
  [-4, 4, undefined],
  [5, 4, undefined],
  [-1, 1, undefined],
])('depth %s of %s layers is %s', (depth, layers, expected) => {
  expect(layersAtDepth(depth, layers)).toBe(expected);
});

test.each([QWEN2_JSON, LLAMA_JSON])(
  'the first layers leave the residual stream, over weights of their own or of all',
  async (json) => {
    const config = parseDecoderConfig({ ...json, num_hidden_layers: 3 });
    const tensors = randomCheckpoint(config, 21);
    const whole = await open(config, tensors);
    expect(firstLayers(config, 3)).toBe(config);
    for (const layers of [1, 2]) {
      const first = firstLayers(config, layers);
      const expected = referenceDecoder({ ...referenceModel(config, tensors), layers, finalNorm: false }, IDS);
      const over = await hiddenStates(new Decoder(first, whole), IDS);
      // Without the norm, numbers are as large as what the layers have added up.
      const size = Math.max(...expected.map(Math.abs));
      expectClose('hidden', over, expected, { abs: size * TOLERANCE.abs });
      // A checkpoint that has no more than these layers is enough, and no more than these is loaded.
      const kept = tensors.filter(
        ({ name }) => !/layers\.(\d+)/.test(name) || Number(/layers\.(\d+)/.exec(name)![1]) < layers,
      );
      const own = await open(
        first,
        kept.filter(({ name }) => name !== 'model.norm.weight'),
      );
      expect(own.specs.map(({ key }) => key)).not.toContain('finalNorm');
      expect(own.layers).toHaveLength(layers);
      expect(await hiddenStates(new Decoder(first, own), IDS)).toEqual(over);
      await expect(hiddenStates(new Decoder({ ...first, finalNorm: true }, own), IDS)).rejects.toThrow('no final norm');
      runtime.recorder.discard();
      own.destroy();
    }
    whole.destroy();
  },
);
