import { afterAll, beforeAll, expect, test } from 'vitest';
import { ModelFileError } from '../../../src/files/formats/byteSource.ts';
import { loadDecoder, readDecoderConfig } from '../../../src/files/models/decoderFiles.ts';
import { SafetensorsError, writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { ModelConfigError, parseDecoderConfig } from '../../../src/models/config.ts';
import type { DecoderWeights } from '../../../src/models/weights.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { fromBf16, toBf16, toF16 } from '../../../src/ops/core/halfPrecision.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { LLAMA_JSON, QWEN2_JSON, randomCheckpoint, type NamedTensor } from '../../harness/tinyDecoder.ts';
import { folder, storedFile } from '../helpers.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const qwen = parseDecoderConfig(QWEN2_JSON);
const llama = parseDecoderConfig(LLAMA_JSON);
const modelFolder = (tensors: readonly NamedTensor[]) => folder({ 'model.safetensors': writeSafetensors(tensors) });

/** Raw bytes of a weight on the GPU. */
async function bytesOf(weights: DecoderWeights, key: string): Promise<ArrayBuffer> {
  const tensor = weights.tensor(key);
  const bytes = tensor.size * (tensor.dtype === 'f32' ? 4 : 2);
  const read = runtime.recorder.read({ ...tensor.slice, size: bytes });
  await runtime.recorder.flush();
  return read;
}
const floatsOf = async (weights: DecoderWeights, key: string) => new Float32Array(await bytesOf(weights, key));

/** The named tensors one below the other. */
function merged(tensors: readonly NamedTensor[], ...names: string[]): Float32Array {
  return Float32Array.from(
    names.flatMap((name) => {
      const found = tensors.find((tensor) => tensor.name === name);
      if (!found) throw new Error(`The test has no ${name}.`);
      return [...found.data];
    }),
  );
}

test('config.json is read from the folder', async () => {
  expect(await readDecoderConfig(folder({ 'config.json': QWEN2_JSON }))).toEqual(qwen);
  await expect(readDecoderConfig(folder({}))).rejects.toBeInstanceOf(ModelFileError);
  await expect(readDecoderConfig(folder({ 'config.json': { model_type: 'bert' } }))).rejects.toBeInstanceOf(
    ModelConfigError,
  );
});

test.each([false, true])(
  'a decoder arrives on the GPU with its projections merged in order (trainable: %s)',
  async (trainable) => {
    const tensors = randomCheckpoint(qwen, 1);
    const progress: [number, number][] = [];
    const weights = await loadDecoder(runtime, modelFolder(tensors), qwen, { head: true, trainable }, (done, total) =>
      progress.push([done, total]),
    );
    const from = (...names: string[]) => merged(tensors, ...names);
    expect(await floatsOf(weights, 'embedding.0')).toEqual(from('model.embed_tokens.weight'));
    expect(weights.head).toBe(weights.embedding);
    for (const layer of [0, 1]) {
      const name = (part: string) => `model.layers.${layer}.${part}`;
      const qkv = ['q', 'k', 'v'].map((letter) => name(`self_attn.${letter}_proj`));
      expect(await floatsOf(weights, `${layer}.qkv.weight`)).toEqual(from(...qkv.map((part) => `${part}.weight`)));
      expect(await floatsOf(weights, `${layer}.qkv.bias`)).toEqual(from(...qkv.map((part) => `${part}.bias`)));
      expect(await floatsOf(weights, `${layer}.o.weight`)).toEqual(from(name('self_attn.o_proj.weight')));
      expect(weights.layers[layer]?.linears.o.bias).toBeUndefined();
      expect(await floatsOf(weights, `${layer}.gateUp.weight`)).toEqual(
        from(name('mlp.gate_proj.weight'), name('mlp.up_proj.weight')),
      );
      expect(await floatsOf(weights, `${layer}.down.weight`)).toEqual(from(name('mlp.down_proj.weight')));
      expect(await floatsOf(weights, `${layer}.inputNorm`)).toEqual(from(name('input_layernorm.weight')));
      expect(await floatsOf(weights, `${layer}.postNorm`)).toEqual(from(name('post_attention_layernorm.weight')));
    }
    expect(await floatsOf(weights, 'finalNorm')).toEqual(from('model.norm.weight'));
    expect(weights.parameters !== undefined).toBe(trainable);
    expect(weights.tensor('0.qkv.weight').requiresGrad).toBe(trainable);
    const bytes = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(progress.at(-1)).toEqual([bytes, bytes]);
    expect(progress.map(([done]) => done)).toEqual([...progress.map(([done]) => done)].sort((x, y) => x - y));
    weights.destroy();
    expect(runtime.pool.report().liveBuffers).toBe(0);
  },
);

test('a frozen checkpoint stays packed as it is stored; norms, biases and mixed formats become f32', async () => {
  const tensors = randomCheckpoint(qwen, 2);
  const type = (name: string) =>
    name.endsWith('1.mlp.up_proj.weight') ? 'F32' : name.includes('o_proj') ? 'F16' : 'BF16';
  const files = folder({ 'model.safetensors': storedFile(tensors, type) });
  const weights = await loadDecoder(runtime, files, qwen, { head: true, trainable: false });
  const qkv = ['q', 'k', 'v'].map((letter) => `model.layers.0.self_attn.${letter}_proj.weight`);
  expect(weights.tensor('0.qkv.weight').dtype).toBe('bf16');
  expect(new Uint16Array(await bytesOf(weights, '0.qkv.weight'))).toEqual(toBf16(merged(tensors, ...qkv)));
  expect(weights.tensor('1.o.weight').dtype).toBe('f16');
  expect(new Uint16Array(await bytesOf(weights, '1.o.weight'))).toEqual(
    toF16(merged(tensors, 'model.layers.1.self_attn.o_proj.weight')),
  );
  expect(weights.tensor('embedding.0').dtype).toBe('bf16');
  const mixed = ['gate', 'up'].map((part) => merged(tensors, `model.layers.1.mlp.${part}_proj.weight`));
  expect(weights.tensor('1.gateUp.weight').dtype).toBe('f32');
  expect(await floatsOf(weights, '1.gateUp.weight')).toEqual(
    Float32Array.from([...fromBf16(toBf16(mixed[0]!)), ...mixed[1]!]),
  );
  for (const [key, name] of [
    ['finalNorm', 'model.norm.weight'],
    ['0.inputNorm', 'model.layers.0.input_layernorm.weight'],
  ] as const)
    expect(await floatsOf(weights, key)).toEqual(fromBf16(toBf16(merged(tensors, name))));
  weights.destroy();
  const trained = await loadDecoder(runtime, files, qwen, { head: true, trainable: true });
  expect(await floatsOf(trained, '0.qkv.weight')).toEqual(fromBf16(toBf16(merged(tensors, ...qkv))));
  trained.destroy();
});

test.each([1, 4, 5, 13, 100])('embedding and head in shards of %i rows', async (shardRows) => {
  const tensors = randomCheckpoint(llama, 3);
  for (const dtype of ['F32', 'BF16'] as const) {
    const files = folder({ 'model.safetensors': storedFile(tensors, () => dtype) });
    const weights = await loadDecoder(runtime, files, llama, { head: true, trainable: false, shardRows });
    for (const [shards, key, name] of [
      [weights.embedding, 'embedding', 'model.embed_tokens.weight'],
      [weights.head ?? [], 'head', 'lm_head.weight'],
    ] as const) {
      expect(shards.map(({ weight }) => weight.rows)).toEqual(
        Array.from({ length: Math.ceil(13 / shardRows) }, (_, i) => Math.min(shardRows, 13 - i * shardRows)),
      );
      const values: number[] = [];
      for (let shard = 0; shard < shards.length; shard++)
        values.push(...new Uint8Array(await bytesOf(weights, `${key}.${shard}`)));
      const table = merged(tensors, name);
      expect(values).toEqual([...new Uint8Array((dtype === 'F32' ? table : toBf16(table)).buffer)]);
    }
    weights.destroy();
  }
});

test('a checkpoint of the body alone has names without "model."; a retriever needs no head', async () => {
  const tensors = randomCheckpoint(llama, 4).filter(({ name }) => name !== 'lm_head.weight');
  const bare = tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace('model.', '') }));
  const weights = await loadDecoder(runtime, modelFolder(bare), llama, { head: false, trainable: false });
  expect(weights.head).toBeUndefined();
  expect(await floatsOf(weights, '1.down.weight')).toEqual(merged(tensors, 'model.layers.1.mlp.down_proj.weight'));
  weights.destroy();
});

