import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, test, type Page } from '@playwright/test';
import { build } from 'vite';
import type { StoredModel } from '../../src/files/store/storedModels.ts';
import { startFakeHub, type FakeHub } from '../harness/fakeHub.ts';
import type { Commands, FilesScope } from './support/modelFilesEntry.ts';

const MODEL = 'someone/tiny-model';
const W = 'model.safetensors';
const WEIGHTS = Uint8Array.from({ length: 6_000_000 }, (_, i) => (i * 2_654_435_761) >>> 13);
const DIGEST = createHash('sha256').update(WEIGHTS).digest('hex');
const FILES = { 'config.json': '{"model_type":"qwen2"}', 'tokenizer.json': '{}', [W]: WEIGHTS };

/** An empty page with the modules for files: another origin than the hub's, as the real page is. */
let code = '';
const site = createServer((request, response) => {
  const script = request.url === '/files.js';
  response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
  response.end(script ? code : '<!doctype html><title>Files</title><script src="files.js"></script>');
});

let hub: FakeHub;

test.beforeAll(async () => {
  const entry = fileURLToPath(new URL('support/modelFilesEntry.ts', import.meta.url));
  const lib = { entry, formats: ['iife'] as const, name: 'modelFiles' };
  const built = await build({
    configFile: false,
    logLevel: 'warn',
    build: { write: false, lib: { ...lib, formats: [...lib.formats] } },
  });
  const [output] = [built].flat();
  if (!output || !('output' in output)) throw new Error('The modules for files were not built.');
  code = output.output[0].code;
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
});
test.afterAll(() => {
  site.close();
});
test.beforeEach(async () => {
  hub = await startFakeHub({ [MODEL]: { files: FILES } });
});
test.afterEach(() => hub.close());

interface FilesPage {
  worker?: Worker;
}

/** The empty page, where the modules run in a worker and in the page itself. */
async function openEmptyPage(page: Page): Promise<void> {
  await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
  await page.evaluate(() => {
    (globalThis as FilesPage).worker = new Worker('files.js');
  });
}

/** Runs a command in the page's worker, or in the page. @throws what it threw */
async function run<Name extends keyof Commands>(
  page: Page,
  name: Name,
  args: Parameters<Commands[Name]>,
  where: 'worker' | 'page' = 'worker',
): Promise<Awaited<ReturnType<Commands[Name]>>> {
  const { result, error } = await page.evaluate(
    ([command, values, place]) => {
      if (place === 'page') return (globalThis as unknown as FilesScope).runFiles(command, values);
      return new Promise<{ result?: unknown; error?: string }>((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = (event: MessageEvent<{ result?: unknown; error?: string }>) => resolve(event.data);
        (globalThis as FilesPage).worker?.postMessage({ name: command, args: values, port: port2 }, [port2]);
      });
    },
    [name, args, where] as const,
  );
  if (error !== undefined) throw new Error(error);
  return result as Awaited<ReturnType<Commands[Name]>>;
}

/** Until the partial model has this many bytes. */
async function partial(page: Page, bytes: number): Promise<StoredModel> {
  let model: StoredModel | undefined;
  await expect(async () => {
    [model] = await run(page, 'list', []);
    expect(model?.bytes ?? 0).toBeGreaterThan(bytes);
  }).toPass();
  if (!model) throw new Error('There is no partial model.');
  return model;
}

for (const where of ['worker', 'page'] as const) {
  test(`a model is downloaded from another origin into the browser's storage and read back (${where})`, async ({
    page,
  }) => {
    await openEmptyPage(page);
    hub.faults.push({ kind: 'cut', file: W, afterBytes: 1_000_000, times: 3 });
    const model = await run(page, 'download', [hub.url, MODEL], where);
    expect(model).toMatchObject({ state: 'complete', bytes: WEIGHTS.length + 24 });
    // No question is asked beforehand: the server for large files would refuse it.
    expect(hub.requests.filter(({ method }) => method === 'OPTIONS')).toEqual([]);
    const begins = hub.requests.flatMap(({ cdn, range }) =>
      cdn ? [Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1])] : [],
    );
    // A browser may throw away what it had received when it learns that the connection broke; most of it is kept.
    expect(begins).toHaveLength(4);
    expect(begins).toEqual([...begins].sort((first, second) => first - second));
    expect(begins[0]).toBe(0);
    expect(begins[3]).toBeGreaterThan(0);
    expect(begins[3]).toBeLessThanOrEqual(3_000_000);
    await openEmptyPage(page);
    expect(await run(page, 'list', [], where)).toEqual([model]);
    expect(await run(page, 'digest', [model.id, W], where)).toBe(DIGEST);
    await run(page, 'delete', [model.id], where);
    expect(await run(page, 'list', [], where)).toEqual([]);
  });
}

