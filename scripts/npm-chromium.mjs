/**
 * Unpacks parts of the npm package `@sparticuz/chromium` (Linux x64): a headless browser, SwiftShader (a GPU in software),
 * the Vulkan loader and the few libraries that bare machines lack.
 *
 * The package's own unpacker writes to fixed names in the temporary folder, which breaks when two users or two processes
 * start at once. Here every part goes to a folder per user and version, and appears there by one atomic rename.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { chmod, lstat, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { brotliDecompress, createBrotliDecompress } from 'node:zlib';

const brotli = promisify(brotliDecompress);
const TAR_BLOCK = 512;
const LIST = 'files.json';

/** Whether the package's binaries run on this machine. */
export const hasNpmChromium = process.platform === 'linux' && process.arch === 'x64';

/** @returns {string} the folder of the installed package */
function packageFolder() {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium');
  let folder = dirname(entry);
  while (!existsSync(join(folder, 'bin', 'chromium.br'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('@sparticuz/chromium is installed without its binaries: run npm ci again.');
    folder = parent;
  }
  return folder;
}

/**
 * Unpacks one archive of the package, unless that was done before.
 *
 * @param {'chromium' | 'swiftshader' | 'al2023' | 'fonts'} name
 * @returns {Promise<string>} the folder with its files
 */
export async function unpack(name) {
  const source = packageFolder();
  const target = join(await cacheFolder(source), name);
  if (await isComplete(target)) return target;

  const partial = `${target}.${process.pid}.${Date.now()}`;
  await mkdir(partial, { recursive: true });
  try {
    const archives = join(source, 'bin');
    // The browser looks for SwiftShader beside itself.
    const files =
      name === 'chromium'
        ? {
            ...(await unpackFile(join(archives, 'chromium.br'), partial, name)),
            ...(await unpackTar(join(archives, 'swiftshader.tar.br'), partial)),
          }
        : await unpackTar(join(archives, `${name}.tar.br`), partial);
    await writeFile(join(partial, LIST), JSON.stringify(files));
    await publish(partial, target);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return target;
}

/** The folder of this user and this version, closed to others: what lies in it is going to be executed. */
async function cacheFolder(source) {
  const { version } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
  const folder = join(tmpdir(), `revela-playground-${process.getuid?.() ?? 'user'}-chromium-${version}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) {
    throw new Error(`${folder} belongs to somebody else: remove it, or set TMPDIR to a folder of your own.`);
  }
  return folder;
}

/** Whether all files are there: cleaners of the temporary folder remove single old ones. */
async function isComplete(folder) {
  try {
    const files = Object.entries(JSON.parse(await readFile(join(folder, LIST), 'utf8')));
    const sizes = await Promise.all(files.map(async ([file]) => (await stat(join(folder, file))).size));
    return files.length > 0 && files.every(([, size], i) => size === sizes[i]);
  } catch {
    return false;
  }
}

/** Puts a finished folder into its place, also when another process does the same at this moment. */
async function publish(partial, target) {
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(partial, target);
      return;
    } catch (error) {
      if (await isComplete(target)) return;
      if (attempt === 3 || !['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
      // A damaged folder is in the way: move it aside in one step, so that nobody sees it half removed.
      const aside = `${partial}.damaged${attempt}`;
      await rename(target, aside).catch(() => undefined);
      await rm(aside, { recursive: true, force: true });
    }
  }
}

async function unpackFile(archive, folder, name) {
  const file = join(folder, name);
  await pipeline(createReadStream(archive), createBrotliDecompress(), createWriteStream(file, { mode: 0o755 }));
  return { [name]: (await stat(file)).size };
}

/** Reads the plain ustar archives of the package: files and folders, names below 256 characters. */
async function unpackTar(archive, folder) {
  const tar = await brotli(await readFile(archive));
  const sizes = {};
  for (let offset = 0; offset + TAR_BLOCK <= tar.length && tar[offset] !== 0;) {
    const text = (from, length) => tar.toString('utf8', offset + from, offset + from + length).replace(/\0.*$/s, '');
    const name = [text(345, 155), text(0, 100)].filter(Boolean).join('/');
    const mode = Number.parseInt(text(100, 8), 8);
    const size = Number.parseInt(text(124, 12), 8);
    const type = text(156, 1);
    const path = resolve(folder, name);
    if (!path.startsWith(folder + sep)) throw new Error(`${archive} has an entry outside its folder: ${name}`);
    offset += TAR_BLOCK;
    if (type === '5') {
      await mkdir(path, { recursive: true });
    } else if (type === '0' || type === '') {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, tar.subarray(offset, offset + size));
      await chmod(path, mode & 0o755);
      sizes[name] = size;
    } else {
      throw new Error(`${archive} has an entry of unknown type ${type}: ${name}`);
    }
    offset += Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
  }
  return sizes;
}