test('a head that is stored although it is the embedding is not read', async () => {
  const tensors = randomCheckpoint(qwen, 7);
  const head = { name: 'lm_head.weight', shape: [11, 12], data: new Float32Array(11 * 12).fill(NaN) };
  const weights = await loadDecoder(runtime, modelFolder([...tensors, head]), qwen, { head: true, trainable: false });
  expect(weights.head).toBe(weights.embedding);
  expect(await floatsOf(weights, 'embedding.0')).toEqual(merged(tensors, 'model.embed_tokens.weight'));
  weights.destroy();
});

test.each([
  ['F32', NaN],
  ['BF16', Infinity],
  ['F16', -Infinity],
] as const)('%s: %d in a tensor is refused by its name, before anything is left on the GPU', async (dtype, value) => {
  for (const name of ['model.layers.1.mlp.up_proj.weight', 'model.layers.0.post_attention_layernorm.weight'])
    for (const options of [{}, { precision: 'int8' }, { trainable: true }] as const) {
      const tensors = randomCheckpoint(qwen, 8);
      tensors.find((tensor) => tensor.name === name)!.data[7] = value;
      const files = folder({ 'model.safetensors': storedFile(tensors, () => dtype) });
      const error = await loadDecoder(runtime, files, qwen, { head: true, trainable: false, ...options }).catch(
        (cause: unknown) => cause,
      );
      expect(error).toBeInstanceOf(SafetensorsError);
      expect((error as Error).message).toContain(
        `Tensor ${name} holds a number that is not finite (NaN or infinity) at place 7`,
      );
      expect(runtime.pool.report().liveBuffers).toBe(0);
    }
});

