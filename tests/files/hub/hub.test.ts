import { afterEach, expect, test } from 'vitest';
import { readJson } from '../../../src/files/formats/byteSource.ts';
import { ContentHash } from '../../../src/files/formats/contentHash.ts';
import { HubError, repositoryAddress, resolveUrl } from '../../../src/files/hub/hub.ts';
import { hubFiles } from '../../../src/files/hub/hubFiles.ts';
import { byteText } from '../../../src/files/formats/byteText.ts';
import { describeRepository, type RepositoryDescription } from '../../../src/files/hub/repository.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { startFakeHub, type FakeHub, type FakeHubOptions, type FakeRepository } from '../../harness/fakeHub.ts';
import { addressOf, bytesOf, expectBytes, FILES, hubErrorOf, MODEL, shards, testClock, WEIGHTS } from './hubHarness.ts';

const OF_EMBEDDING_MODELS = ['modules.json', '1_Pooling/config.json', 'config_sentence_transformers.json'];

const hubs: FakeHub[] = [];
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.close()));
});

async function start(repository: Partial<FakeRepository> = {}, options?: FakeHubOptions): Promise<FakeHub> {
  const hub = await startFakeHub({ [MODEL]: { files: FILES, ...repository } }, options);
  hubs.push(hub);
  return hub;
}

const without = (name: string, more: FakeRepository['files'] = {}) => ({
  files: { ...Object.fromEntries(Object.entries(FILES).filter(([one]) => one !== name)), ...more },
});

test('ids, revisions and addresses of pages are taken; everything else is refused', () => {
  expect(repositoryAddress('Qwen/Qwen2.5-0.5B')).toEqual({
    base: 'https://huggingface.co',
    repository: 'Qwen/Qwen2.5-0.5B',
    revision: 'main',
  });
  expect(repositoryAddress(' https://huggingface.co/a/b/tree/dev?x=1 ')).toMatchObject({
    repository: 'a/b',
    revision: 'dev',
  });
  const pull = repositoryAddress('a/b', 'refs/pr/1', 'http://127.0.0.1:8/mirror/');
  expect(resolveUrl(pull, 'config.json')).toBe('http://127.0.0.1:8/mirror/a/b/resolve/refs%2Fpr%2F1/config.json');
  const ids = [
    '',
    'a',
    'a/b/c',
    '../b',
    'a/..',
    'a/b..c',
    'a--b/c',
    'a/b.git',
    'a/b?x',
    'a/b#x',
    'a/ b',
    'a\\b',
    'a/b\0',
  ];
  for (const id of [...ids, 'https://evil.example/a/b', 'a/%2e%2e', `a/${'b'.repeat(100)}`, '<b>/x', 'a\n/b', 'ä/b'])
    expect(() => repositoryAddress(id), id).toThrow(HubError);
  for (const revision of ['', '..', 'a/../b', '/a', 'a/', 'a//b', 'a b', 'a?b', '-x', 'a\0', 'a'.repeat(65)])
    expect(() => repositoryAddress('a/b', revision), revision).toThrow(/is no revision/);
  for (const base of ['', 'huggingface.co', 'ftp://a', 'javascript:0', 'https://me:secret@a.b', 'https://a.b/?x'])
    expect(() => repositoryAddress('a/b', 'main', base), base).toThrow(/is no address of a hub/);
});

test.each(['hub', 'headers', 'plain'] as const)(
  'a repository is described: files, sizes, hashes (%s)',
  async (style) => {
    const hub = await start({}, { style });
    const description = await describeRepository(addressOf(hub));
    expect(description.files.map(({ name }) => name)).toEqual([
      'config.json',
      'tokenizer.json',
      'tokenizer_config.json',
      'generation_config.json',
      'model.safetensors',
    ]);
    const hash = (algorithm: 'sha256' | 'gitBlob', bytes: Uint8Array) => {
      const state = new ContentHash(algorithm, bytes.length);
      state.update(bytes);
      return style === 'plain' ? undefined : state.finish();
    };
    const config = new TextEncoder().encode('{"model_type":"qwen2"}');
    expect(description.files[0]).toEqual({ name: 'config.json', size: 22, hash: hash('gitBlob', config) });
    // The redirect's own headers are gone when it has been followed; the large files' server tags them with the same hash,
    // but only answers that name a commit are believed.
    const weightHash = style === 'hub' ? hash('sha256', WEIGHTS) : undefined;
    expect(description.files[4]).toEqual({ name: 'model.safetensors', size: WEIGHTS.length, hash: weightHash });
    expect(description.totalBytes).toBe(description.files.reduce((sum, { size }) => sum + size, 0));
    expect(description.absent.map(({ name }) => name)).toEqual(['special_tokens_map.json', ...OF_EMBEDDING_MODELS]);
    if (style === 'plain') expect(description.commit).toBeUndefined();
    else expect(description.commit).toMatch(/^[0-9a-f]{40}$/);
    // Looking costs next to nothing.
    expect(hub.requests.reduce((sum, { sent }) => sum + sent, 0)).toBeLessThan(20);
  },
);

