import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { offline } from './scripts/offline/plugin.mjs';

export default defineConfig({
  // Relative, so that the built page works under any path of any server.
  base: './',
  plugins: [svelte(), offline()],
  worker: { format: 'es' },
  build: {
    target: 'es2023',
    // scripts/budget.mjs reads it to find what the first paint loads.
    manifest: true,
  },
  test: {
    environment: 'node',
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/harness/globalSetup.ts'],
    // Each Dawn instance brings its own threads and shader compiler: two at a time are enough.
    pool: 'forks',
    maxWorkers: 2,
    // A software adapter compiles and runs kernels slowly, and nothing here measures time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
