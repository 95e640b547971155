import { expect, test } from 'vitest';
import { ModelFileError, readJson } from '../../../src/files/formats/byteSource.ts';
import { StorageFullError } from '../../../src/files/store/fileStore.ts';
import type { LocalFile } from '../../../src/files/models/chooseFolder.ts';
import { importFolder, localFolder } from '../../../src/files/models/modelFolder.ts';
import type { DownloadProgress } from '../../../src/files/hub/progress.ts';
import { storageEstimate } from '../../../src/files/store/opfs.ts';
import { folderOf, listModels, openModel } from '../../../src/files/store/storedModels.ts';
import { memoryStore } from '../../harness/memoryStore.ts';
import { bytesOf, errorOf, expectBytes, testClock, WEIGHTS } from '../hub/hubHarness.ts';

const file = (path: string, content: BlobPart = '{}'): LocalFile => ({ path, blob: new Blob([content]) });
const model = (prefix = ''): LocalFile[] => [
  file(`${prefix}config.json`, '{"model_type":"llama"}'),
  file(`${prefix}tokenizer.json`),
  file(`${prefix}model.safetensors`, WEIGHTS),
];

async function refusal(files: readonly LocalFile[]): Promise<string> {
  const error = await errorOf(localFolder(files));
  expect(error).toBeInstanceOf(ModelFileError);
  return error.message;
}

test.each([
  ['files chosen one by one', '', ''],
  ['a folder', 'tiny/', 'tiny'],
  ['a folder with a slash before it', '/tiny/', 'tiny'],
  ['a folder in a folder', 'downloads/tiny/', 'tiny'],
])('%s', async (_what, prefix, name) => {
  const extras = [file(`${prefix}.DS_Store`), file(`${prefix}onnx/model.onnx`), file(`${prefix}onnx/config.json`)];
  const local = await localFolder([...extras, ...model(prefix), file(`${prefix}README.md`)]);
  expect(local.name).toBe(name);
  expect(local.members.map((member) => member.name)).toEqual(['config.json', 'tokenizer.json', 'model.safetensors']);
  expect(local.totalBytes).toBe(WEIGHTS.length + 22 + 2);
  expect(await readJson(local.files, 'config.json')).toEqual({ model_type: 'llama' });
  expect(await local.files('onnx/config.json')).toBeUndefined();
  expect(await local.files('generation_config.json')).toBeUndefined();
});

test('what is missing is listed, with what was found', async () => {
  expect(await refusal([])).toContain('There were no files at all');
  const nothing = await refusal([file('photos/cat.jpg'), file('photos/old/cat.jpg')]);
  expect(nothing).toContain('no config.json (the shape of the model); no tokenizer.json');
  expect(nothing).toContain('no model.safetensors, or model.safetensors.index.json');
  expect(nothing).toContain('Found: cat.jpg.');
  expect(await refusal(model().slice(1))).toMatch(
    /^This is no complete model: there is no config\.json \([^;]*\)\. Found/,
  );
  expect(await refusal(model().slice(0, 2))).toContain('there is no model.safetensors, or');
  const index = JSON.stringify({ weight_map: { a: 'a.safetensors', b: 'b.safetensors', c: 'a.safetensors' } });
  const sharded = [...model().slice(0, 2), file('model.safetensors.index.json', index), file('a.safetensors')];
  expect(await refusal(sharded)).toContain('there is no b.safetensors, which model.safetensors.index.json names');
  const complete = await localFolder([...sharded, file('b.safetensors')]);
  expect(complete.members).toHaveLength(5);
});

test('several models, files that are there twice, and damaged indices are refused', async () => {
  expect(await refusal([...model('all/one/'), ...model('all/two/')])).toContain('in all/one and in all/two');
  expect(await refusal([...model(), file('tokenizer.json')])).toContain('tokenizer.json is there twice');
  const index = (text: string) => [...model().slice(0, 2), file('model.safetensors.index.json', text)];
  expect(await refusal(index('{'))).toContain('is not readable JSON');
  expect(await refusal(index('{"weight_map":{"a":"../x.safetensors"}}'))).toContain('damaged or hostile');
  const nested = '['.repeat(100_000) + ']'.repeat(100_000);
  expect(await refusal(index(`{"weight_map":{"a":${nested}}}`))).toContain('names a list as a file of weights');
});