test('git names of files are what git says', () => {
  const state = new ContentHash('gitBlob', 6);
  state.update(new TextEncoder().encode('hel'));
  state.update(new TextEncoder().encode('lo\n'));
  // echo hello | git hash-object --stdin
  expect(state.finish()).toEqual({ algorithm: 'gitBlob', hex: 'ce013625030ba8dba906f756967f9e9ca394464a' });
});

test.each(['hub', 'headers'] as const)(
  'after the first answer everything is asked of its commit (%s)',
  async (style) => {
    const hub = await start({}, { style });
    const description = await describeRepository(addressOf(hub));
    const config = description.files[0];
    await hub.setFile(MODEL, 'config.json', 'another one, and longer than before');
    const source = await hubFiles(description)('config.json');
    expect(source?.size).toBe(config?.size);
    expect(await readJson(hubFiles(description), 'config.json')).toEqual({ model_type: 'qwen2' });
    expect((await describeRepository(addressOf(hub))).commit).not.toBe(description.commit);
  },
);

test('shards are found through the index; optional files may be absent, and are named with what that means', async () => {
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const hub = await start({
    files: {
      'config.json': '{}',
      'tokenizer.json': '{}',
      'model.safetensors.index.json': shards([...names, names[0]!]),
      [names[0]!]: WEIGHTS,
      [names[1]!]: bytesOf(10),
      'optimizer.safetensors': bytesOf(10),
    },
  });
  const description = await describeRepository(addressOf(hub));
  const found = ['config.json', 'tokenizer.json', 'model.safetensors.index.json', ...names];
  expect(description.files.map(({ name }) => name)).toEqual(found);
  expect(description.absent.map(({ name }) => name)).toEqual([
    'tokenizer_config.json',
    'special_tokens_map.json',
    'generation_config.json',
    ...OF_EMBEDDING_MODELS,
  ]);
  await hub.setFile(MODEL, names[1]!, undefined);
  expect(await hubErrorOf(describeRepository(addressOf(hub)), 'unsuitable')).toContain(`has no ${names[1]}`);
});

const HOSTILE = [
  '../model.safetensors',
  '/etc/passwd',
  'sub/model.safetensors',
  'sub\\model.safetensors',
  'https://evil.example/model.safetensors',
  'model\0.safetensors',
  '..safetensors',
  'a..b.safetensors',
  '.safetensors',
  'config.json',
  'stored.json',
  `${'a'.repeat(200)}.safetensors`,
  'model.safetensors\n',
  'модель.safetensors',
  '',
];
test.each([...HOSTILE, 3, null, ['a.safetensors']])('an index that names %j is refused', async (name) => {
  const json = { weight_map: { good: 'good.safetensors', bad: name } };
  const index = { 'model.safetensors.index.json': { json }, 'good.safetensors': bytesOf(4) };
  const hub = await start(without('model.safetensors', index));
  expect(await hubErrorOf(describeRepository(addressOf(hub)), 'unsuitable')).toMatch(/damaged or hostile/);
  // Nothing beyond the index was asked for.
  expect(hub.requests.map(({ file }) => file).filter(Boolean)).toEqual(['model.safetensors.index.json']);
});

test.each([
  ['[]', /has no weight_map/],
  ['{"weight_map":[]}', /has no weight_map/],
  ['{"weight_map":{}}', /names 0 files/],
  ['null', /has no weight_map/],
  ['{', /is no readable JSON/],
])('an index %s is refused', async (text, message) => {
  const hub = await start(without('model.safetensors', { 'model.safetensors.index.json': text }));
  expect(await hubErrorOf(describeRepository(addressOf(hub)), 'unsuitable')).toMatch(message);
});

test.each(['hub', 'headers', 'plain'] as const)('what is not there is said clearly (%s)', async (style) => {
  const hub = await start({}, { style });
  const missing = await hubErrorOf(describeRepository(addressOf(hub, 'someone/nothing')), 'notFound');
  expect(missing).toContain('someone/nothing');
  const revision = await hubErrorOf(describeRepository(addressOf(hub, MODEL, 'v9')), 'notFound');
  expect(revision).toContain('v9');
  await hub.setFile(MODEL, 'tokenizer.json', undefined);
  await hub.setFile(MODEL, 'vocab.txt', 'a');
  expect(await hubErrorOf(describeRepository(addressOf(hub)), 'unsuitable')).toContain('has no tokenizer.json');
  await hub.setFile(MODEL, 'tokenizer.json', '{}');
  await hub.setFile(MODEL, 'model.safetensors', undefined);
  await hub.setFile(MODEL, 'pytorch_model.bin', 'a');
  const weights = await hubErrorOf(describeRepository(addressOf(hub)), 'unsuitable');
  expect(weights).toContain('neither model.safetensors nor model.safetensors.index.json');
  if (style === 'hub') expect(weights).toContain('pytorch_model.bin');
});

test.each(['hub', 'headers'] as const)(
  'a gated repository says how to get its files all the same (%s)',
  async (style) => {
    const hub = await start({ gated: true }, { style });
    const message = await hubErrorOf(describeRepository(addressOf(hub)), 'gated');
    expect(message).toContain(`${hub.url}/${MODEL}`);
    expect(message).toContain('drop the folder here');
  },
);

