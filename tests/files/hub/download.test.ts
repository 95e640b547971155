import { afterEach, beforeEach, expect, test } from 'vitest';
import { readJson } from '../../../src/files/formats/byteSource.ts';
import { downloadModel, missingBytes } from '../../../src/files/hub/download.ts';
import { StorageFullError, StoreBusyError, type FileStore } from '../../../src/files/store/fileStore.ts';
import type { FetchLike } from '../../../src/files/hub/hub.ts';
import { hubFiles } from '../../../src/files/hub/hubFiles.ts';
import type { DownloadProgress } from '../../../src/files/hub/progress.ts';
import { describeRepository } from '../../../src/files/hub/repository.ts';
import {
  deleteModel,
  folderOf,
  listModels,
  openModel,
  storedDescription,
  type StoredModel,
} from '../../../src/files/store/storedModels.ts';
import { DownloadError } from '../../../src/files/hub/transfer.ts';
import { openWeights } from '../../../src/files/models/weightFile.ts';
import { startFakeHub, type FakeHub, type FakeHubOptions } from '../../harness/fakeHub.ts';
import { memoryStore, type MemoryStore } from '../../harness/memoryStore.ts';
import {
  addressOf,
  bytesOf,
  errorOf,
  expectBytes,
  FILES,
  hubErrorOf,
  MODEL,
  shards,
  testClock,
  WEIGHTS,
} from './hubHarness.ts';

const W = 'model.safetensors';
let hub: FakeHub;
let store: MemoryStore;

async function start(options?: FakeHubOptions, files = FILES): Promise<void> {
  hub = await startFakeHub({ [MODEL]: { files } }, options);
}
beforeEach(async () => {
  store = memoryStore();
  await start();
});
afterEach(() => hub.close());

const today = () => new Date('2026-01-02T03:04:05Z');
const describeModel = () => describeRepository(addressOf(hub));

/** Looks the model up and downloads it. */
async function download(
  options: Parameters<typeof downloadModel>[2] = {},
  into: FileStore = store,
): Promise<StoredModel> {
  return downloadModel(await describeModel(), into, { clock: testClock(), today, ...options });
}

const weightRequests = () => hub.requests.filter(({ cdn, file, method }) => (cdn || file === W) && method === 'GET');
const ranges = () => weightRequests().flatMap(({ range, status }) => (status === 206 || status === 200 ? [range] : []));

async function expectComplete(model?: StoredModel): Promise<void> {
  const [listed] = await listModels(store);
  expect(listed).toMatchObject({ state: 'complete', bytes: listed?.totalBytes, resumable: false });
  if (model) expect(listed).toEqual(model);
  const files = await openModel(store, listed!.id);
  expect(await readJson(files, 'config.json')).toEqual({ model_type: 'qwen2' });
  expectBytes(await (await files(W))?.read(0, 1e9), WEIGHTS);
  expect(await files('download.json')).toBeUndefined();
  expect(await files('stored.json')).toBeUndefined();
}

/** Aborts once `bytes` of the model are stored. */
function abortAfter(bytes: number): { signal: AbortSignal; reason: Error } {
  const controller = new AbortController();
  const reason = new Error('paused');
  store.onWrite = () => {
    if (store.written >= bytes) controller.abort(reason);
  };
  return { signal: controller.signal, reason };
}

