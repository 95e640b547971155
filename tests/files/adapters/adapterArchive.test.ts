import { join } from 'node:path';
import { strToU8, unzipSync, zipSync, type Zippable } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderFiles } from '../../../src/cli/support/nodeFiles.ts';
import { archiveFiles, readAdapterArchive, type RunExport } from '../../../src/files/adapters/adapterArchive.ts';
import { adapterFiles } from '../../../src/files/adapters/adapterFiles.ts';
import { archiveReadme } from '../../../src/files/adapters/adapterReadme.ts';
import { memorySource, ModelFileError, readJson, type FileLookup } from '../../../src/files/formats/byteSource.ts';
import { readDecoderConfig } from '../../../src/files/models/decoderFiles.ts';
import { PEFT_PREFIX, type AdapterKind } from '../../../src/files/adapters/adapterModules.ts';
import { loadAdapter } from '../../../src/files/adapters/peft.ts';
import { concatenated, SafetensorsError } from '../../../src/files/formats/safetensors.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { zipChunks, type NamedFile } from '../../../src/files/formats/zipWriter.ts';
import { parseDecoderConfig } from '../../../src/models/config.ts';
import { firstLayers } from '../../../src/models/depth.ts';
import { LORA_TARGETS, LoraAdapter } from '../../../src/models/lora.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { randomArray, seededRandom } from '../../harness/numerics.ts';
import { QWEN2_JSON } from '../../harness/tinyDecoder.ts';
import { folder } from '../helpers.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

const STEPS = join(import.meta.dirname, '../../parity/steps');
const decoder = parseDecoderConfig(QWEN2_JSON);
const BASE = { name: 'Qwen/Qwen2.5-0.5B', revision: 'abc123' };

/** An adapter with random numbers, its values by key, and the files of its folder. */
async function example(kind: AdapterKind, seed: number) {
  const config = { rank: 2, alpha: 8, targets: LORA_TARGETS };
  const adapter = new LoraAdapter(runtime, decoder, config);
  const { specs } = adapter;
  adapter.destroy();
  const random = seededRandom(seed);
  const values = new Map(
    specs.map(({ key, shape: [rows = 0, columns = 0] }) => [key, randomArray(random, rows * columns)]),
  );
  return { values, files: await adapterFiles({ kind, config, specs, values, base: BASE }) };
}

const RUN: RunExport['run'] = {
  pooling: 'mean',
  centred: false,
  ending: [1],
  prefixes: { query: 'query: ', passage: 'passage: ' },
  maxLength: 128,
  endsItself: false,
  temperature: 0.05,
  vNorm: false,
  contextGate: 0.25,
  contextLayers: [1],
  steps: 40,
};
const model = (files: readonly NamedFile[]) => ({ form: 'adapter' as const, base: BASE, files });

async function values(files: FileLookup | undefined): Promise<Map<string, Float32Array>> {
  const { adapter } = (await loadAdapter(runtime, files!, decoder))!;
  const found = new Map<string, Float32Array>();
  for (const { key } of adapter.specs) {
    const read = runtime.read(adapter.parameters.tensor(key));
    await runtime.recorder.flush();
    found.set(key, await read);
  }
  adapter.destroy();
  return found;
}

test('an adapter is written as PEFT writes it', async () => {
  for (const kind of ['retriever', 'languageModel'] as const) {
    const { files } = await example(kind, 1);
    const written = folder(Object.fromEntries(files.map(({ name, chunks }) => [name, concatenated(chunks)])));
    // Before 0.14, PEFT refuses a file with a field that it does not know: 0.11, 0.13, 0.14 and 0.21 know all of these.
    expect(await readJson(written, 'adapter_config.json')).toEqual({
      base_model_name_or_path: 'Qwen/Qwen2.5-0.5B',
      bias: 'none',
      fan_in_fan_out: false,
      inference_mode: true,
      init_lora_weights: true,
      lora_alpha: 8,
      lora_dropout: 0,
      modules_to_save: null,
      peft_type: 'LORA',
      r: 2,
      revision: 'abc123',
      target_modules: LORA_TARGETS,
      task_type: 'FEATURE_EXTRACTION',
    });
    const stored = await openWeights(written, 'adapter_model');
    expect(stored.names).toHaveLength(2 * 7 * 2);
    const body = kind === 'retriever' ? 'base_model.model.' : 'base_model.model.model.';
    expect(stored.get(`${body}layers.1.self_attn.k_proj.lora_A.weight`)).toMatchObject({
      dtype: 'F32',
      shape: [2, 12],
    });
    expect(stored.get(`${body}layers.0.mlp.down_proj.lora_B.weight`)).toMatchObject({ dtype: 'F32', shape: [12, 2] });
  }
});

