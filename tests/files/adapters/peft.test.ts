import { afterAll, beforeAll, expect, test } from 'vitest';
import { ModelFileError } from '../../../src/files/formats/byteSource.ts';
import { PEFT_PREFIX } from '../../../src/files/adapters/adapterModules.ts';
import { adapterPieces, loadAdapter } from '../../../src/files/adapters/peft.ts';
import { parseAdapterConfig } from '../../../src/files/adapters/peftConfig.ts';
import { SafetensorsError, writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { LORA_TARGETS, LoraAdapter } from '../../../src/models/lora.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { fromBf16, fromF16, toBf16, toF16 } from '../../../src/ops/core/halfPrecision.ts';
import type { Tensor } from '../../../src/ops/core/tensor.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { randomArray, seededRandom } from '../../harness/numerics.ts';
import { QWEN2_JSON } from '../../harness/tinyDecoder.ts';
import { folder, storedFile } from '../helpers.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const decoder = parseDecoderConfig(QWEN2_JSON);
const CONFIG = { peft_type: 'LORA', r: 3, lora_alpha: 6, target_modules: ['q_proj', 'v_proj', 'down_proj'] };

let nested: unknown = [];
for (let depth = 0; depth < 100_000; depth++) nested = [nested];

test('rank, alpha and what is asked for are read', () => {
  const asksFor = (target_modules: unknown, more: object = {}) => {
    const { claims } = parseAdapterConfig({ ...CONFIG, target_modules, ...more });
    return LORA_TARGETS.map((target) => claims(path(1, target)));
  };
  const path = (layer: number, target: string) =>
    `model.layers.${layer}.${/[qkvo]_proj/.test(target) ? 'self_attn' : 'mlp'}.${target}`;
  const only = (...targets: string[]) => LORA_TARGETS.map((target) => targets.includes(target));
  expect(parseAdapterConfig(CONFIG)).toMatchObject({ rank: 3, alpha: 6, notices: [] });
  expect(asksFor(CONFIG.target_modules)).toEqual(only('q_proj', 'v_proj', 'down_proj'));
  expect(asksFor('all-linear')).toEqual(only(...LORA_TARGETS));
  expect(asksFor('all-linear', { exclude_modules: ['o_proj'] })).toEqual(
    only(...LORA_TARGETS.filter((one) => one !== 'o_proj')),
  );
  // A text is an expression for the whole name, a list holds ends of names.
  expect(asksFor('o_proj')).toEqual(only());
  expect(asksFor('.*o_proj')).toEqual(only('o_proj'));
  expect(asksFor(['self_attn.k_proj', 'mlp.up_proj', 'k_proj'])).toEqual(only('k_proj', 'up_proj'));
  expect(asksFor(['q_proj'], { layers_to_transform: [1] })).toEqual(only('q_proj'));
  expect(asksFor(['q_proj'], { layers_to_transform: 0 })).toEqual(only());
  expect(asksFor('(?<=x)q_proj')).toEqual(LORA_TARGETS.map(() => undefined));
  expect(
    parseAdapterConfig({ ...CONFIG, use_dora: false, rank_pattern: {}, alpha_pattern: null, lora_alpha: 0.5 }).alpha,
  ).toBe(0.5);
});

test('scaling by the root of the rank is scaling of another alpha, and transposed weights are none: both are said', () => {
  const { alpha, notices } = parseAdapterConfig({ ...CONFIG, r: 4, use_rslora: true, fan_in_fan_out: true });
  expect(alpha).toBe(12);
  expect(notices.join(' ')).toMatch(/use_rslora\) is run as alpha 12.*fan_in_fan_out is passed over/);
});

test.each<[string, unknown, RegExp]>([
  ['no object', 'LORA', /does not hold an object/],
  ['null', null, /does not hold an object/],
  ['another method', { ...CONFIG, peft_type: 'IA3' }, /of type "IA3"; LORA is read/],
  ['DoRA', { ...CONFIG, use_dora: true }, /uses use_dora/],
  ['biases', { ...CONFIG, lora_bias: true }, /uses lora_bias/],
  ['whole modules', { ...CONFIG, modules_to_save: ['lm_head'] }, /uses modules_to_save/],
  ['single tokens', { ...CONFIG, trainable_token_indices: [1, 2] }, /uses trainable_token_indices/],
  ['trained biases', { ...CONFIG, bias: 'all' }, /trains biases \(bias "all"\)/],
  [
    'a changed base',
    { ...CONFIG, init_lora_weights: 'pissa' },
    /began by changing its base \(init_lora_weights "pissa"\)/,
  ],
  ['a rank beyond 2^53', { ...CONFIG, r: 2 ** 53 }, /r should be a positive whole number/],
  ['a type nested without end', { ...CONFIG, peft_type: nested }, /of type a list; LORA is read/],
  ['ranks by layer', { ...CONFIG, rank_pattern: { q_proj: 4 } }, /uses rank_pattern/],
  ['alphas by layer', { ...CONFIG, alpha_pattern: { q_proj: 4 } }, /uses alpha_pattern/],
  ['rank 0', { ...CONFIG, r: 0 }, /r should be a positive whole number/],
  ['a fractional rank', { ...CONFIG, r: 1.5 }, /r should be a positive whole number/],
  ['no alpha', { ...CONFIG, lora_alpha: '6' }, /lora_alpha should be a number/],
])('%s is refused', (_what, json, message) => {
  expect(() => parseAdapterConfig(json)).toThrow(ModelFileError);
  expect(() => parseAdapterConfig(json)).toThrow(message);
});

