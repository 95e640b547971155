import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Alias } from 'vite';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import type { Peers } from './libraries/comparison.ts';

const ENTRY = 'bench/peers/node/main.ts';
const CACHE = 'node_modules/.cache';

/**
 * Builds the bench for Node and opens it in this process, on the machine's GPU: also on one that no browser of the machine has.
 * @param alias where the libraries are
 */
export async function inNode(alias: Alias[], work: (peers: Peers, about: string) => Promise<void>): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(resolve(CACHE), 'peers-node-'));
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      resolve: { alias },
      ssr: { noExternal: true },
      build: {
        ssr: resolve(ENTRY),
        outDir: folder,
        target: 'es2023',
        rollupOptions: { output: { entryFileNames: 'main.mjs' } },
      },
    });
    // The libraries look for WebGPU where browsers have it; Node before 21 has no such object, later ones one that is read only.
    Object.defineProperty(globalThis, 'navigator', {
      value: { gpu: nodeGpu(), userAgent: 'Node' },
      configurable: true,
    });
    const { peers } = (await import(pathToFileURL(join(folder, 'main.mjs')).href)) as { peers: Peers };
    const { description } = (await navigator.gpu.requestAdapter())?.info ?? { description: 'no adapter' };
    await work(peers, `Node ${process.version}, ${description}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
