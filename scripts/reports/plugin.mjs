/**
 * Vite plugin: takes the build's own reports out of the page's folder, into .vite/ beside it. What is served is what readers need.
 */
import { rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const FOLDER = '.vite';

/** @returns {import('vite').Plugin} */
export function reports() {
  let [root, out] = ['', ''];
  return {
    name: 'reports',
    apply: 'build',
    configResolved(config) {
      root = config.root;
      out = resolve(root, config.build.outDir);
    },
    async closeBundle(error) {
      if (error) return;
      await rm(join(root, FOLDER), { recursive: true, force: true });
      await rename(join(out, FOLDER), join(root, FOLDER));
    },
  };
}
