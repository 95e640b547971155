import { expect, test } from 'vitest';
import { ModelFileError, readJson } from '../../../src/files/formats/byteSource.ts';
import type { LocalFile } from '../../../src/files/models/chooseFolder.ts';
import { importFolder, localFolder } from '../../../src/files/models/modelFolder.ts';
import { readEmbeddingCard, transformerFiles } from '../../../src/files/models/sentenceTransformers.ts';
import { openModel } from '../../../src/files/store/storedModels.ts';
import { memoryStore } from '../../harness/memoryStore.ts';
import { errorOf, testClock, WEIGHTS } from '../hub/hubHarness.ts';
import { folder } from '../helpers.ts';

const part = (idx: number, path: string, type: string) => ({
  idx,
  name: String(idx),
  path,
  type: `sentence_transformers.models.${type}`,
});
const POOLING = {
  word_embedding_dimension: 64,
  pooling_mode_cls_token: false,
  pooling_mode_mean_tokens: false,
  pooling_mode_lasttoken: true,
};
const OLD = [part(0, '0_Transformer', 'Transformer'), part(1, '1_Pooling', 'Pooling')];
const NEW = [part(0, '', 'Transformer'), part(1, '1_Pooling', 'Pooling'), part(2, '2_Normalize', 'Normalize')];

const file = (path: string, content: unknown): LocalFile => ({
  path,
  blob: new Blob([content instanceof Uint8Array ? content.slice() : JSON.stringify(content)]),
});
const inFolder = (prefix: string, own: string, modules: unknown): LocalFile[] => [
  file(`${prefix}modules.json`, modules),
  file(`${prefix}1_Pooling/config.json`, POOLING),
  file(`${prefix}${own}config.json`, { model_type: 'qwen2' }),
  file(`${prefix}${own}tokenizer.json`, {}),
  file(`${prefix}${own}model.safetensors`, WEIGHTS),
];

test.each([
  ['the old layout, with the model in a folder of its own', '0_Transformer/', OLD],
  ['the newer one, with the model at the root', '', NEW],
])('%s is one model, dropped, stored, or on disk', async (_what, own, modules) => {
  const local = await localFolder([
    ...inFolder('downloads/tiny/', own, modules),
    file('downloads/tiny/x/config.json', 1),
  ]);
  expect(local.name).toBe('tiny');
  expect(local.members.map(({ name }) => name)).toEqual([
    'config.json',
    'tokenizer.json',
    'modules.json',
    '1_Pooling/config.json',
    'model.safetensors',
  ]);
  const store = memoryStore();
  const stored = await importFolder(store, 'tiny', inFolder('tiny/', own, modules), { clock: testClock() });
  const onDisk = folder({
    'modules.json': modules,
    '1_Pooling/config.json': POOLING,
    [`${own}config.json`]: { model_type: 'qwen2' },
  });
  for (const files of [local.files, await openModel(store, stored.id), await transformerFiles(onDisk)]) {
    expect(await readJson(files, 'config.json')).toEqual({ model_type: 'qwen2' });
    expect(await readEmbeddingCard(files)).toMatchObject({ pooling: 'eos', pooledAs: 'lasttoken', further: [] });
    expect(await files('generation_config.json')).toBeUndefined();
  }
});

test('several models of the old layout are several', async () => {
  const error = await errorOf(
    localFolder([...inFolder('a/', '0_Transformer/', OLD), ...inFolder('b/', '0_Transformer/', OLD)]),
  );
  expect(error.message).toContain('there is a modules.json in a and in b');
});

test.each([
  ['switches of old', { pooling_mode_mean_tokens: true }, 'mean', 'mean_tokens'],
  ['a name', { pooling_mode: 'lasttoken' }, 'eos', 'lasttoken'],
  ['the first token', { pooling_mode_cls_token: true }, 'first', 'cls_token'],
  [
    'two ways at once',
    { pooling_mode_mean_tokens: true, pooling_mode_max_tokens: true },
    undefined,
    'mean_tokens+max_tokens',
  ],
  ['nothing', {}, undefined, undefined],
])('pooling is read from %s', async (_what, pooling, expected, pooledAs) => {
  expect(await readEmbeddingCard(folder({ '1_Pooling/config.json': pooling }))).toMatchObject({
    pooling: expected,
    pooledAs,
  });
});

test('prompts and parts after pooling are read; a folder without them says nothing', async () => {
  const card = await readEmbeddingCard(
    folder({
      'modules.json': [...NEW, part(3, '3_Dense', 'Dense')],
      'config_sentence_transformers.json': { prompts: { query: 'Instruct: …\nQuery:', document: '' } },
    }),
  );
  expect(card).toEqual({
    pooling: undefined,
    pooledAs: undefined,
    queryPrompt: 'Instruct: …\nQuery:',
    passagePrompt: '',
    further: ['Dense'],
  });
  expect(await readEmbeddingCard(folder({ 'config.json': {} }))).toBeUndefined();
});

test.each(['../0_Transformer', '/etc', 'a/../../b', 'C:\\model'])('a module in %s is refused', async (path) => {
  const files = folder({ 'modules.json': [part(0, path, 'Transformer')] });
  expect(await errorOf(transformerFiles(files))).toBeInstanceOf(ModelFileError);
  expect((await errorOf(readEmbeddingCard(files))).message).toMatch(/out of the model’s folder/);
  expect((await errorOf(readEmbeddingCard(folder({ 'modules.json': {} })))).message).toMatch(/does not hold a list/);
});
