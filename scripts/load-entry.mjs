/**
 * The child process of run.mjs: loads the entry through Vite, so that Node sees the modules as the page does (TypeScript,
 * shaders imported as `?raw`), and runs its `main`.
 */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [entry, ...args] = process.argv.slice(2);

/** A signal that reaches both processes arrives twice within this time; a person who presses twice takes longer. */
const SAME_SIGNAL_MS = 300;
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 };

const stop = new AbortController();
let stoppedAt = 0;
function onSignal(signal) {
  if (!stop.signal.aborted) {
    stoppedAt = Date.now();
    stop.abort(signal);
  } else if (Date.now() - stoppedAt > SAME_SIGNAL_MS) {
    process.exit(EXIT_CODES[signal]);
  }
}
for (const signal of Object.keys(EXIT_CODES)) process.on(signal, () => onSignal(signal));
process.on('message', onSignal);
// When the parent is gone, nobody waits for the result.
process.on('disconnect', () => process.exit(1));

const vite = await createServer({
  root: ROOT,
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true, include: [] },
});

let code;
try {
  const { main } = await vite.ssrLoadModule(entry);
  if (typeof main !== 'function') throw new Error(`${entry} exports no function main(args, signal).`);
  code = await main(args, stop.signal);
  if (!Number.isInteger(code)) throw new Error(`main() of ${entry} returned ${String(code)}, not an exit code.`);
} catch (error) {
  if (error instanceof Error) vite.ssrFixStacktrace(error);
  console.error(error);
  code = 1;
}
// Dawn keeps Node alive, so leave explicitly, after what was printed has been written.
for (const stream of [process.stdout, process.stderr]) await new Promise((done) => stream.write('', done));
process.exit(code);
