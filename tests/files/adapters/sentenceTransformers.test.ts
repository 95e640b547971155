import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { folderFiles } from '../../../src/cli/support/nodeFiles.ts';
import { centreFile, readCentre } from '../../../src/files/adapters/centreFile.ts';
import { loadAdapter } from '../../../src/files/adapters/peft.ts';
import { readRetrieverUse, sentenceTransformersFiles } from '../../../src/files/adapters/sentenceTransformers.ts';
import { PREFIXES } from '../../../src/corpus/prefixes.ts';
import { ModelFileError } from '../../../src/files/formats/byteSource.ts';
import { concatenated, SafetensorsError, writeSafetensors } from '../../../src/files/formats/safetensors.ts';
import { loadDecoder } from '../../../src/files/models/decoderFiles.ts';
import { embedTexts } from '../../../src/run/embedding.ts';
import { Centre } from '../../../src/models/centre.ts';
import { Decoder } from '../../../src/models/decoder.ts';
import type { Runtime } from '../../../src/ops/core/runtime.ts';
import { openPretrained } from '../../../src/run/pretrained.ts';
import { retrieverConfig } from '../../../src/run/retrieverDepth.ts';
import { expectClose } from '../../harness/numerics.ts';
import { openTestRuntime } from '../../harness/runtime.ts';
import { folder } from '../helpers.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTestRuntime();
});
afterAll(() => runtime.destroy());

/** An archive that the command line exported, and what sentence-transformers makes of it (make.py.txt). */
const DATA = join(import.meta.dirname, 'sentence-transformers');
const ARCHIVE = join(DATA, 'archive');
const [LAYERS, WIDTH, MAX_LENGTH] = [2, 32, 32];

test('sentence-transformers and we embed alike: content after two of three layers, less the mean of its side', async () => {
  const expected = JSON.parse(readFileSync(join(DATA, 'expected.json'), 'utf8')) as Record<string, never> & {
    queries: string[];
    passages: string[];
    queryVectors: number[][];
    passageVectors: number[][];
  };
  const { files, config: whole, tokenizer } = await openPretrained('base', folderFiles(join(ARCHIVE, 'base')));
  const config = retrieverConfig({ retrieverDepth: -1 }, whole);
  const weights = await loadDecoder(runtime, files, config, { head: false, trainable: false });
  const beside = folderFiles(join(ARCHIVE, 'retriever'));
  const { adapter } = (await loadAdapter(runtime, beside, config))!;
  const centre = new Centre(runtime, WIDTH);
  centre.set((await readCentre(beside, WIDTH))!);
  const decoder = new Decoder(config, weights, adapter);
  const options = { pooling: 'content', maxTokens: MAX_LENGTH } as const;
  for (const [role, texts, vectors] of [
    ['query', expected.queries, expected.queryVectors],
    ['passage', expected.passages, expected.passageVectors],
  ] as const) {
    const found = await embedTexts(runtime, decoder, tokenizer, texts, { ...options, role, centre });
    expectClose(role, found, vectors.flat(), { abs: 1e-5 });
    // The centre, and where content begins, matter.
    const bare = await embedTexts(runtime, decoder, tokenizer, texts, { ...options, role });
    const all = await embedTexts(runtime, decoder, tokenizer, texts, { ...options, role, centre, pooling: 'mean' });
    for (const other of [bare, all])
      expect(Math.max(...other.map((value, i) => Math.abs(value - vectors.flat()[i]!)))).toBeGreaterThan(0.01);
  }
  for (const made of [adapter, centre, weights]) made.destroy();
});

test('what it was tried with is what is written', () => {
  const said = readFileSync(join(ARCHIVE, 'retriever/revela_retriever.json'), 'utf8');
  const { ending } = JSON.parse(said) as { ending: number[] };
  const run = {
    pooling: 'content',
    retrieverLayers: LAYERS,
    centred: true,
    prefixes: PREFIXES,
    maxLength: MAX_LENGTH,
    ending,
    endsItself: false,
    temperature: 0.1,
    vNorm: true,
    contextGate: 1,
    contextLayers: undefined,
    steps: 3,
  } as const;
  const files = sentenceTransformersFiles({ form: 'adapter', base: { name: '../base' }, run });
  expect(files.map(({ name }) => name)).toHaveLength(4);
  for (const { name, chunks } of files)
    expect(new TextDecoder().decode(concatenated(chunks)), name).toBe(
      readFileSync(join(ARCHIVE, 'retriever', name), 'utf8'),
    );
  const own = { query: '', passage: 'Passage: ' };
  const [, prompts, sides] = sentenceTransformersFiles({
    form: 'full',
    base: { name: 'a' },
    run: { ...run, prefixes: own },
  });
  const textOf = (file: (typeof files)[number]) => new TextDecoder().decode(concatenated(file.chunks));
  expect(JSON.parse(textOf(prompts!))).toMatchObject({ prompts: { query: '', document: 'Passage: ' } });
  // The first that a text begins with tells its side, and all texts begin with nothing.
  expect(textOf(sides!)).toMatch(/"passage": "Passage: ",\s*"query": ""/);
  const [, , settings] = sentenceTransformersFiles({ form: 'full', base: { name: 'a/b', revision: 'main' }, run });
  expect(JSON.parse(new TextDecoder().decode(concatenated(settings!.chunks)))).toMatchObject({
    base: '.',
    revision: null,
    adapter: false,
  });
});

test('a centre is written and read to the bit; others, and damaged ones, are refused', async () => {
  const centre = Float32Array.from({ length: 10 }, (_, i) => Math.sin(i) / 3);
  const { name, chunks } = await centreFile(centre);
  const bytes = concatenated(chunks);
  expect(name).toBe('centre.safetensors');
  expect(await readCentre(folder({ [name]: bytes }), 5)).toEqual(centre);
  expect(await readCentre(folder({}), 5)).toBeUndefined();
  await expect(readCentre(folder({ [name]: bytes }), 4)).rejects.toThrow(ModelFileError);
  const damaged = bytes.slice();
  damaged[damaged.length - 3]! ^= 1;
  await expect(readCentre(folder({ [name]: damaged }), 5)).rejects.toThrow(SafetensorsError);
  const query = { name: 'query', shape: [5], data: centre.subarray(0, 5) };
  const nan = { name: 'passage', shape: [5], data: new Float32Array(5).fill(NaN) };
  await expect(readCentre(folder({ [name]: writeSafetensors([query, nan]) }), 5)).rejects.toThrow(/NaN/);
  await expect(readCentre(folder({ [name]: writeSafetensors([query]) }), 5)).rejects.toThrow('query and passage');
});

test('a retriever says itself what it pools and how deep it is', async () => {
  expect(await readRetrieverUse(folderFiles(join(ARCHIVE, 'retriever')))).toEqual({
    pooling: 'content',
    layers: LAYERS,
  });
  expect(await readRetrieverUse(folder({}))).toBeUndefined();
  const said = (json: unknown) =>
    readRetrieverUse(folder({ 'revela_retriever.json': new TextEncoder().encode(JSON.stringify(json)) }));
  expect(await said({ pooling: 'mean', layers: null })).toEqual({ pooling: 'mean', layers: 0 });
  for (const wrong of [null, {}, { pooling: 'max', layers: 2 }, { pooling: 'mean', layers: 0 }, { pooling: 'mean' }])
    await expect(said(wrong)).rejects.toThrow(/should say "pooling" and "layers"/);
});
