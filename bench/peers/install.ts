import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Versions } from './libraries/comparison.ts';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Outside package.json: nobody who builds, tests or uses the page downloads them. */
const FOLDER = join(ROOT, 'node_modules', '.cache', 'peers');

/** Pinned, so that two measurements are of the same libraries. */
const PEERS = {
  '@jax-js/jax': '0.1.25',
  '@tensorflow/tfjs-backend-webgpu': '4.22.0',
  '@tensorflow/tfjs-core': '4.22.0',
} as const;

export type Peer = keyof typeof PEERS;

/** Where the libraries are that are compared with, after they were installed if they were not; and the versions of all. */
export async function installPeers(say: (text: string) => void): Promise<{
  readonly folderOf: (peer: Peer) => string;
  readonly versions: Versions;
}> {
  const list = JSON.stringify({ private: true, dependencies: PEERS });
  const listed = join(FOLDER, 'package.json');
  if ((await readFile(join(FOLDER, 'installed.json'), 'utf8').catch(() => '')) !== list) {
    say(`Installing ${Object.keys(PEERS).join(', ')} into ${FOLDER} …\n`);
    await mkdir(FOLDER, { recursive: true });
    await writeFile(listed, list);
    await npmInstall();
    await writeFile(join(FOLDER, 'installed.json'), list);
  }
  const onnx = JSON.parse(await readFile(join(ROOT, 'node_modules/onnxruntime-web/package.json'), 'utf8')) as {
    version: string;
  };
  return {
    folderOf: (peer) => join(FOLDER, 'node_modules', peer),
    versions: { jax: PEERS['@jax-js/jax'], tfjs: PEERS['@tensorflow/tfjs-core'], onnx: onnx.version },
  };
}

function npmInstall(): Promise<void> {
  return new Promise((resolve, reject) => {
    // `npm` is a script on Windows.
    const child = spawn('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], {
      cwd: FOLDER,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm could not install the peers (exit code ${code}).`)),
    );
  });
}