test('no answer, an error of the server, too many requests, and answers that make no sense', async () => {
  const hub = await start();
  hub.faults.push({ kind: 'status', status: 429 }, { kind: 'status', status: 503 });
  expect(await hubErrorOf(describeRepository(addressOf(hub)), 'badAnswer')).toContain('Wait a few minutes');
  expect(await hubErrorOf(describeRepository(addressOf(hub)), 'badAnswer')).toContain('503');
  const answers = (body: string) => () => Promise.resolve(new Response(body));
  // A page that a network puts before the internet, for example: no list, and no lengths of files either.
  for (const body of ['<html>', '{"siblings":3}', 'null', '[]'])
    await hubErrorOf(describeRepository(addressOf(hub), { fetch: answers(body) }), 'badAnswer');
  const listing = { sha: 'x', siblings: [null, {}, { rfilename: 3 }, { rfilename: 'config.json', size: -1 }] };
  await hubErrorOf(describeRepository(addressOf(hub), { fetch: answers(JSON.stringify(listing)) }), 'unsuitable');
  await hub.close();
  expect(await hubErrorOf(describeRepository(addressOf(hub)), 'offline')).toContain('cannot be reached');
});

test('nothing is asked after an abort', async () => {
  const hub = await start();
  const reason = new Error('not any more');
  const work = describeRepository(addressOf(hub), { signal: AbortSignal.abort(reason) });
  await expect(work).rejects.toBe(reason);
  expect(hub.requests).toEqual([]);
});

async function described(options?: FakeHubOptions): Promise<[FakeHub, RepositoryDescription]> {
  const hub = await start({}, options);
  const description = await describeRepository(addressOf(hub));
  hub.requests.length = 0;
  return [hub, description];
}

test('weights are read straight from the hub, in the pieces that are asked for', async () => {
  const [hub, description] = await described();
  const files = hubFiles(description);
  const weights = await openWeights(files);
  const sent = () => hub.requests.reduce((sum, request) => sum + request.sent, 0);
  expect(sent()).toBeLessThan(200);
  const bytes = await weights.readBytes('a', 1000, 5000);
  const begin = weights.get('a')!.begin;
  expect(bytes).toEqual(WEIGHTS.subarray(begin + 1000, begin + 5000));
  expect(sent()).toBeLessThan(4200);
  expect(await files('README.md')).toBeUndefined();
  const source = await files('model.safetensors');
  expect(await source?.read(WEIGHTS.length - 3, WEIGHTS.length + 5)).toEqual(WEIGHTS.subarray(-3));
  expect(await source?.read(WEIGHTS.length, WEIGHTS.length + 5)).toEqual(new Uint8Array(0));
});

test('a read goes on after broken connections, and gives up after ten without a byte', async () => {
  const [hub, description] = await described();
  const clock = testClock();
  const source = (await hubFiles(description, { clock })('model.safetensors'))!;
  hub.faults.push({ kind: 'cut', afterBytes: 5000, times: 12 }, { kind: 'cut', afterBytes: 0, times: 5 });
  expectBytes(await source.read(100, 150_000), WEIGHTS.subarray(100, 150_000));
  expect(hub.requests.filter(({ cdn }) => cdn)[3]?.range).toBe('bytes=15100-149999');
  expect(clock.waits.slice(-5)).toEqual([1000, 2000, 4000, 8000, 16_000]);
  hub.faults.push({ kind: 'cut', afterBytes: 0, times: 100 });
  expect(await hubErrorOf(source.read(0, 10), 'offline')).toContain('broke 10 times');
});

test('a server without ranges cannot be read in pieces, and says what to do instead', async () => {
  const [hub, description] = await described({ style: 'plain' });
  const source = (await hubFiles(description)('model.safetensors'))!;
  hub.faults.push({ kind: 'ignoreRange', times: 2 });
  expect(await source.read(0, 20)).toEqual(WEIGHTS.subarray(0, 20));
  expect(await hubErrorOf(source.read(20, 30), 'rangeUnsupported')).toContain('Download the model');
});

test('a file that is gone or has another length while it is read', async () => {
  const [hub, description] = await described({ style: 'plain' });
  const source = (await hubFiles(description)('model.safetensors'))!;
  await hub.setFile(MODEL, 'model.safetensors', bytesOf(5000));
  expect(await hubErrorOf(source.read(0, 20), 'badAnswer')).toContain('has changed its length');
  expect(await hubErrorOf(source.read(6000, 6020), 'badAnswer')).toContain('has changed its length');
  await hub.setFile(MODEL, 'model.safetensors', undefined);
  await hubErrorOf(source.read(0, 20), 'notFound');
});

test('sizes for people', () => {
  const sizes = [0, 999, 1000, 12_345, 999_499, 999_500, 269_060_552, 988_097_824, 1.5e12];
  expect(sizes.map(byteText)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.00 kB',
    '12.3 kB',
    '999 kB',
    '1.00 MB',
    '269 MB',
    '988 MB',
    '1.50 TB',
  ]);
});
