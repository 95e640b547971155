import { defineConfig } from 'vite';
import { licences } from './scripts/licences/plugin.mjs';

const { page, worker } = licences();

/** The engine as a library (src/engine.ts): modules that stand alone, with the kernels and texts they need inside. */
export default defineConfig({
  publicDir: false,
  plugins: [page],
  worker: { format: 'es', plugins: () => [worker()] },
  build: {
    target: 'es2023',
    outDir: 'dist-engine',
    emptyOutDir: true,
    minify: false,
    lib: { entry: 'src/engine.ts', formats: ['es'], fileName: 'engine' },
  },
});