test.each(['hub', 'headers', 'plain'] as const)(
  'a model is downloaded, listed, opened and deleted (%s)',
  async (style) => {
    await hub.close();
    await start({ style });
    const reports: DownloadProgress[] = [];
    const description = await describeModel();
    expect(await missingBytes(description, store)).toBe(description.totalBytes);
    const model = await download({ onProgress: (progress) => reports.push(progress) });
    expect(model).toMatchObject({
      state: 'complete',
      bytes: description.totalBytes,
      date: '2026-01-02T03:04:05.000Z',
      origin: { kind: 'hub', base: hub.url, repository: MODEL, revision: 'main', commit: description.commit },
    });
    await expectComplete(model);
    const weights = await openWeights(await openModel(store, model.id));
    expect(weights.names).toEqual(['a']);
    expect(reports.at(-1)).toMatchObject({ state: 'complete', doneBytes: description.totalBytes, secondsLeft: 0 });
    const done = reports.map(({ doneBytes }) => doneBytes);
    expect(done).toEqual([...done].sort((a, b) => a - b));
    expect(reports.some(({ bytesPerSecond, secondsLeft }) => (bytesPerSecond ?? 0) > 0 && (secondsLeft ?? 0) > 0)).toBe(
      true,
    );
    // Complete already: nothing is fetched.
    expect(await missingBytes(description, store)).toBe(0);
    const before = hub.requests.length;
    expect(await downloadModel(description, store)).toEqual(model);
    expect(hub.requests.length).toBe(before);
    await deleteModel(store, model.id);
    expect(await listModels(store)).toEqual([]);
    expect(store.contents.size).toBe(0);
    expect((await errorOf(openModel(store, model.id))).message).toContain('Download it again');
  },
);

test('a connection that is cut ten times and more costs no byte twice', async () => {
  hub.faults.push({ kind: 'cut', file: W, afterBytes: 15_000, times: 12 });
  const failures: number[] = [];
  const clock = testClock();
  const model = await download({ clock, onProgress: (progress) => failures.push(progress.failures) });
  await expectComplete(model);
  expect(ranges()).toEqual(Array.from({ length: 13 }, (_, i) => `bytes=${15_000 * i}-`));
  // Each brought something, so that the count of failures never grew.
  expect(clock.waits).toEqual(Array.from({ length: 12 }, () => 500));
  expect(Math.max(...failures)).toBe(1);
  expect(weightRequests().reduce((sum, { sent }) => sum + sent, 0)).toBe(WEIGHTS.length);
});

test('a connection that brings nothing ten times ends the download; it goes on later', async () => {
  hub.faults.push({ kind: 'cut', file: W, afterBytes: 60_000 }, { kind: 'cut', file: W, afterBytes: 0, times: 11 });
  const clock = testClock();
  expect(await hubErrorOf(download({ clock }), 'offline')).toContain('is kept');
  expect(clock.waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000, 20_000]);
  expect(await listModels(store)).toMatchObject([{ state: 'partial', resumable: true }]);
  hub.faults.length = 0;
  hub.requests.length = 0;
  await expectComplete(await download());
  expect(ranges()).toEqual(['bytes=60000-']);
});

test('busy servers and signatures that ran out are tried again, after as long as the server asks for', async () => {
  hub.faults.push({ kind: 'status', file: 'tokenizer.json', status: 429, retryAfter: 7 });
  hub.faults.push(
    { kind: 'status', file: W, status: 503 },
    { kind: 'status', file: W, status: 403, cdn: true, times: 2 },
  );
  const clock = testClock();
  const model = await download({ clock });
  await expectComplete(model);
  expect(clock.waits).toEqual([7000, 500, 1000, 2000]);
});

test('a server that says nothing for half a minute is asked again', async () => {
  hub.faults.push({ kind: 'stall', file: W, afterBytes: 70_000 });
  const clock = testClock((signal) => hub.stalled(signal));
  await expectComplete(await download({ clock }));
  expect(clock.waits).toEqual([500]);
});

test('what the connection damaged is fetched once more', async () => {
  hub.faults.push({ kind: 'wrongBytes', file: W }, { kind: 'wrongBytes', file: 'config.json' });
  const totals: number[] = [];
  await expectComplete(
    await download({ onProgress: ({ doneBytes, totalBytes }) => totals.push(doneBytes - totalBytes) }),
  );
  expect(ranges()).toEqual(['bytes=0-', 'bytes=0-']);
  expect(Math.max(...totals)).toBe(0);
});