test('an import copies the model, and only it', async () => {
  const store = memoryStore();
  const reports: DownloadProgress[] = [];
  const stored = await importFolder(store, 'tiny', [...model('tiny/'), file('tiny/secret.txt', 'x')], {
    clock: testClock(),
    onProgress: (progress) => reports.push(progress),
  });
  expect(stored).toMatchObject({ id: 'local@tiny', origin: { kind: 'local', name: 'tiny' }, state: 'complete' });
  expect(await listModels(store)).toEqual([stored]);
  const names = (await store.files(folderOf(stored.id))).map(({ name }) => name);
  expect(names.sort()).toEqual(['config.json', 'model.safetensors', 'stored.json', 'tokenizer.json']);
  const files = await openModel(store, stored.id);
  expectBytes(await (await files('model.safetensors'))?.read(0, WEIGHTS.length), WEIGHTS);
  expect(reports.at(-1)).toMatchObject({ state: 'complete', doneBytes: stored.bytes, totalBytes: stored.bytes });
  // A second one of the same name stays beside the first.
  const again = await importFolder(store, 'tiny', model());
  expect(again.id).toBe('local@tiny (2)');
  const odd = await importFolder(store, '../../<b>\0', model());
  expect(odd.origin).toEqual({ kind: 'local', name: '.. .. b' });
  expect(await listModels(store)).toHaveLength(3);
});

test('an import that is stopped or fails leaves nothing behind', async () => {
  const store = memoryStore();
  const controller = new AbortController();
  const reason = new Error('stopped');
  const big = [...model().slice(0, 2), file('model.safetensors', bytesOf(9_000_000))];
  store.onWrite = (_folder, name) => {
    if (name === 'model.safetensors') controller.abort(reason);
  };
  await expect(importFolder(store, 'tiny', big, { signal: controller.signal })).rejects.toBe(reason);
  expect(store.contents.size).toBe(0);
  store.onWrite = () => undefined;
  store.quota = 5_000_000;
  const before = await errorOf(importFolder(store, 'tiny', big));
  expect(before).toBeInstanceOf(StorageFullError);
  expect(before).toMatchObject({ neededBytes: 9_000_024, freeBytes: 5_000_000 });
  expect(store.contents.size).toBe(0);
  store.statedQuota = 1e9;
  expect(await errorOf(importFolder(store, 'tiny', big))).toBeInstanceOf(StorageFullError);
  expect(store.contents.size).toBe(0);
  expect(await errorOf(importFolder(store, 'tiny', [file('a')]))).toBeInstanceOf(ModelFileError);
  expect(store.contents.size).toBe(0);
  const gone = { size: 100, slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadable')) }) };
  const unreadable = [...model().slice(0, 2), { path: 'model.safetensors', blob: gone as unknown as Blob }];
  expect((await errorOf(importFolder(store, 'tiny', unreadable))).message).toContain('can no longer be read');
  expect(store.contents.size).toBe(0);
});

test('an import that was cut off is listed as partial without a way to go on, and replaced by the next', async () => {
  const store = memoryStore();
  const left = await store.writer(folderOf('local@tiny'), 'model.safetensors', 0);
  await left.write(bytesOf(1000));
  await left.close();
  expect(await listModels(store)).toMatchObject([
    { id: 'local@tiny', state: 'partial', bytes: 1000, resumable: false },
  ]);
  expect((await importFolder(store, 'tiny', model())).id).toBe('local@tiny');
  expect(await listModels(store)).toHaveLength(1);
});

test('without a browser nothing is known of its storage', async () => {
  expect(await storageEstimate()).toEqual({ usage: undefined, quota: undefined });
});