/** Every tensor of the adapter in its file, with random numbers; names and shapes written out by hand. */
function adapterTensors(prefix: string, seed: number) {
  const random = seededRandom(seed);
  return [0, 1].flatMap((layer) =>
    (
      [
        ['self_attn.q_proj', 24, 12],
        ['self_attn.v_proj', 12, 12],
        ['mlp.down_proj', 12, 20],
      ] as const
    ).flatMap(([module, rows, columns]) => [
      {
        name: `${prefix}layers.${layer}.${module}.lora_A.weight`,
        shape: [3, columns],
        data: randomArray(random, 3 * columns),
      },
      {
        name: `${prefix}layers.${layer}.${module}.lora_B.weight`,
        shape: [rows, 3],
        data: randomArray(random, rows * 3),
      },
    ]),
  );
}
const adapterFolder = (tensors: ReturnType<typeof adapterTensors>) =>
  folder({ 'adapter_config.json': CONFIG, 'adapter_model.safetensors': writeSafetensors(tensors) });

async function numbers(tensor: Tensor | undefined): Promise<Float32Array> {
  if (!tensor) throw new Error('There is no such tensor.');
  const read = runtime.read(tensor);
  await runtime.recorder.flush();
  return read;
}

test.each([PEFT_PREFIX.retriever, PEFT_PREFIX.languageModel])('an adapter named %s… is loaded', async (prefix) => {
  const tensors = adapterTensors(prefix, 9);
  const loaded = await loadAdapter(runtime, adapterFolder(tensors), decoder);
  expect(loaded?.prefix).toBe(prefix);
  const adapter = loaded!.adapter;
  const data = (name: string) => tensors.find((tensor) => tensor.name === prefix + name)!.data;
  for (const layer of [0, 1]) {
    const qkv = adapter.term(layer, 'qkv')!;
    expect(qkv).toMatchObject({ scale: 2, rank: 3 });
    const attention = `layers.${layer}.self_attn`;
    expect(await numbers(qkv.a)).toEqual(
      Float32Array.from([...data(`${attention}.q_proj.lora_A.weight`), ...data(`${attention}.v_proj.lora_A.weight`)]),
    );
    // v follows q (24 rows) and k (12 rows) in the merged projection.
    expect(qkv.parts.map(({ rowOffset, rows }) => [rowOffset, rows])).toEqual([
      [0, 24],
      [36, 12],
    ]);
    expect(await numbers(qkv.b)).toEqual(
      Float32Array.from([...data(`${attention}.q_proj.lora_B.weight`), ...data(`${attention}.v_proj.lora_B.weight`)]),
    );
    expect(await numbers(adapter.term(layer, 'down')?.b)).toEqual(data(`layers.${layer}.mlp.down_proj.lora_B.weight`));
    expect(adapter.term(layer, 'o')).toBeUndefined();
    expect(adapter.term(layer, 'gateUp')).toBeUndefined();
  }
  expect(adapter.term(2, 'qkv')).toBeUndefined();

  const values = new Map<string, Float32Array>();
  for (const { key } of adapter.specs) values.set(key, await numbers(adapter.parameters.tensor(key)));
  const byName = (x: { name: string }, y: { name: string }) => (x.name < y.name ? -1 : 1);
  expect(adapterPieces(adapter.specs, prefix, values).sort(byName)).toEqual(tensors.sort(byName));
  expect(() => adapterPieces(adapter.specs, prefix, new Map())).toThrow(/no values for 0\.qkv\.A/);
  adapter.destroy();
});

test('a folder without an adapter has none', async () => {
  expect(await loadAdapter(runtime, folder({ 'config.json': QWEN2_JSON }), decoder)).toBeUndefined();
  await expect(loadAdapter(runtime, folder({ 'adapter_config.json': CONFIG }), decoder)).rejects.toThrow(
    /neither adapter_model\.safetensors/,
  );
});