test.each(['config.json', W])('%s that is damaged twice is not kept, and says so', async (name) => {
  hub.faults.push({ kind: 'wrongBytes', file: name, times: 2 });
  const error = await errorOf(download());
  expect(error).toBeInstanceOf(DownloadError);
  expect(error.message).toContain(`${name} arrived damaged twice`);
  const [model] = await listModels(store);
  expect(model).toMatchObject({ state: 'partial', resumable: true });
  expect(await store.open(folderOf(model!.id), name)).toBeUndefined();
  // What was right before is still there, and the next try needs only the rest.
  const before = model!.bytes;
  const written = store.written;
  await expectComplete(await download());
  expect(model!.totalBytes! - before).toBeLessThanOrEqual(store.written - written);
});

test.each([1000, -1000, -1e9])('a length that differs by %d is noticed', async (by) => {
  hub.faults.push({ kind: 'wrongLength', file: W, by });
  await expectComplete(await download());
  await deleteModel(store, (await listModels(store))[0]!.id);
  hub.faults.push({ kind: 'wrongLength', file: W, by, times: 100 });
  const error = await errorOf(download());
  expect(error).toBeInstanceOf(DownloadError);
  expect((error as DownloadError).code).toBe('wrongLength');
  expect(error.message).toContain(`does not have the ${WEIGHTS.length} bytes`);
  const [model] = await listModels(store);
  expect(await store.open(folderOf(model!.id), W)).toBeUndefined();
});

test('more bytes than announced, without a length, are not taken', async () => {
  const description = await describeModel();
  const fetch: FetchLike = async (url, init) => {
    const response = await globalThis.fetch(url, init);
    if (!url.endsWith(W)) return response;
    const bytes = new Uint8Array(await response.arrayBuffer());
    return new Response(new Blob([bytes, bytesOf(10)]).stream(), { status: 206 });
  };
  const error = await errorOf(downloadModel(description, store, { fetch, clock: testClock() }));
  expect((error as DownloadError).code).toBe('wrongLength');
});

test('an aborted download is listed as partial and goes on elsewhere from where it was', async () => {
  const { signal, reason } = abortAfter(100_000);
  await expect(download({ signal })).rejects.toBe(reason);
  store.onWrite = () => undefined;
  const [partial] = await listModels(store);
  expect(partial).toMatchObject({ state: 'partial', resumable: true });
  expect(partial!.bytes).toBeGreaterThanOrEqual(100_000 - 1000);
  expect(partial!.bytes).toBeLessThan(partial!.totalBytes!);
  expect((await errorOf(openModel(store, partial!.id))).message).toContain('only in part');

  // Another tab knows only what is stored.
  hub.requests.length = 0;
  const description = (await storedDescription(store, partial!.id))!;
  expect(await missingBytes(description, store)).toBe(partial!.totalBytes! - partial!.bytes);
  const states: string[] = [];
  const first: DownloadProgress[] = [];
  const model = await downloadModel(description, store, {
    clock: testClock(),
    onProgress: (progress) => {
      states.push(progress.state);
      first.push(progress);
    },
  });
  await expectComplete(model);
  expect(first[0]?.doneBytes).toBe(partial!.bytes);
  expect(states).toContain('checking');
  expect(hub.requests.reduce((sum, { sent }) => sum + sent, 0)).toBe(partial!.totalBytes! - partial!.bytes);
  expect(hub.requests.every(({ path }) => !path.startsWith('/api'))).toBe(true);
});

test('a partial download can be deleted, and one that runs cannot', async () => {
  let during: Promise<void> | undefined;
  store.onWrite = (folder, name) => {
    if (name === W) during ??= deleteModel(store, decodeURIComponent(folder));
    during?.catch(() => undefined);
  };
  const model = await download();
  expect(await errorOf(during!)).toBeInstanceOf(StoreBusyError);
  await expectComplete(model);
  const { signal } = abortAfter(store.written + 50_000);
  await deleteModel(store, model.id);
  await errorOf(download({ signal }));
  await deleteModel(store, model.id);
  expect(await listModels(store)).toEqual([]);
});

test('two downloads of the same model do not mix', async () => {
  const description = await describeModel();
  const results = await Promise.allSettled([
    downloadModel(description, store, { clock: testClock() }),
    downloadModel(description, store, { clock: testClock() }),
  ]);
  const failed = results.filter((result) => result.status === 'rejected');
  expect(failed).toHaveLength(1);
  expect(failed[0]?.reason).toBeInstanceOf(StoreBusyError);
  await expectComplete();
});

