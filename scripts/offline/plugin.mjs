/**
 * Vite plugin: adds serviceWorker.js to the built page, with the list of all files it keeps. The development server has none.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const TEMPLATE = fileURLToPath(new URL('serviceWorker.js', import.meta.url));
export const FILE_NAME = 'serviceWorker.js';

/**
 * What no page loads: reports of the build, the picture for links, licences, and fonts in formats that only browsers without WebGPU need.
 * And the runtime of encoders, 14 MB, which only who opens one fetches: the browser's own cache keeps it.
 */
const LEFT_OUT = /^\.vite\/|^preview\.png$|^LICENSES\.txt$|\.map$|\.ttf$|\.woff$|\/ort-wasm[^/]*\.wasm$/;

/** @returns {import('vite').Plugin} */
export function offline() {
  let folder = '';
  return {
    name: 'offline',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir);
    },
    // The last hook of a build: everything is written, files of public/ too.
    closeBundle: {
      order: 'post',
      sequential: true,
      async handler(error) {
        if (!error) await writeServiceWorker(folder);
      },
    },
  };
}

/**
 * Lists what lies in a built page's folder, and writes its service worker.
 * @param {string} folder
 */
export async function writeServiceWorker(folder) {
  const files = await listFiles(folder);
  const template = await readFile(TEMPLATE, 'utf8');
  const version = sha256(JSON.stringify(files) + template).slice(0, 16);
  const code = template
    .replace("'__VERSION__'", () => JSON.stringify(version))
    .replace("'__FILES__'", () => JSON.stringify(files, undefined, 2));
  await writeFile(join(folder, FILE_NAME), code);
}

/**
 * Hash of every file to keep, by its path relative to the page; the page itself is the empty path.
 * @param {string} folder
 * @returns {Promise<Record<string, string>>}
 */
async function listFiles(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(folder, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .filter((path) => path !== FILE_NAME && !LEFT_OUT.test(path))
    .sort();
  const hashed = await Promise.all(
    paths.map(async (path) => [path === 'index.html' ? '' : path, sha256(await readFile(join(folder, path)))]),
  );
  return Object.fromEntries(hashed);
}

/** @param {string | Buffer} content */
function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}
