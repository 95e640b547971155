import { createHash, webcrypto } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FILE_NAME, writeServiceWorker } from '../../scripts/offline/plugin.mjs';

const SCOPE = 'https://example.org/some/path/';
const FILES: Record<string, string> = {
  'index.html': '<script src="./assets/index-1.js">',
  'assets/index-1.js': 'one',
  'recorded/facts.json': '{}',
  '.vite/manifest.json': '{}',
  'assets/font.woff': 'old',
  'assets/font.woff2': 'new',
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-offline-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function build(files: Readonly<Record<string, string>>): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await writeServiceWorker(folder);
  return readFile(join(folder, FILE_NAME), 'utf8');
}

/** The caches of a browser, as far as the worker uses them. */
class Caches {
  readonly all = new Map<string, Map<string, Response>>();
  open(name: string) {
    const cache = this.all.get(name) ?? new Map<string, Response>();
    this.all.set(name, cache);
    return Promise.resolve({
      match: (url: string) => Promise.resolve(cache.get(url)?.clone()),
      put: (url: string, response: Response) => Promise.resolve(void cache.set(url, response)),
    });
  }
  delete(name: string) {
    return Promise.resolve(this.all.delete(name));
  }
  keys() {
    return Promise.resolve([...this.all.keys()]);
  }
}

interface Asked {
  readonly method?: string;
  readonly url: string;
}

/** A browser that runs a service worker: `server` answers by paths relative to the page. */
function start(code: string, caches: Caches, server: (path: string) => Response) {
  const handlers = new Map<string, (event: unknown) => void>();
  const network: string[] = [];
  const world = {
    registration: { scope: SCOPE },
    caches,
    clients: { claim: () => Promise.resolve() },
    skipWaiting: () => Promise.resolve(),
    addEventListener: (type: string, handler: (event: unknown) => void) => handlers.set(type, handler),
    fetch: (asked: string | Asked) => {
      const url = typeof asked === 'string' ? asked : asked.url;
      network.push(url);
      return Promise.resolve(server(url.slice(SCOPE.length)));
    },
    crypto: webcrypto,
    Response,
    Uint8Array,
  };
  runInNewContext(code, world);
  const lifecycle = async (type: 'install' | 'activate'): Promise<void> => {
    let work: Promise<unknown> | undefined;
    handlers.get(type)?.({ waitUntil: (promise: Promise<unknown>) => (work = promise) });
    await work;
  };
  /** The worker's answer; undefined when it leaves the request alone. */
  const ask = async ({ method = 'GET', url }: Asked): Promise<string | undefined> => {
    let answer: Promise<Response> | undefined;
    handlers.get('fetch')?.({
      request: { method, url },
      respondWith: (promise: Promise<Response>) => (answer = promise),
    });
    return answer && (await answer).text();
  };
  return { install: () => lifecycle('install'), activate: () => lifecycle('activate'), ask, network };
}

const serve =
  (files: Readonly<Record<string, string>>) =>
  (path: string): Response => {
    const text = files[path === '' ? 'index.html' : path];
    return text === undefined ? new Response('', { status: 404 }) : new Response(text);
  };

test('a build lists all its files by the hash of their contents, and leaves out what nobody loads', async () => {
  const code = await build(FILES);
  const list = JSON.parse(/const FILES = (\{[^}]*\})/.exec(code)?.[1] ?? '') as Record<string, string>;
  expect(Object.keys(list).sort()).toEqual(['', 'assets/font.woff2', 'assets/index-1.js', 'recorded/facts.json']);
  expect(list['assets/index-1.js']).toBe(createHash('sha256').update('one').digest('hex'));
  expect(code).not.toContain('__VERSION__');
  expect(await build(FILES), 'the same build gives the same worker').toBe(code);
});

test('after the first visit everything comes from the cache', async () => {
  const worker = start(await build(FILES), new Caches(), serve(FILES));
  await worker.install();
  await worker.activate();
  worker.network.length = 0;
  expect(await worker.ask({ url: SCOPE })).toBe(FILES['index.html']);
  expect(await worker.ask({ url: `${SCOPE}index.html` })).toBe(FILES['index.html']);
  expect(await worker.ask({ url: `${SCOPE}?query#v=1` })).toBe(FILES['index.html']);
  expect(await worker.ask({ url: `${SCOPE}assets/index-1.js` })).toBe('one');
  expect(await worker.ask({ url: `${SCOPE}recorded/facts.json` })).toBe('{}');
  expect(worker.network).toEqual([]);
});

test('other origins, other paths and other methods are left alone, and nothing of them is kept', async () => {
  const caches = new Caches();
  const worker = start(await build(FILES), caches, serve(FILES));
  await worker.install();
  const kept = [...caches.all.values()].map((cache) => [...cache.keys()]);
  for (const asked of [
    { url: 'https://huggingface.co/Qwen/Qwen2.5-0.5B/resolve/main/model.safetensors' },
    { url: 'https://example.org/elsewhere' },
    { url: `${SCOPE}other.json` },
    { url: `${SCOPE}assets/deeper/file.js` },
    { url: SCOPE, method: 'POST' },
  ]) {
    expect(await worker.ask(asked), asked.url).toBeUndefined();
  }
  expect([...caches.all.values()].map((cache) => [...cache.keys()])).toEqual(kept);
});

test('a server in the middle of an update installs nothing', async () => {
  const code = await build(FILES);
  const caches = new Caches();
  const mixed = start(code, caches, serve({ ...FILES, 'recorded/facts.json': '{"newer":true}' }));
  await expect(mixed.install()).rejects.toThrow(/recorded\/facts\.json/);
  expect([...caches.all.keys()]).toEqual([]);
  const missing = start(code, caches, serve({ 'index.html': FILES['index.html']! }));
  await expect(missing.install()).rejects.toThrow(/404/);
  expect([...caches.all.keys()]).toEqual([]);
});

test('a newer version replaces the page, and tabs of the one before still find their parts', async () => {
  const caches = new Caches();
  await caches.open('somebody else’s');
  const first = start(await build(FILES), caches, serve(FILES));
  await first.install();
  await first.activate();
  const versions: Record<string, string>[] = [2, 3].map((n) => ({
    'index.html': `<script src="./assets/index-${n}.js">`,
    [`assets/index-${n}.js`]: `number ${n}`,
  }));
  for (const files of versions) {
    await rm(folder, { recursive: true });
    const next = start(await build(files), caches, serve(files));
    await next.install();
    expect(await first.ask({ url: SCOPE }), 'an old page stays whole until the new one takes over').toBe(
      FILES['index.html'],
    );
    await next.activate();
    expect(await next.ask({ url: SCOPE })).toBe(files['index.html']);
    if (files === versions[0]) expect(await next.ask({ url: `${SCOPE}assets/index-1.js` })).toBe('one');
  }
  const names = [...caches.all.keys()];
  expect(names).toHaveLength(3);
  expect(names[0]).toBe('somebody else’s');
});
