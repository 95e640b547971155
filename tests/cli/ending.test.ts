import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { readRunFile } from '../../src/cli/support/save.ts';
import type { RunRecord } from '../../src/run/record.ts';

const RUN = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url));
/** More steps than anybody waits for. */
const ENDLESS =
  'train --steps 100000 --every 1 --json --attention uniform --chunks 4 --layers 1 --width 16 --heads 2 --kvHeads 1 --mlpWidth 16 --heldOutBatches 1'.split(
    ' ',
  );

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-ending-'));
});
afterAll(() => rm(folder, { recursive: true }));

const children: ChildProcess[] = [];
afterEach(() => {
  // Of a test that failed: the program ends when its launcher is gone.
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
});

interface Started {
  readonly child: ChildProcess;
  /** Resolves with the exit code when the launcher and the program have ended: both hold standard error open. */
  readonly ended: Promise<{ code: number | null; err: string }>;
}

/** Starts an endless run as a person does, that writes `NAME.safetensors`, `NAME.json` and the folder NAME. */
async function train(name: string): Promise<Started> {
  const outputs = ['--checkpoint', at(`${name}.safetensors`), '--record', at(`${name}.json`), '--export', at(name)];
  const child = spawn(process.execPath, [RUN, 'cli', ...ENDLESS, ...outputs], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let err = '';
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const ended = once(child, 'exit').then(async ([code]) => {
    if (!child.stderr.readableEnded) await once(child.stderr, 'end');
    return { code: code as number | null, err };
  });
  await Promise.race([
    once(child.stdout, 'data'),
    ended.then((end) => {
      throw new Error(`It ended by itself: ${end.err}`);
    }),
  ]);
  return { child, ended };
}

/** Every output is there, whole, and tells of the same last step. */
async function expectAllWritten(name: string): Promise<void> {
  const { state, record } = await readRunFile(at(`${name}.safetensors`));
  expect(state.step).toBeGreaterThan(0);
  expect(record?.metrics).toHaveLength(state.step);
  const json = JSON.parse(await readFile(at(`${name}.json`), 'utf8')) as RunRecord;
  expect(json.metrics.at(-1)?.step).toBe(state.step);
  expect(await readdir(at(name))).toContain('retriever');
  expect((await readdir(folder)).filter((file) => file.endsWith('.part'))).toEqual([]);
}

describe('a run that is ended early ends after the step under way, with everything written', () => {
  test('when nobody reads any more what it prints', async () => {
    const { child, ended } = await train('pipe');
    child.stdout?.destroy();
    const { code, err } = await ended;
    expect(code).toBe(141);
    expect(err).not.toMatch(/\n\s+at /);
    await expectAllWritten('pipe');
  });

  test('when its terminal is closed', async () => {
    const { child, ended } = await train('hangup');
    child.stdout?.resume();
    child.kill('SIGHUP');
    expect((await ended).code).toBe(129);
    await expectAllWritten('hangup');
  });

  test('when the process that started it is killed', async () => {
    const { child, ended } = await train('orphan');
    child.stdout?.resume();
    child.kill('SIGKILL');
    await ended;
    await expectAllWritten('orphan');
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('on %s, and says so by its exit code', async (signal, code) => {
    const stop = new AbortController();
    let err = '';
    vi.spyOn(process.stdout, 'write').mockImplementation(() => {
      stop.abort(signal);
      return true;
    });
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
    const outputs = ['--checkpoint', at(`${signal}.safetensors`), '--record', at(`${signal}.json`), '--export', at(signal)]; // prettier-ignore
    try {
      expect(await main([...ENDLESS, ...outputs], stop.signal)).toBe(code);
    } finally {
      vi.restoreAllMocks();
    }
    expect(err).toContain('Stopping');
    await expectAllWritten(signal);
  });
});

test('what nobody reads is no success, and no crash either', async () => {
  const child = spawn(process.execPath, [RUN, 'cli', 'essays'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (data: Buffer) => (err += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  expect([code, err]).toEqual([141, '']);
});

test('a person who insists ends it at once, and no half file stays', async () => {
  const { child, ended } = await train('insist');
  child.stdout?.resume();
  // As often as it takes: signals that come close together count as one.
  const again = setInterval(() => child.kill('SIGTERM'), 50);
  const { code } = await ended;
  clearInterval(again);
  expect(code).toBe(143);
  expect((await readdir(folder)).filter((file) => file.endsWith('.part'))).toEqual([]);
});

test('what is stopped before there is anything to keep says so, and writes nothing', async () => {
  const stop = new AbortController();
  stop.abort('SIGINT');
  let err = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
  try {
    expect(await main(['make-checkpoint', at('none'), '--config', 'tiny'], stop.signal)).toBe(130);
  } finally {
    vi.restoreAllMocks();
  }
  expect(err).toMatch(/stopped/i);
  expect(await readdir(folder)).not.toContain('none');
});