test('a tab that is closed in the middle: the next one goes on from there', async ({ page, context }) => {
  await openEmptyPage(page);
  hub.faults.push({ kind: 'throttle', file: W, bytesPerSecond: 3_000_000 });
  void run(page, 'download', [hub.url, MODEL]).catch(() => undefined);
  const other = await context.newPage();
  await openEmptyPage(other);
  const { id } = await partial(other, 500_000);
  await page.close();
  const model = await partial(other, 500_000);
  expect(model).toMatchObject({ id, state: 'partial', resumable: true, totalBytes: WEIGHTS.length + 24 });
  await expect(run(other, 'digest', [id, W])).rejects.toThrow('only in part');
  hub.requests.length = 0;
  // The browser frees what the closed tab held when it gets to it.
  await expect(async () => {
    expect(await run(other, 'resume', [id])).toMatchObject({ state: 'complete' });
  }).toPass();
  const [first] = hub.requests;
  expect(Number(/^bytes=(\d+)-$/.exec(first?.range ?? '')?.[1])).toBeGreaterThan(500_000);
  expect(await run(other, 'digest', [id, W])).toBe(DIGEST);
});

test('another tab cannot disturb a download', async ({ page, context }) => {
  await openEmptyPage(page);
  hub.faults.push({ kind: 'throttle', file: W, bytesPerSecond: 3_000_000 });
  const download = run(page, 'download', [hub.url, MODEL]);
  const other = await context.newPage();
  await openEmptyPage(other);
  const { id } = await partial(other, 500_000);
  await expect(run(other, 'resume', [id])).rejects.toThrow(
    'StoreBusyError: model.safetensors is in use by another tab',
  );
  await expect(run(other, 'delete', [id])).rejects.toThrow('StoreBusyError');
  expect(await download).toMatchObject({ id, state: 'complete' });
  expect(await run(other, 'digest', [id, W])).toBe(DIGEST);
});

test('storage that gets full in the middle of a download', async ({ page, context }) => {
  await openEmptyPage(page);
  const { origin } = new URL(page.url());
  const browser = await context.newCDPSession(page);
  hub.faults.push({ kind: 'throttle', file: W, bytesPerSecond: 2_000_000 });
  const download = run(page, 'download', [hub.url, MODEL]).then(
    () => 'complete',
    (error: Error) => error.message,
  );
  // Browsers do not tell pages how much room there really is, so only the write that fails shows it.
  await expect.poll(() => hub.requests.find(({ cdn }) => cdn)?.sent ?? 0).toBeGreaterThan(500_000);
  await browser.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_500_000 });
  expect(await download).toMatch(/StorageFullError: .* what has arrived is kept/);
  const [model] = await run(page, 'list', []);
  expect(model).toMatchObject({ state: 'partial', resumable: true });
  expect(model?.bytes).toBeGreaterThan(500_000);
  await browser.send('Storage.overrideQuotaForOrigin', { origin });
  expect(await run(page, 'resume', [model?.id ?? ''])).toMatchObject({ state: 'complete' });
  expect(await run(page, 'digest', [model?.id ?? '', W])).toBe(DIGEST);
});

test('local files are copied into the storage, and files are read from the hub without storing', async ({ page }) => {
  await openEmptyPage(page);
  const texts = { 'tiny/config.json': '{}', 'tiny/tokenizer.json': '{}', 'tiny/model.safetensors': 'weights' };
  const pooling = { 'tiny/1_Pooling/config.json': '{"pooling_mode":"mean"}' };
  const model = await run(page, 'import', ['tiny', { ...texts, ...pooling }]);
  expect(model).toMatchObject({ state: 'complete', bytes: 34 });
  expect(await run(page, 'digest', [model.id, W])).toBe(createHash('sha256').update('weights').digest('hex'));
  // A file of a part of the model, whose name holds a slash.
  const own = createHash('sha256').update('{"pooling_mode":"mean"}').digest('hex');
  expect(await run(page, 'digest', [model.id, '1_Pooling/config.json'])).toBe(own);
  expect(await run(page, 'digestFromHub', [hub.url, MODEL, W])).toBe(DIGEST);
  expect(await run(page, 'list', [])).toEqual([model]);
  expect(hub.requests.filter(({ method }) => method === 'OPTIONS')).toEqual([]);
});