test.each<[string, (tensors: ReturnType<typeof adapterTensors>) => ReturnType<typeof adapterTensors>, RegExp]>([
  [
    'a missing tensor',
    (tensors) => tensors.slice(1),
    /has no tensor base_model\.model\.layers\.0\.self_attn\.q_proj\.lora_A/,
  ],
  [
    'another width',
    (tensors) =>
      tensors.map((tensor, i) => (i === 0 ? { ...tensor, shape: [3, 13], data: new Float32Array(39) } : tensor)),
    /q_proj\.lora_A\.weight has shape \[3, 13\], but this model needs \[3, 12\]: it belongs to another model/,
  ],
  [
    'another rank in A',
    (tensors) =>
      tensors.map((tensor, i) => (i === 4 ? { ...tensor, shape: [4, 12], data: new Float32Array(48) } : tensor)),
    /layers\.0\.mlp\.down_proj\.lora_A\.weight has 4 rows, but adapter_config\.json says r 3/,
  ],
  [
    'a matrix with a third dimension',
    (tensors) => tensors.map((tensor, i) => (i === 0 ? { ...tensor, shape: [3, 12, 1] } : tensor)),
    /has shape \[3, 12, 1\], but this model needs \[3, 12\]/,
  ],
  [
    'NaN',
    (tensors) => tensors.map((tensor, i) => (i === 3 ? { ...tensor, data: tensor.data.fill(NaN, 7, 8) } : tensor)),
    /tensor base_model\.model\.layers\.0\.self_attn\.v_proj\.lora_B\.weight holds NaN or infinite numbers/,
  ],
  [
    'an infinite number',
    (tensors) =>
      tensors.map((tensor, i) => (i === 5 ? { ...tensor, data: tensor.data.fill(-Infinity, 0, 1) } : tensor)),
    /down_proj\.lora_B\.weight holds NaN or infinite numbers/,
  ],
  [
    'names of another kind of model',
    (tensors) => tensors.map((tensor) => ({ ...tensor, name: tensor.name.replace('layers', 'transformer.h') })),
    /are not called base_model\.model\.layers… or base_model\.model\.model\.layers…/,
  ],
  [
    'another rank',
    (tensors) =>
      tensors.map((tensor, i) => (i === 1 ? { ...tensor, shape: [24, 4], data: new Float32Array(96) } : tensor)),
    /has shape \[24, 4\], but this model needs \[24, 3\]/,
  ],
  [
    'a tensor with no place',
    (tensors) => [...tensors, { name: 'base_model.model.adapter.weight', shape: [1], data: new Float32Array(1) }],
    /holds base_model\.model\.adapter\.weight, which this model has no place for/,
  ],
])('%s is refused, and nothing stays on the GPU', async (_what, change, message) => {
  const before = runtime.pool.report().liveBuffers;
  const error = await loadAdapter(
    runtime,
    adapterFolder(change(adapterTensors(PEFT_PREFIX.retriever, 10))),
    decoder,
  ).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(SafetensorsError);
  expect((error as Error).message).toMatch(message);
  expect(runtime.pool.report().liveBuffers).toBe(before);
});

test.each(['F16', 'BF16'] as const)('an adapter stored as %s is loaded', async (dtype) => {
  const tensors = adapterTensors(PEFT_PREFIX.retriever, 11);
  const files = folder({
    'adapter_config.json': CONFIG,
    'adapter_model.safetensors': storedFile(tensors, () => dtype),
  });
  const { adapter } = (await loadAdapter(runtime, files, decoder))!;
  const { data } = tensors.at(-1)!;
  expect(await numbers(adapter.term(1, 'down')?.b)).toEqual(
    dtype === 'F16' ? fromF16(toF16(data)) : fromBf16(toBf16(data)),
  );
  adapter.destroy();
});

test('a rank that the tensors do not have takes no memory', async () => {
  const files = folder({
    'adapter_config.json': { ...CONFIG, r: 2 ** 40 },
    'adapter_model.safetensors': writeSafetensors(adapterTensors(PEFT_PREFIX.retriever, 14)),
  });
  await expect(loadAdapter(runtime, files, decoder)).rejects.toThrow(
    /has 3 rows, but adapter_config.json says r 1099511627776/,
  );
});

test('an adapter over a merged map lists its parts under their own names', () => {
  const adapter = new LoraAdapter(runtime, decoder, { rank: 2, alpha: 4, targets: LORA_TARGETS });
  expect(adapter.specs.find(({ key }) => key === '1.gateUp.A')).toEqual({
    key: '1.gateUp.A',
    matrix: 'A',
    shape: [4, 12],
    parts: [
      { name: 'layers.1.mlp.gate_proj.lora_A.weight', rowOffset: 0, rows: 2 },
      { name: 'layers.1.mlp.up_proj.lora_A.weight', rowOffset: 2, rows: 2 },
    ],
  });
  expect(adapter.specs).toHaveLength(2 * (4 + 4));
  adapter.destroy();
});