test('bytes that changed on the disk are noticed when a download goes on', async () => {
  const { signal } = abortAfter(100_000);
  await errorOf(download({ signal }));
  store.onWrite = () => undefined;
  const [partial] = await listModels(store);
  const bytes = store.contents.get(folderOf(partial!.id))!.get(W)!;
  bytes[5] = (bytes[5] ?? 0) ^ 1;
  await expectComplete(await download());
});

test('an update between pause and resume: the older commit goes on, and the newer one is a model of its own', async () => {
  const { signal } = abortAfter(100_000);
  await errorOf(download({ signal }));
  store.onWrite = () => undefined;
  const [partial] = await listModels(store);
  await hub.setFile(MODEL, W, bytesOf(WEIGHTS.length, 7));
  const newer = await download();
  expect(newer.id).not.toBe(partial!.id);
  const older = await downloadModel((await storedDescription(store, partial!.id))!, store, { clock: testClock() });
  const read = async ({ id }: StoredModel) => (await (await openModel(store, id))(W))!.read(0, WEIGHTS.length);
  expectBytes(await read(older), WEIGHTS);
  expectBytes(await read(newer), bytesOf(WEIGHTS.length, 7));
});

test.each([0, 500])(
  'a server without commits whose file changed between pause and resume (%d bytes more)',
  async (more) => {
    await hub.close();
    await start({ style: 'plain' });
    const { signal } = abortAfter(100_000);
    await errorOf(download({ signal }));
    store.onWrite = () => undefined;
    const changed = bytesOf(WEIGHTS.length + more, 7);
    await hub.setFile(MODEL, W, changed);
    hub.requests.length = 0;
    const model = await download();
    expect(model.state).toBe('complete');
    const source = (await (await openModel(store, model.id))(W))!;
    expectBytes(await source.read(0, source.size), changed);
    expect(ranges().at(-1)).toBe('bytes=0-');
    // And one that did not change goes on where it was.
    expect(hub.requests.filter(({ file, sent }) => file === 'tokenizer.json' && sent > 1)).toEqual([]);
  },
);

test('a server that ignores ranges sends the file anew after a break, and no break that repeats runs for ever', async () => {
  hub.faults.push({ kind: 'cut', file: W, afterBytes: 90_000 }, { kind: 'ignoreRange', file: W, times: 1 });
  const clock = testClock();
  await expectComplete(await download({ clock }));
  await deleteModel(store, (await listModels(store))[0]!.id);
  hub.faults.push(
    { kind: 'ignoreRange', file: W, times: 100 },
    { kind: 'cut', file: W, afterBytes: 90_000, times: 100 },
  );
  await hubErrorOf(download(), 'offline');
});

test('a model that became gated or vanished while it was downloaded', async () => {
  const description = await describeModel();
  hub.faults.push({ kind: 'status', file: W, status: 403, code: 'GatedRepo' });
  await hubErrorOf(downloadModel(description, store, { clock: testClock() }), 'gated');
  hub.faults.push({ kind: 'status', file: W, status: 404, code: 'EntryNotFound' });
  expect(await hubErrorOf(downloadModel(description, store, { clock: testClock() }), 'notFound')).toContain(W);
  expect(await listModels(store)).toMatchObject([{ state: 'partial' }]);
  await hub.close();
  await hubErrorOf(downloadModel(description, store, { clock: testClock() }), 'offline');
});

test('too little storage is said before anything is fetched or written', async () => {
  store.quota = 120_000;
  const description = await describeModel();
  hub.requests.length = 0;
  const error = await errorOf(downloadModel(description, store));
  expect(error).toBeInstanceOf(StorageFullError);
  expect(error).toMatchObject({ neededBytes: description.totalBytes, freeBytes: 120_000 });
  expect(error.message).toBe(
    `${MODEL} needs 200 kB of storage, but only 120 kB are free. Delete stored models that you no longer need, or free some of the disk; then go on: what has arrived is kept.`,
  );
  expect(hub.requests).toEqual([]);
  expect(store.contents.size).toBe(0);
});

