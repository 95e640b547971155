/**
 * The child process of run.mjs: loads the entry through Vite, so that Node sees the modules as the page does (TypeScript,
 * shaders imported as `?raw`), and runs its `main`. Ctrl-C, SIGTERM, a terminal that is closed, a parent that is gone and a
 * pipe that nobody reads any more ask it to end.
 */
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const [entry, ...args] = process.argv.slice(2);

/** A signal that reaches both processes arrives twice within this time; a person who presses twice takes longer. */
const SAME_SIGNAL_MS = 300;
/** Sent again, these end the program at once. */
const IMPATIENT = ['SIGINT', 'SIGTERM'];

const stop = new AbortController();
let stoppedAt = 0;
/** Asks the program to end, with the name of a signal as the reason. */
function onSignal(signal) {
  if (!stop.signal.aborted) {
    stoppedAt = Date.now();
    stop.abort(signal);
  } else if (IMPATIENT.includes(signal) && Date.now() - stoppedAt > SAME_SIGNAL_MS) {
    process.exit(128 + constants.signals[signal]);
  }
}
for (const signal of [...IMPATIENT, 'SIGHUP']) process.on(signal, () => onSignal(signal));
process.on('message', onSignal);
// The parent is gone, and with it whoever would have waited for the result: what can be kept is kept.
process.on('disconnect', () => onSignal('SIGHUP'));

// Nobody reads any more what is printed (`| head -1`), or it finds no room. Unheard, the error would end the program in the
// middle of a step, with the GPU at work. Other programs are ended by SIGPIPE then.
process.stdout.on('error', ({ code, message }) => {
  if (!stop.signal.aborted && code !== 'EPIPE') process.stderr.write(`Standard output is not written: ${message}\n`);
  onSignal('SIGPIPE');
});
// There is nowhere left to tell it.
process.stderr.on('error', () => undefined);

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
// What was printed last may have been lost after the program had ended well.
if (code === 0 && stop.signal.reason === 'SIGPIPE') code = 128 + constants.signals.SIGPIPE;
process.exit(code);
