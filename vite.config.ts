import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { contentSecurity } from './scripts/contentSecurity/plugin.mjs';
import { licences } from './scripts/licences/plugin.mjs';
import { linkPreview } from './scripts/linkPreview/plugin.mjs';
import { offline } from './scripts/offline/plugin.mjs';
import { reports } from './scripts/reports/plugin.mjs';

const { page, worker } = licences();

export default defineConfig({
  // Relative, so that the built page works under any path of any server.
  base: './',
  plugins: [svelte(), linkPreview(process.env.SITE_URL), contentSecurity(), page, reports(), offline()],
  worker: { format: 'es', plugins: () => [worker()] },
  resolve: {
    // transformers.js brings the runtime that can use WebGPU, of 27 MB. Its encoders run on the one of 14 MB (encoderWorker.ts).
    alias: { 'onnxruntime-web/webgpu': 'onnxruntime-web/wasm' },
  },
  build: {
    target: 'es2023',
    // scripts/budget.mjs reads it to find what the first paint loads.
    manifest: true,
  },
});
