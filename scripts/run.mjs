/**
 * Runs a TypeScript program of this project in Node, with a GPU: `node scripts/run.mjs cli …`, `… bench …`, or
 * `… path/to/entry.ts …`. Standard output is the program's alone, and its exit code is handed on.
 *
 * The entry exports `main(args: readonly string[], signal: AbortSignal): Promise<number>`: the arguments as given, a signal
 * that aborts when the program is to end (load-entry.mjs), and the exit code. Paths in the arguments are relative to the
 * current folder.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gpuEnvironment } from './gpu-environment.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PROGRAMS = { cli: 'src/cli/main.ts', bench: 'bench/main.ts' };

const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  console.error(`usage: node scripts/run.mjs (${Object.keys(PROGRAMS).join(' | ')} | entry.ts) [arguments]`);
  process.exit(2);
}
const entry = name in PROGRAMS ? resolve(ROOT, PROGRAMS[name]) : resolve(name);

// `npm run` moves to the project's folder first; the user's own folder is then in INIT_CWD. Programs started from inside
// another npm script inherit that variable too, hence the check that it is ours.
const startedByNpm = process.env.npm_lifecycle_event === name && process.cwd() === ROOT;
const cwd = (startedByNpm && process.env.INIT_CWD) || process.cwd();

let gpu;
try {
  gpu = await gpuEnvironment('installed');
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

const child = spawn(process.execPath, [resolve(ROOT, 'scripts/load-entry.mjs'), entry, ...args], {
  cwd,
  env: { ...process.env, ...gpu.env },
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});
// A terminal sends the signal to both processes, `kill` to this one only: the child counts both as one (load-entry.mjs).
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.connected && child.send(signal));
child.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