/** `tensors` with one of them changed, or left out. */
function changed(tensors: readonly NamedTensor[], name: string, shape?: readonly number[]): NamedTensor[] {
  return tensors.flatMap((tensor) => {
    if (tensor.name !== name) return [tensor];
    return shape ? [{ name, shape, data: new Float32Array(shape.reduce((product, n) => product * n, 1)) }] : [];
  });
}

test.each<[string, string, number[] | undefined, RegExp]>([
  [
    'a missing tensor',
    'model.layers.1.mlp.up_proj.weight',
    undefined,
    /has no tensor model\.layers\.1\.mlp\.up_proj\.weight/,
  ],
  ['a missing head', 'lm_head.weight', undefined, /has no tensor lm_head\.weight.*tie_word_embeddings/],
  [
    'too few rows',
    'model.layers.0.self_attn.k_proj.weight',
    [3, 16],
    /has shape \[3, 16\], but config\.json asks for \[4, 16\]/,
  ],
  ['too many rows', 'model.layers.0.self_attn.k_proj.weight', [8, 16], /asks for \[4, 16\]/],
  ['other columns', 'model.layers.0.self_attn.o_proj.weight', [16, 8], /has shape \[16, 8\]/],
  ['a vector for a matrix', 'model.layers.0.mlp.down_proj.weight', [384], /has shape \[384\]/],
  ['a matrix for a norm', 'model.norm.weight', [16, 1], /has shape \[16, 1\], but config\.json asks for \[16\]/],
  ['a short vocabulary', 'model.embed_tokens.weight', [12, 16], /asks for \[13, 16\]/],
])('%s is refused, and nothing stays on the GPU', async (_what, name, shape, message) => {
  const files = modelFolder(changed(randomCheckpoint(llama, 5), name, shape));
  for (const trainable of [false, true]) {
    const error = await loadDecoder(runtime, files, llama, { head: true, trainable }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as Error).message).toMatch(message);
    expect(runtime.pool.report().liveBuffers).toBe(0);
  }
});

test('a vocabulary padded beyond the configuration is read as far as it counts', async () => {
  const tensors = changed(randomCheckpoint(llama, 6), 'model.embed_tokens.weight', [16, 16]);
  tensors.find(({ name }) => name === 'model.embed_tokens.weight')!.data.forEach((_, i, data) => (data[i] = i));
  const weights = await loadDecoder(runtime, modelFolder(tensors), llama, { head: true, trainable: false });
  expect(await floatsOf(weights, 'embedding.0')).toEqual(Float32Array.from({ length: 13 * 16 }, (_, i) => i));
  weights.destroy();
});
