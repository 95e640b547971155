/**
 * Finds the environment variables under which Dawn (WebGPU in Node) has a GPU on this machine. Drivers and the Vulkan
 * loader are found when a process starts, so whoever needs a GPU starts a child process with these variables.
 *
 * In this order: a real adapter; Mesa's software GPU (lavapipe) when a version that Dawn takes is installed; SwiftShader
 * from the npm package (Linux x64). Tests take the last one where there is one, so that they run the same on every machine.
 * REVELA_GPU chooses for both: `swiftshader`, or `installed` for the order above.
 */
import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { hasNpmChromium, unpack } from './npm-chromium.mjs';

const run = promisify(execFile);
const PROBE = fileURLToPath(new URL('./probe-gpu.mjs', import.meta.url));
const PROBE_TIMEOUT_MS = 60_000;

/**
 * @typedef {object} GpuEnvironment
 * @property {Record<string, string>} env variables to set in addition to the present ones; often none
 * @property {{ vendor: string, architecture: string, description: string }} adapter what Dawn finds with them
 */

/**
 * @param {'installed' | 'swiftshader'} preferred which to take unless REVELA_GPU says otherwise
 * @returns {Promise<GpuEnvironment>}
 * @throws {Error} when there is no adapter at all, with what to do about it
 */
export async function gpuEnvironment(preferred) {
  const failures = [];
  for (const candidate of candidates(process.env.REVELA_GPU || preferred)) {
    const { label, env } = await candidate();
    const { adapter, failure } = await probe(env);
    if (adapter) return { env, adapter };
    failures.push(`  ${label}: ${failure}`);
  }
  throw new Error(
    [
      'No GPU for WebGPU in Node was found, and no software one either:',
      ...failures,
      process.platform === 'linux'
        ? "Install a graphics driver with Vulkan, or Mesa's software driver of version 24 or later (mesa-vulkan-drivers)."
        : 'Update the graphics driver of this machine.',
    ].join('\n'),
  );
}

/** Ways to get an adapter, best first; each makes its files only when its turn comes. */
function candidates(kind) {
  const installed = () => ({ label: 'drivers of this machine', env: {} });
  if (!hasNpmChromium) return [installed];
  if (kind === 'swiftshader') return [swiftShader];
  return [installed, installedWithOurLoader, swiftShader];
}

/** Containers often hold a driver but no Vulkan loader (libvulkan.so.1). */
async function installedWithOurLoader() {
  const files = await unpack('swiftshader');
  // A folder with nothing but the loader: the browser libraries beside it must not shadow those of the machine.
  const folder = join(files, 'loader');
  await mkdir(folder, { recursive: true });
  await symlink('../libvulkan.so.1', join(folder, 'libvulkan.so.1')).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return { label: 'drivers of this machine, loader from npm', env: { LD_LIBRARY_PATH: libraryPath(folder) } };
}

async function swiftShader() {
  const folder = await unpack('swiftshader');
  const driver = join(folder, 'vk_swiftshader_icd.json');
  // Loaders prefer the newer name, old ones know only the second.
  const env = { LD_LIBRARY_PATH: libraryPath(folder), VK_DRIVER_FILES: driver, VK_ICD_FILENAMES: driver };
  return { label: 'SwiftShader from npm', env };
}

/**
 * @param {string} folder
 * @returns {string} LD_LIBRARY_PATH with the folder in front of what is set already
 */
export function libraryPath(folder) {
  return [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
}

async function probe(env) {
  const options = { env: { ...process.env, ...env }, timeout: PROBE_TIMEOUT_MS };
  try {
    const { stdout, stderr } = await run(process.execPath, [PROBE], options);
    const adapter = JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null');
    return adapter ? { adapter } : { failure: stderr.trim().split('\n')[0] || 'no adapter' };
  } catch (error) {
    const reason = error.stderr?.trim().split('\n')[0] || error.message;
    return { failure: error.killed ? 'the driver did not answer in time' : reason };
  }
}
