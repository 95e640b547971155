import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Alias } from 'vite';
import { nodeGpu } from '../../src/cli/support/nodeGpu.ts';
import type { Peers } from './libraries/comparison.ts';
import { withBuild, type Work } from './withBuild.ts';

const ENTRY = 'bench/peers/node/main.ts';

/**
 * Builds the bench for Node and opens it in this process, on the machine's GPU: also on one that no browser of the machine has.
 * @param alias where the libraries are
 */
export function inNode(alias: Alias[], work: Work): Promise<void> {
  const rollupOptions = { output: { entryFileNames: 'main.mjs' } };
  return withBuild(alias, { ssr: resolve(ENTRY), rollupOptions }, async (folder) => {
    // The libraries look for WebGPU where browsers have it; Node before 21 has no such object, later ones one that is read only.
    Object.defineProperty(globalThis, 'navigator', {
      value: { gpu: nodeGpu(), userAgent: 'Node' },
      configurable: true,
    });
    const { peers } = (await import(pathToFileURL(join(folder, 'main.mjs')).href)) as { peers: Peers };
    const { description } = (await navigator.gpu.requestAdapter())?.info ?? { description: 'no adapter' };
    await work(peers, `Node ${process.version}, ${description}`);
  });
}
