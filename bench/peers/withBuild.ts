import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, type Alias, type BuildOptions } from 'vite';
import type { Peers } from './libraries/comparison.ts';

/** What is measured, and where, in words. */
export type Work = (peers: Peers, about: string) => Promise<void>;

/**
 * Builds the bench, all that it imports in it, into a folder that is there until `work` is done.
 * @param alias where the libraries are
 */
export async function withBuild(
  alias: Alias[],
  options: BuildOptions,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'peers-'));
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      base: './',
      resolve: { alias },
      ssr: { noExternal: true },
      build: { outDir: folder, target: 'es2023', ...options },
    });
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
