import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url));
const PROGRAM = fileURLToPath(new URL('./fixtures/program.ts', import.meta.url));

// Elsewhere, as a user is: paths on the command line are relative to here.
const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'revela-run-')));
afterAll(() => {
  rmSync(cwd, { recursive: true });
});

/** Starts the program as a user does, without what this test process was given to find its GPU. */
function start(args: string[]) {
  const env = { ...process.env };
  for (const name of ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'LD_LIBRARY_PATH']) delete env[name];
  const child = spawn(process.execPath, [RUN, PROGRAM, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (output.out += data.toString()));
  child.stderr.on('data', (data: Buffer) => (output.err += data.toString()));
  const exit = new Promise<{ code: number | null; out: string; err: string }>((done) => {
    child.on('close', (code) => {
      done({ code, ...output });
    });
  });
  return { child, exit };
}

test('runs a program with shaders on a GPU, in the current folder, with nothing else on standard output', async () => {
  const { code, out } = await start(['sum', '1', '2', '3.5']).exit;
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({ sum: 13, cwd });
});

test('hands on the exit code and lets the program finish when it is stopped', async () => {
  const { child, exit } = start(['wait', 'stops.txt']);
  child.stdout.once('data', () => child.kill('SIGINT'));
  const { code, out } = await exit;
  expect(out).toBe('waiting\n');
  expect(code).toBe(7);
  expect(readFileSync(join(cwd, 'stops.txt'), 'utf8')).toBe('stopped 1 time');
});

test('an error of the program goes to standard error, with the place in its source', async () => {
  const { code, out, err } = await start(['jump']).exit;
  expect(code).toBe(1);
  expect(out).toBe('');
  expect(err).toContain('unknown command jump');
  expect(err).toMatch(/program\.ts:\d+/);
});
