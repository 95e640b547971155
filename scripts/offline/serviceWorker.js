/**
 * Keeps the built page on the reader's machine, so that it works without a network. One cache per build: a build is taken
 * whole and checked, or not at all. Files of other origins, and anything the build does not list, go to the network untouched
 * and are never kept. plugin.mjs puts in VERSION and FILES.
 */
const VERSION = '__VERSION__';
/** @type {Record<string, string>} path, relative to the page → SHA-256 of its bytes */
const FILES = '__FILES__';

const worker = /** @type {any} */ (globalThis);
const SCOPE = worker.registration.scope;
/** Several copies of the page may share an origin. */
const PREFIX = `revela ${SCOPE} `;
const CACHE = PREFIX + VERSION;
/** Versions kept: a tab that still shows the one before may yet ask for its later parts. */
const KEPT = 2;

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('message', (event) => {
  if (event.data === 'take over') event.waitUntil(worker.skipWaiting());
});
worker.addEventListener('fetch', (event) => {
  const path = pathOf(event.request);
  if (path !== undefined) event.respondWith(answer(event.request, path));
});

/** The file of the build that a request is for; undefined when it is for none. */
function pathOf({ method, url }) {
  if (method !== 'GET' || !url.startsWith(SCOPE)) return undefined;
  const path = url.slice(SCOPE.length).replace(/[?#].*/s, '');
  const name = path === 'index.html' ? '' : path;
  // Parts of other versions have names of their own, made of their contents: one of the kept caches may have them.
  return name in FILES || /^assets\/[^/]+$/.test(name) ? name : undefined;
}

async function answer(request, path) {
  const address = SCOPE + path;
  const own = await (await worker.caches.open(CACHE)).match(address);
  if (own) return own;
  if (path.startsWith('assets/')) {
    for (const name of await ourCaches()) {
      const older = await (await worker.caches.open(name)).match(address);
      if (older) return older;
    }
  }
  return fetch(request);
}

async function install() {
  const cache = await worker.caches.open(CACHE);
  try {
    await Promise.all(Object.entries(FILES).map(([path, hash]) => take(cache, path, hash)));
  } catch (error) {
    await worker.caches.delete(CACHE);
    throw error;
  }
}

async function take(cache, path, hash) {
  const response = await fetch(SCOPE + path, { cache: 'no-cache' });
  if (!response.ok) throw new Error(`${path}: the server answers ${response.status}.`);
  const bytes = await response.arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  // The server may be in the middle of an update: then the next visit tries again.
  if (found !== hash) throw new Error(`${path} is not of version ${VERSION}.`);
  // Made anew, since a response that was redirected may not answer a navigation.
  const type = response.headers.get('content-type') ?? 'application/octet-stream';
  await cache.put(SCOPE + path, new Response(bytes, { headers: { 'content-type': type } }));
}

async function activate() {
  const names = (await ourCaches()).filter((name) => name !== CACHE);
  await Promise.all(names.slice(0, Math.max(0, names.length - KEPT + 1)).map((name) => worker.caches.delete(name)));
  // The page that brought this worker loads its later parts through it, too.
  await worker.clients.claim();
}

/** In the order they were made. */
async function ourCaches() {
  return (await worker.caches.keys()).filter((name) => name.startsWith(PREFIX));
}
