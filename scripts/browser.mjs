/**
 * Finds a browser with WebGPU. Tests take the headless Chromium that `npm ci` brought (Linux x64), so that they run the same on
 * every machine; measurements take an installed Chrome, Chromium or Edge; each takes the other where there is none.
 * REVELA_BROWSER chooses for both: `npm`, `installed`, or the path of a browser.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { libraryPath } from './gpu-environment.mjs';
import { hasNpmChromium, unpack } from './npm-chromium.mjs';

const run = promisify(execFile);

/** WebGPU's defaults and features that the page uses are in every Chromium from here on. */
const OLDEST_VERSION = 125;

/**
 * @typedef {object} Browser
 * @property {string} executablePath
 * @property {string[]} args flags that give WebGPU a software GPU where there is no GPU, and keep the network quiet
 * @property {Record<string, string>} env variables to set in addition to the present ones
 * @property {string} version what it says of itself
 */

/**
 * @param {'npm' | 'installed'} preferred which to take unless REVELA_BROWSER says otherwise
 * @returns {Promise<Browser>}
 * @throws {Error} when there is none, with what to do about it
 */
export async function findBrowser(preferred) {
  const chosen = process.env.REVELA_BROWSER;
  const ways = chosen ? [chosen] : preferred === 'npm' ? ['npm', 'installed'] : ['installed', 'npm'];
  const failures = [];
  for (const way of ways) {
    const installed = (paths) => paths.map((path) => ({ executablePath: path, env: {}, label: path }));
    const candidates =
      way === 'npm' ? npmBrowsers() : installed(way === 'installed' ? installedPaths().filter(existsSync) : [way]);
    for await (const { executablePath, env, label } of candidates) {
      const { version, failure } = await versionOf(executablePath, env);
      if (version) return { executablePath, args: flags(), env, version: `${version} (${label})` };
      failures.push(`  ${label}: ${failure}`);
    }
  }
  throw new Error([`No browser with WebGPU: install Chrome ${OLDEST_VERSION} or later.`, ...failures].join('\n'));
}

function flags() {
  return [
    '--no-sandbox',
    '--enable-unsafe-webgpu',
    ...(process.platform === 'linux' ? ['--use-webgpu-adapter=swiftshader'] : []),
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ];
}

/** The usual places; the first that starts is taken. */
function installedPaths() {
  if (process.platform === 'darwin') {
    const names = ['Google Chrome', 'Chromium', 'Microsoft Edge'];
    return ['/Applications', join(homedir(), 'Applications')].flatMap((folder) =>
      names.map((name) => join(folder, `${name}.app`, 'Contents', 'MacOS', name)),
    );
  }
  if (process.platform === 'win32') {
    const { PROGRAMFILES, LOCALAPPDATA } = process.env;
    const folders = [PROGRAMFILES, process.env['PROGRAMFILES(X86)'], LOCALAPPDATA].filter(Boolean);
    const tails = ['Google/Chrome/Application/chrome.exe', 'Microsoft/Edge/Application/msedge.exe'];
    return tails.flatMap((tail) => folders.map((folder) => join(folder, tail)));
  }
  const names = ['google-chrome-stable', 'google-chrome', 'chromium', 'chromium-browser', 'microsoft-edge'];
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/opt/google/chrome', '/snap/bin'];
  return names.flatMap((name) => folders.filter(Boolean).map((folder) => join(folder, name)));
}

/** Asks a browser for its version, which also shows that it starts: some systems install a stub under its name. */
async function versionOf(path, env = {}) {
  // On Windows that question opens a window instead.
  if (process.platform === 'win32') return { version: path };
  try {
    const { stdout } = await run(path, ['--version'], { env: { ...process.env, ...env }, timeout: 30_000 });
    const version = stdout.trim();
    const major = Number(/(\d+)\.\d+\.\d+/.exec(version)?.[1]);
    return major >= OLDEST_VERSION ? { version } : { failure: `too old or no browser: ${version || 'says nothing'}` };
  } catch (error) {
    return { failure: error.stderr?.trim().split('\n')[0] || error.message };
  }
}

/** The package's browser with the libraries of the machine, then with the package's own. */
async function* npmBrowsers() {
  if (!hasNpmChromium) return;
  const executablePath = join(await unpack('chromium'), 'chromium');
  const env = { FONTCONFIG_FILE: await fontSettings() };
  yield { executablePath, env, label: 'npm' };
  // Bare machines lack NSS; the package brings it, older than what a machine may have itself.
  const libraries = libraryPath(join(await unpack('al2023'), 'lib'));
  yield { executablePath, env: { ...env, LD_LIBRARY_PATH: libraries }, label: 'npm, with its libraries' };
}

/** Bare machines have neither fonts nor font settings: the package's font is added to what there is. */
async function fontSettings() {
  const folder = await unpack('fonts');
  const file = join(folder, 'settings.conf');
  const partial = `${file}.${process.pid}`;
  await writeFile(
    partial,
    `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${join(folder, 'fonts')}</dir>
  <cachedir>${join(folder, 'cache')}</cachedir>
</fontconfig>
`,
  );
  await rename(partial, file);
  return file;
}
