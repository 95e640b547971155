import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkpointTensors, decoderConfigJson, decoderFiles } from '../../../src/files/models/decoderExport.ts';
import { loadDecoder, readDecoderConfig } from '../../../src/files/models/decoderFiles.ts';
import { concatenated } from '../../../src/files/formats/safetensors.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { ModelConfigError, parseDecoderConfig, type DecoderConfig } from '../../../src/models/config.ts';
import { decoderLayout } from '../../../src/models/layout.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { fromBf16, toBf16 } from '../../../src/ops/core/halfPrecision.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { randomArray, seededRandom } from '../../harness/numerics.ts';
import { LLAMA_JSON, QWEN2_JSON, QWEN3_JSON, randomCheckpoint } from '../../harness/tinyDecoder.ts';
import { folder } from '../helpers.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const qwen = parseDecoderConfig(QWEN2_JSON);
const qwen3 = parseDecoderConfig(QWEN3_JSON);
const llama = parseDecoderConfig(LLAMA_JSON);
const linear = { ...llama, ropeScaling: { type: 'linear', factor: 3 } } as const;
const yarn = parseDecoderConfig({
  ...QWEN2_JSON,
  rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 30, mscale: 0.7, mscale_all_dim: 1.2 },
});
const smolLm3 = parseDecoderConfig({ ...LLAMA_JSON, model_type: 'smollm3', no_rope_layer_interval: 2 });
const biased = parseDecoderConfig({ ...LLAMA_JSON, attention_bias: true });

test.each<[string, DecoderConfig, string]>([
  ['Qwen2', qwen, 'Qwen2'],
  ['Qwen3', qwen3, 'Qwen3'],
  ['Qwen3 with biases', { ...qwen3, qkvBias: true, outputBias: true }, 'Qwen3'],
  ['Llama', llama, 'Llama'],
  ['Llama with biases', biased, 'Llama'],
  ['a head size of its own', { ...llama, headDim: 8, ropeScaling: undefined }, 'Llama'],
  ['linear scaling', linear, 'Llama'],
  ['yarn', yarn, 'Qwen2'],
  ['layers without positions', smolLm3, 'SmolLM3'],
])('config.json of %s says the same shape again', (_what, config, family) => {
  for (const head of [true, false]) {
    const json = decoderConfigJson(config, { head, eosTokenId: 2, padTokenId: 1 });
    expect(parseDecoderConfig(JSON.parse(JSON.stringify(json)))).toEqual(config);
    expect(json).toMatchObject({
      architectures: [family + (head ? 'ForCausalLM' : 'Model')],
      eos_token_id: 2,
      pad_token_id: 1,
      torch_dtype: 'float32',
    });
  }
});

test('a shape that no family has is refused', () => {
  expect(() => decoderConfigJson({ ...qwen, qkvBias: false, outputBias: true }, { head: true })).toThrow(
    ModelConfigError,
  );
});

function randomValues(config: DecoderConfig, head: boolean, shardRows?: number) {
  const random = seededRandom(3);
  const specs = decoderLayout(config, { head, ...(shardRows ? { shardRows } : {}) });
  const values = new Map(
    specs.map(({ key, shape }) => [
      key,
      randomArray(
        random,
        shape.reduce((product, length) => product * length, 1),
      ),
    ]),
  );
  return { specs, values };
}

test.each([
  [qwen, true, undefined],
  [llama, true, undefined],
  [qwen3, true, undefined],
  [{ ...qwen3, tieWordEmbeddings: true }, false, 4],
  [llama, true, 4],
  [biased, true, 13],
  [llama, false, 5],
] as const)('a decoder that was written is loaded with every bit: %#', async (config, head, shardRows) => {
  const { specs, values } = randomValues(config, head, shardRows);
  const tokenizer = { tokenizerJson: { model: 1 }, tokenizerConfig: { eos_token: 'x' } };
  const written = decoderFiles({ config, specs, values, head, tokenizer });
  expect(written.map(({ name }) => name)).toEqual([
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  const files = folder(Object.fromEntries(written.map(({ name, chunks }) => [name, concatenated(chunks)])));
  expect(await readDecoderConfig(files)).toEqual(config);
  // The names and shapes are those of a checkpoint that was not made here.
  const expected = randomCheckpoint(config, 1).filter(({ name }) => head || name !== 'lm_head.weight');
  const stored = await openWeights(files);
  expect(stored.names.map((name) => [name, stored.get(name)?.shape]).sort()).toEqual(
    expected.map(({ name, shape }) => [head ? name : name.replace(/^model\./, ''), shape]).sort(),
  );
  const weights = await loadDecoder(runtime, files, config, {
    head,
    trainable: true,
    ...(shardRows ? { shardRows } : {}),
  });
  for (const { key } of specs) {
    const read = runtime.read(weights.tensor(key));
    await runtime.recorder.flush();
    expect(await read, key).toEqual(values.get(key));
  }
  weights.destroy();
});

test('half precision, and what is missing', async () => {
  const { specs, values } = randomValues(qwen, true);
  const written = decoderFiles({ config: qwen, specs, values, head: true, dtype: 'BF16' });
  const files = folder(Object.fromEntries(written.map(({ name, chunks }) => [name, concatenated(chunks)])));
  const stored = await openWeights(files);
  expect(stored.get('model.norm.weight')?.dtype).toBe('BF16');
  expect(await stored.readFloats('model.norm.weight')).toEqual(fromBf16(toBf16(values.get('finalNorm')!)));
  values.delete('finalNorm');
  expect(() => decoderFiles({ config: qwen, specs, values, head: true })).toThrow(/no values for finalNorm/);
});

test('shards of a table follow one another; merged projections are cut apart', () => {
  const tensors = checkpointTensors(decoderLayout(llama, { head: true, shardRows: 6 }), true);
  const find = (name: string) => tensors.find((tensor) => tensor.name === name);
  expect(find('lm_head.weight')).toEqual({
    name: 'lm_head.weight',
    shape: [13, 16],
    pieces: [
      { key: 'head.0', begin: 0, end: 96 },
      { key: 'head.1', begin: 0, end: 96 },
      { key: 'head.2', begin: 0, end: 16 },
    ],
  });
  expect(find('model.layers.1.self_attn.v_proj.weight')).toEqual({
    name: 'model.layers.1.self_attn.v_proj.weight',
    shape: [4, 16],
    pieces: [{ key: '1.qkv.weight', begin: 20 * 16, end: 24 * 16 }],
  });
});
