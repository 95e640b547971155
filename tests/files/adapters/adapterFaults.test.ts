import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAdapterArchive } from '../../../src/files/adapters/adapterArchive.ts';
import { loadAdapter } from '../../../src/files/adapters/peft.ts';
import { writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { folder } from '../helpers.ts';

/** Small inputs after faults that users of other tools reported in public (faults/README.md). */
const FAULTS = join(import.meta.dirname, 'faults');
const file = (...path: string[]): Uint8Array => new Uint8Array(readFileSync(join(FAULTS, ...path)));
const decoder = parseDecoderConfig(JSON.parse(new TextDecoder().decode(file('config.json'))));

/** The files of a case; weights that are not its own are those of the plain one. */
function filesOf(name: string, weights = 'p00-baseline'): Record<string, Uint8Array> {
  return {
    'adapter_config.json': file(name, 'adapter_config.json'),
    'adapter_model.safetensors': file(weights, 'adapter_model.safetensors'),
  };
}
const within = (path: string, files: Record<string, Uint8Array>) =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${path}/${name}`, bytes]));

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

test.each(['p00-baseline', 'p02-regex-targets', 'p03-regex-lookahead', 'p11-union-targets'])(
  '%s: its tensors say that it adapts q and v',
  async (name) => {
    const { adapter, notices } = (await loadAdapter(runtime, folder(filesOf(name)), decoder))!;
    expect(adapter.config).toEqual({ rank: 4, alpha: 8, targets: ['q_proj', 'v_proj'] });
    expect(notices).toEqual([]);
    adapter.destroy();
  },
);

test.each([
  ['p05-zero3-empty', /is empty: tensor .* has shape \[0\]\..*ZeRO-3 without gathering/],
  ['p05b-file-no-tensors', /is empty: it has no tensors\..*ZeRO-3 without gathering/],
])('%s: the saved file is empty, and the usual cause is said', async (name, message) => {
  const files = folder(filesOf(name, name));
  await expect(loadAdapter(runtime, files, decoder)).rejects.toThrow(message);
  const archive = readAdapterArchive(files, { names: ['adapter_config.json', 'adapter_model.safetensors'] });
  await expect(archive).rejects.toThrow(message);
});

test('p13-trainer-output: the adapter at the root is meant, whatever state those below are in', async () => {
  const root = filesOf('p13-trainer-output');
  // One that was cut off while it was written.
  const below = { ...root, 'adapter_model.safetensors': new Uint8Array(5) };
  for (const path of ['', 'run/']) {
    const files = { ...within('run', root), ...within('run/checkpoint-2', below) };
    const placed = path === '' ? { ...root, ...within('checkpoint-2', below) } : files;
    const lookUp = folder(placed);
    const archive = await readAdapterArchive(lookUp, { names: Object.keys(placed) });
    expect(await archive.languageModel?.('adapter_model.safetensors')).toMatchObject({
      size: root['adapter_model.safetensors']?.length,
    });
    expect(archive.retriever).toBeUndefined();
  }
});

test('of a trainer that keeps a folder for each model, those outside its checkpoints are meant', async () => {
  const root = filesOf('p00-baseline');
  const files = {
    ...within('out/reference', root),
    ...within('out/checkpoint-2/reference', { ...root, 'adapter_model.safetensors': new Uint8Array(5) }),
  };
  const archive = await readAdapterArchive(folder(files), { names: Object.keys(files) });
  expect(await archive.languageModel?.('adapter_model.safetensors')).toMatchObject({
    size: root['adapter_model.safetensors']?.length,
  });
});

test('checkpoints of a trainer without an adapter above them are named, for one to be chosen', async () => {
  const one = filesOf('p00-baseline');
  const files = { ...within('checkpoint-2', one), ...within('checkpoint-10', one) };
  await expect(readAdapterArchive(folder(files), { names: Object.keys(files) })).rejects.toThrow(
    /several adapters of a language model: checkpoint-2, checkpoint-10\. .*choose one of these folders/,
  );
  const single = within('checkpoint-10', one);
  const archive = await readAdapterArchive(folder(single), { names: Object.keys(single) });
  expect(archive.languageModel).toBeDefined();
});

const MODULE = 'base_model.model.model.layers.0.self_attn';
const pair = (module: string) =>
  ['A', 'B'].map((matrix) => ({ name: `${module}.lora_${matrix}.weight`, shape: [1, 1], data: new Float32Array(1) }));
const one = (name: string) => ({ name, shape: [1], data: new Float32Array(1) });

test.each([
  ['magnitudes', [one(`${MODULE}.q_proj.lora_magnitude_vector`)], /the magnitudes of DoRA \(use_dora\)/],
  ['biases of LoRA', [one(`${MODULE}.q_proj.lora_B.bias`)], /biases of its own \(lora_bias\)/],
  ['biases', [one('base_model.model.model.layers.0.self_attn.q_proj.base_layer.bias')], /biases \(bias\)/],
  ['a head', pair('base_model.model.lm_head'), /an update of the output head/],
  ['an embedding', [one('base_model.model.model.embed_tokens.lora_embedding_A')], /an update of the embedding table/],
  ['a whole embedding', [one('base_model.model.model.embed_tokens.weight')], /whole embedding table or output head/],
  ['a classifier', [one('base_model.model.score.modules_to_save.weight')], /whole modules \(modules_to_save\)/],
  ['another target', pair(`${MODULE}.qkv_proj`), undefined],
  ['layers unlike', pair(`${MODULE.replace('0', '1')}.v_proj`), /q_proj in some layers, but none in layer 1/],
])('%s beside an adapter’s matrices are refused by name', async (_what, more, message) => {
  const files = folder({
    ...filesOf('p00-baseline'),
    'adapter_model.safetensors': writeSafetensors([...pair(`${MODULE}.q_proj`), ...more]),
  });
  const load = readAdapterArchive(files, { names: ['adapter_config.json', 'adapter_model.safetensors'] });
  if (message) await expect(load).rejects.toThrow(message);
  // What no model here has is found when the adapter meets one.
  else await expect(load).resolves.toBeDefined();
  await expect(loadAdapter(runtime, files, decoder)).rejects.toThrow(message ?? /no place for|has 1 rows/);
});

test('an adapter of nothing that can be run says so', async () => {
  const files = folder({
    ...filesOf('p00-baseline'),
    'adapter_model.safetensors': writeSafetensors(pair(`${MODULE}.qkv_proj`)),
  });
  await expect(loadAdapter(runtime, files, decoder)).rejects.toThrow(/changes none of q_proj, k_proj/);
});