test('storage that is full in the middle keeps what is there, and the download goes on when there is room', async () => {
  store.quota = 120_000;
  store.statedQuota = 1e9;
  const description = await describeModel();
  const error = await errorOf(downloadModel(description, store, { clock: testClock() }));
  expect(error).toBeInstanceOf(StorageFullError);
  // The browser's own figure was wrong, so it is not repeated.
  expect((error as StorageFullError).freeBytes).toBeUndefined();
  const [partial] = await listModels(store);
  expect(partial).toMatchObject({ state: 'partial', resumable: true });
  expect((error as StorageFullError).neededBytes).toBe(description.totalBytes - partial!.bytes);
  expect(partial!.bytes).toBeGreaterThan(115_000);
  store.quota = Infinity;
  hub.requests.length = 0;
  await expectComplete(await downloadModel(description, store, { clock: testClock() }));
  expect(hub.requests.reduce((sum, { sent }) => sum + sent, 0)).toBe(description.totalBytes - partial!.bytes);
});

test('storage that fails at any byte leaves nothing that counts as stored', async () => {
  const description = await describeModel();
  const counter = memoryStore();
  let writes = 0;
  counter.onWrite = () => void writes++;
  await downloadModel(description, counter, { clock: testClock() });
  for (let failing = 1; failing <= writes; failing++) {
    const broken = memoryStore();
    let count = 0;
    broken.onWrite = () => {
      if (++count === failing) throw new Error('The disk is gone.');
    };
    expect((await errorOf(downloadModel(description, broken, { clock: testClock() }))).message).toBe(
      'The disk is gone.',
    );
    // Only the manifest's own write comes after everything is there.
    const states = (await listModels(broken)).map(({ state }) => state);
    if (failing < writes) expect(states).not.toContain('complete');
    broken.onWrite = () => undefined;
    const model = await downloadModel(description, broken, { clock: testClock() });
    expect(model.state).toBe('complete');
  }
});

test('a manifest that was cut off, or whose files are gone or shorter, is none', async () => {
  const { id } = await download();
  const folder = store.contents.get(folderOf(id))!;
  const whole = folder.get('stored.json')!;
  const state = async () => (await listModels(store))[0]?.state;
  for (const length of [0, 1, 20, whole.length - 1]) {
    folder.set('stored.json', whole.subarray(0, length));
    expect(await state()).toBe('partial');
  }
  for (const json of ['null', '[]', '{}', '{"files":[]}', '{"origin":{"kind":"hub"},"files":[{}],"date":""}']) {
    folder.set('stored.json', new TextEncoder().encode(json));
    expect(await listModels(store)).toMatchObject([{ state: 'partial', origin: undefined, resumable: false }]);
  }
  folder.set('stored.json', whole);
  expect(await state()).toBe('complete');
  folder.set(W, WEIGHTS.slice(0, -1));
  expect(await state()).toBe('partial');
  folder.delete(W);
  expect(await state()).toBe('partial');
  await expectComplete(await download());
});

test('folders that are none of ours are left alone', async () => {
  const writer = await store.writer('%zz', 'x', 0);
  await writer.close();
  await download();
  expect(await listModels(store)).toHaveLength(1);
});

test('a sharded model', async () => {
  await hub.close();
  const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  await start(undefined, {
    'config.json': '{}',
    'tokenizer.json': '{}',
    'model.safetensors.index.json': shards(names),
    [names[0]!]: bytesOf(70_000),
    [names[1]!]: new Uint8Array(0),
  });
  const model = await download();
  const files = await openModel(store, model.id);
  expectBytes(await (await files(names[0]!))?.read(0, 70_000), bytesOf(70_000));
  // An empty file cannot be asked for by range.
  expect((await files(names[1]!))?.size).toBe(0);
  expect(await (await hubFiles(await describeModel())(names[1]!))?.read(0, 5)).toEqual(new Uint8Array(0));
});