test('what is exported is imported again: adapters bit for bit, gates, configuration', async () => {
  const [retriever, languageModel] = [await example('retriever', 2), await example('languageModel', 3)];
  const configuration = { checkpoint: 'Qwen/Qwen2.5-0.5B', seed: 7 };
  const files = await archiveFiles({
    retriever: model(retriever.files),
    languageModel: model(languageModel.files),
    gates: [0, 0.31],
    run: RUN,
    configuration,
  });
  const zip = concatenated(zipChunks(files));
  expect(Object.keys(unzipSync(zip)).sort()).toEqual([
    'README.md',
    'configuration.json',
    'gates.json',
    'language-model/adapter_config.json',
    'language-model/adapter_model.safetensors',
    'retriever/adapter_config.json',
    'retriever/adapter_model.safetensors',
  ]);
  const onDisk = folder(Object.fromEntries(files.map(({ name, chunks }) => [name, concatenated(chunks)])));
  for (const input of [zip, onDisk]) {
    const archive = await readAdapterArchive(input);
    expect(await values(archive.retriever)).toEqual(retriever.values);
    expect(await values(archive.languageModel)).toEqual(languageModel.values);
    expect(archive).toMatchObject({ gates: [0, 0.31], configuration });
  }
});

test.each([
  ['the weights', 'adapter_model.safetensors', -3, /adapter_model\.safetensors is damaged: its checksum/],
  ['the weights’ header', 'adapter_model.safetensors', 40, /damaged|readable JSON|metadata/],
  ['alpha', 'adapter_config.json', '"lora_alpha": 8', /has rank 2, alpha 9 on .* saved with "rank 2, alpha 8 on/],
  ['a gate', 'gates.json', '0.31', /gates\.json is damaged: its checksum/],
] as const)('a bit that flips in %s of an exported folder is noticed', async (_what, name, where, message) => {
  const { files } = await example('retriever', 8);
  const exported = plain(
    await archiveFiles({ retriever: model(files), gates: [0, 0.31], run: RUN, configuration: {} }),
  ) as Record<string, Uint8Array>;
  const path = name === 'gates.json' ? name : `retriever/${name}`;
  const bytes = exported[path]!;
  const at =
    typeof where === 'number'
      ? (where + bytes.length) % bytes.length
      : new TextDecoder().decode(bytes).indexOf(where) + where.replace(/"$/, '').length - 1;
  bytes[at]! ^= 1;
  const load = async () => {
    const { retriever } = await readAdapterArchive(folder(exported));
    return loadAdapter(runtime, retriever!, decoder);
  };
  await expect(load()).rejects.toThrow(message);
  bytes[at]! ^= 1;
  const whole = await load();
  expect(whole?.kind).toBe('retriever');
  whole?.adapter.destroy();
});

test('a target that is damaged in the configuration is said: the tensors are right', async () => {
  const { files, values: numbers } = await example('retriever', 8);
  const exported = plain(files) as Record<string, Uint8Array>;
  const name = 'adapter_config.json';
  exported[name] = strToU8(new TextDecoder().decode(exported[name]).replace('"o_proj"', '"o_prok"'));
  const loaded = (await loadAdapter(runtime, folder(exported), decoder))!;
  expect(loaded.notices).toEqual([expect.stringContaining('does not ask for o_proj, but there are tensors for it')]);
  loaded.adapter.destroy();
  expect(await values(folder(exported))).toEqual(numbers);
});

test('the address of the base may be changed by hand', async () => {
  const { files } = await example('retriever', 9);
  const exported = plain(files) as Record<string, Uint8Array>;
  const text = new TextDecoder().decode(exported['adapter_config.json']).replace('Qwen/Qwen2.5-0.5B', '/models/mine');
  const changed = folder({ ...exported, 'adapter_config.json': strToU8(text) });
  const loaded = await loadAdapter(runtime, changed, decoder);
  expect(loaded?.kind).toBe('retriever');
  loaded?.adapter.destroy();
});

const plain = (files: readonly NamedFile[]): Zippable =>
  Object.fromEntries(files.map(({ name, chunks }) => [name, concatenated(chunks)]));

test('whose adapter a folder holds is told by its tensors, wherever it lies', async () => {
  const [retriever, languageModel] = [await example('retriever', 4), await example('languageModel', 5)];
  const single = await readAdapterArchive(zipSync(plain(languageModel.files)));
  expect(single.retriever).toBeUndefined();
  expect(await values(single.languageModel)).toEqual(languageModel.values);
  expect(single).toMatchObject({ gates: undefined, configuration: undefined });

  const nested = zipSync({
    run: {
      'first one': plain(languageModel.files),
      second: plain(retriever.files),
      'gates.json': strToU8('{"contextGates":[1,2]}'),
    },
  });
  const both = await readAdapterArchive(nested);
  expect(await values(both.retriever)).toEqual(retriever.values);
  expect(await values(both.languageModel)).toEqual(languageModel.values);
  expect(both.gates).toEqual([1, 2]);

  const bare = folder(plain(retriever.files));
  expect(await values((await readAdapterArchive(bare)).retriever)).toEqual(retriever.values);
  // A dropped folder tells its names, so that its own may be any.
  const files = plain(retriever.files) as Record<string, Uint8Array>;
  const dropped: FileLookup = (name) => {
    const found = name.startsWith('mine/') ? files[name.slice(5)] : undefined;
    return Promise.resolve(found && memorySource(name, found));
  };
  const names = Object.keys(files).map((name) => `mine/${name}`);
  expect(await values((await readAdapterArchive(dropped, { names })).retriever)).toEqual(retriever.values);
  await expect(readAdapterArchive(dropped)).rejects.toThrow(/There is no adapter here/);
});

test('archives that hold no adapter, two of one kind, or what does not belong there', async () => {
  const { files } = await example('retriever', 6);
  const other = plain(
    files.map(({ name, chunks }) => ({
      name,
      chunks: name.endsWith('.json') ? chunks : [concatenated(chunks).slice(0, -4)],
    })),
  );
  const wrong: [Zippable, new () => Error, RegExp][] = [
    [{ 'a.txt': strToU8('x') }, ModelFileError, /There is no adapter here: no adapter_config\.json/],
    [
      { a: plain(files), b: plain(files) },
      ModelFileError,
      /several adapters of a retriever \(a body without head\): a, b\. .*choose one of these folders/,
    ],
    [{ 'adapter_config.json': strToU8('{}') }, ModelFileError, /neither adapter_model\.safetensors/],
    [{ x: other }, SafetensorsError, /cut short/],
    [{ ...plain(files), 'gates.json': strToU8('[1]') }, ModelFileError, /gates\.json should hold "contextGates"/],
    [
      { ...plain(files), 'gates.json': strToU8('{"contextGates":[1,null]}') },
      ModelFileError,
      /gates\.json should hold/,
    ],
    [
      { ...plain(files), 'configuration.json': strToU8('{') },
      ModelFileError,
      /configuration\.json is not readable JSON/,
    ],
  ];
  for (const [content, type, message] of wrong) {
    const error = await readAdapterArchive(zipSync(content)).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toMatch(message);
  }
  const bomb = zipSync({ ...plain(files), 'zeros.bin': new Uint8Array(1e7) });
  await expect(readAdapterArchive(bomb, { limits: { files: 10, bytes: 1e6 } })).rejects.toThrow(/unpacks to more than/);
  const whole = zipSync(plain(files));
  await expect(readAdapterArchive(whole.subarray(0, whole.length / 2))).rejects.toThrow(/cut short/);
});

async function readme(run: Partial<RunExport>): Promise<string> {
  const files = await archiveFiles({ run: RUN, configuration: {}, ...run });
  return new TextDecoder().decode(concatenated(files.find(({ name }) => name === 'README.md')!.chunks));
}

test('the README says how each model is loaded and how embeddings are made', async () => {
  const { files } = await example('retriever', 7);
  const both = await readme({ retriever: model(files), languageModel: model(files) });
  for (const line of [
    'base = "Qwen/Qwen2.5-0.5B"',
    'AutoModel.from_pretrained(base, revision="abc123")',
    'PeftModel.from_pretrained(model, "retriever")',
    'AutoModelForCausalLM.from_pretrained(base, revision="abc123")',
    'PeftModel.from_pretrained(model, "language-model")',
    'rows.append(hidden.mean(dim=0))',
    'max_length=127',
    '"query: "',
    '"passage: "',
    'τ = 0.05',
    'γ = 0.25',
    'in layers 1 (counted from 0)',
    'V-normalisation off',
  ])
    expect(both).toContain(line);
  expect(both).toContain('max_length=127)["input_ids"] + [tokenizer.eos_token_id]');
  expect(both).not.toContain('gates.json');
  expect(both).toContain('Queries begin with `query: `, passages with `passage: `.');
  const prefixes = { query: 'Instruct: find\nQuery:', passage: '' };
  const ending = await readme({ retriever: model(files), run: { ...RUN, endsItself: true, prefixes } });
  expect(ending).toContain('Queries begin with `Instruct: find\\nQuery:`, passages with nothing.');
  expect(ending).toContain('], "Instruct: find\\nQuery:")');
  expect(ending).toContain('max_length=128)["input_ids"]\n');
  expect(ending).not.toContain('eos_token_id');
  const eos = await readme({
    retriever: model(files),
    run: { ...RUN, pooling: 'eos', prefixes: { query: '', passage: '' }, contextLayers: undefined },
    gates: [1],
  });
  expect(eos).toContain('rows.append(hidden[-1])');
  expect(eos).toContain('], "")');
  expect(eos).toContain('in all layers');
  expect(eos).toContain('`gates.json`');
  expect(eos).toContain('The language model was not trained');
  const own = await readme({ retriever: model(files), ownBase: [] });
  expect(own).toContain('base = "base"');
  const full = await readme({ languageModel: { form: 'full', base: BASE, files: [] } });
  expect(full).toContain('AutoModelForCausalLM.from_pretrained("language-model")');
  expect(full).not.toContain('peft');
});

test.each([
  ['retriever_adapter', 'retriever'],
  ['lm_adapter', 'languageModel'],
] as const)('the names of tensors are those that PEFT gave in a %s', async (name, kind) => {
  const files = folderFiles(join(STEPS, 'llama-sharp-temperature', name));
  const base = await readDecoderConfig(folderFiles(join(STEPS, 'llama-sharp-temperature', 'base')));
  const { adapter, prefix } = (await loadAdapter(runtime, files, base))!;
  const names = adapter.specs.flatMap(({ parts }) => parts.map((part) => PEFT_PREFIX[kind] + part.name));
  expect(prefix).toBe(PEFT_PREFIX[kind]);
  expect(names.sort()).toEqual([...(await openWeights(files, 'adapter_model')).names].sort());
  adapter.destroy();
});

test('an adapter of the first layers has tensors for these alone, and fits a decoder of as many', async () => {
  const config = { rank: 2, alpha: 8, targets: LORA_TARGETS };
  const first = firstLayers(decoder, 1);
  const written = async (specs: LoraAdapter['specs']) => {
    const values = new Map(
      specs.map(({ key, shape: [rows = 0, columns = 0] }) => [key, new Float32Array(rows * columns)]),
    );
    const files = await adapterFiles({ kind: 'retriever', config, specs, values, base: BASE });
    return folder(Object.fromEntries(files.map(({ name, chunks }) => [name, concatenated(chunks)])));
  };
  const [short, whole] = [first, decoder].map((one) => new LoraAdapter(runtime, one, config));
  const loaded = (await loadAdapter(runtime, await written(short!.specs), first))!;
  expect(loaded.adapter.specs).toEqual(short!.specs);
  expect(loaded.notices).toEqual([]);
  expect(await readJson(await written(short!.specs), 'adapter_config.json')).not.toHaveProperty('layers_to_transform');
  await expect(loadAdapter(runtime, await written(short!.specs), decoder)).rejects.toThrow(
    /first 1 layers of its model, but 2 are run here/,
  );
  await expect(loadAdapter(runtime, await written(whole!.specs), first)).rejects.toThrow(
    /first 2 layers of its model, but 1 are run here/,
  );
  for (const { adapter } of [loaded, { adapter: short! }, { adapter: whole! }]) adapter.destroy();
  const run = { ...RUN, pooling: 'content', retrieverLayers: 1 } as const;
  const readme = archiveReadme({ retriever: model([]), ownBase: false, learntGates: false, run });
  expect(readme).not.toContain('centre');
  const prefixes = { query: 'Find it: ', passage: '' };
  const centred = { ...run, centred: true, prefixes };
  expect(archiveReadme({ retriever: model([]), ownBase: false, learntGates: false, run: centred })).toContain(
    'centre["query" if prefix == "Find it: " else "passage"]',
  );
  expect(readme).toContain('after layer 1 (no final norm)');
  expect(readme).toContain('model.layers = model.layers[:1]');
});
