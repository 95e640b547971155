import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OutputError, Outputs, type OutputRules } from '../../src/cli/support/outputs.ts';
import { StoppedError } from '../../src/cli/support/stopping.ts';
import { UsageError } from '../../src/cli/support/usage.ts';
import { textFile } from '../../src/files/formats/zipWriter.ts';

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const text = (path: string) => readFile(path, 'utf8');
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'revela-outputs-'));
});
afterEach(() => rm(folder, { recursive: true }));

const prepare = (paths: Record<string, string>, rules: Partial<OutputRules> = {}) =>
  Outputs.prepare(
    Object.entries(paths).map(([option, path]) => ({
      option,
      path,
      kind: /folder/.test(option) ? ('folder' as const) : ('file' as const),
    })),
    { force: false, ...rules },
  );

/** What the person is told. */
async function refusal(paths: Record<string, string>, rules: Partial<OutputRules> = {}): Promise<string> {
  try {
    await prepare(paths, rules);
  } catch (cause) {
    expect(cause).toBeInstanceOf(UsageError);
    return (cause as Error).message;
  }
  throw new Error('It was not refused.');
}

function told(outputs: Outputs): string {
  try {
    outputs.finish();
  } catch (cause) {
    expect(cause).toBeInstanceOf(OutputError);
    return (cause as Error).message;
  }
  throw new Error('Nothing has failed.');
}

/** An error as the file system has it. */
const systemError = (code: string) => Object.assign(new Error(`${code}: something, write`), { code });

function* failing(cause: Error): Generator<string, void, void> {
  yield 'the first half';
  throw cause;
}

/** A FIFO. Node makes none; POSIX has the program for it in one of these places, whatever this process's PATH holds. */
async function makePipe(path: string): Promise<void> {
  await promisify(execFile)('mkfifo', [path], { env: { PATH: '/usr/bin:/bin' } });
}

describe('before the work begins', () => {
  test('places are tried, and nothing is left there', async () => {
    const outputs = await prepare({ '--a': at('a'), '--b': at('new', 'deep', 'b'), '--folder': at('out') });
    expect(outputs.has('--a')).toBe(true);
    expect(outputs.has('--c')).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  test('what is there is left alone, unless --force says otherwise', async () => {
    await writeFile(at('a'), 'old');
    await mkdir(at('full'));
    await writeFile(at('full', 'b'), 'old');
    await mkdir(at('empty'));
    const paths = { '--a': at('a'), '--folder': at('full') };
    const said = await refusal(paths);
    expect(said).toMatch(/^--a \S+ cannot be written: it exists already.* --force .*\n--folder .*already holds files/);
    await prepare(paths, { force: true });
    await prepare({ '--folder': at('empty') });
    expect(await text(at('a'))).toBe('old');
  });

  test('every bad path is told, not the first alone', async () => {
    await writeFile(at('file'), '');
    await symlink('circle', at('circle'));
    const said = await refusal({
      '--one': folder,
      '--two': at('file', 'below'),
      '--three': at(`${'x'.repeat(300)}`),
      '--four': at('circle'),
      '--five': '',
      '--six': `${at('new')}/`,
      '--folder': at('file'),
    });
    const lines = said.split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual([
      '--one',
      '--two',
      '--three',
      '--four',
      '--five',
      '--six',
      '--folder',
    ]);
    [
      /is a folder/,
      /part of its path is a file/,
      /too long/,
      /circle/,
      /empty/,
      /folder is named/,
      /no folder/,
    ].forEach((reason, i) => {
      expect(lines[i]).toMatch(reason);
    });
  });

  test('devices, pipes and sockets are no files, --force or not, and through links neither', async () => {
    await makePipe(at('pipe'));
    await symlink('pipe', at('link'));
    await symlink('/dev/null', at('device'));
    const server = createServer().listen(at('socket'));
    await new Promise((done) => server.once('listening', done));
    for (const force of [false, true]) {
      const said = await refusal(
        { '--a': at('pipe'), '--b': at('link'), '--c': at('socket'), '--d': at('device'), '--e': '/dev/null' },
        { force },
      );
      [/is a pipe/, /is a pipe/, /is a socket/, /is a device/, /is a device/].forEach((reason, i) => {
        expect(said.split('\n')[i]).toMatch(reason);
      });
    }
    server.close();
    expect((await stat(at('pipe'))).isFIFO()).toBe(true);
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
  });

  test('where no file can be made is found out by making one', async () => {
    expect(await refusal({ '--a': '/proc/revela' })).toMatch(/^--a \/proc\/revela cannot be written: /);
  });

  test('two outputs need two places, whatever they are called', async () => {
    await symlink('.', at('here'));
    expect(await refusal({ '--a': at('a'), '--b': at('here', 'a') })).toMatch(/^--b .*--a .*same place/);
    expect(await refusal({ '--a': at('a'), '--folder': at('a', 'b') })).toMatch(/^--folder .*same place/);
    await prepare({ '--a': at('out', 'a'), '--folder': at('out') });
  });

  test('what is read is not written over, but a run goes on in its own file', async () => {
    await writeFile(at('run'), '');
    const inputs = { '--resume': at('run') };
    expect(await refusal({ '--record': at('run') }, { force: true, inputs })).toMatch(/what --resume reads/);
    expect(await refusal({ '--checkpoint': at('run') }, { inputs })).toMatch(/--force/);
    await symlink('run', at('same'));
    const goesOn = ['--checkpoint', '--resume'] as const;
    const outputs = await prepare({ '--checkpoint': at('same') }, { inputs, goesOn });
    expect(await outputs.write('--checkpoint', () => ['further'])).toBeUndefined();
    expect(await text(at('run'))).toBe('further');
  });
});

describe('a file', () => {
  test('is written whole, into folders that are made for it, and again by the same command', async () => {
    const outputs = await prepare({ '--a': at('new', 'deep', 'a') });
    await outputs.write('--a', () => ['one', new TextEncoder().encode(' two')]);
    expect(await text(at('new', 'deep', 'a'))).toBe('one two');
    await outputs.write('--a', () => ['three']);
    expect(await text(at('new', 'deep', 'a'))).toBe('three');
    outputs.finish();
    expect(await readdir(at('new', 'deep'))).toEqual(['a']);
  });

  test('that was not asked for is not made', async () => {
    const outputs = await prepare({});
    const make = () => {
      throw new Error('asked');
    };
    expect(await outputs.write('--a', make)).toBeUndefined();
    outputs.finish();
  });

  test('keeps what it held when its writing fails midway, and leaves nothing half', async () => {
    await writeFile(at('a'), 'old', { mode: 0o600 });
    const outputs = await prepare({ '--a': at('a') }, { force: true });
    const failure = await outputs.write('--a', () => failing(systemError('ENOSPC')));
    expect(failure).toBe(
      `--a ${at('a')} was not written: the disk is full. Make room there, or choose a place on another disk.`,
    );
    expect(await readdir(folder)).toEqual(['a']);
    expect(await text(at('a'))).toBe('old');
    expect(told(outputs)).toBe(failure);
    // Once there is room again all is well.
    await outputs.write('--a', () => ['new']);
    outputs.finish();
    expect(await text(at('a'))).toBe('new');
    expect((await stat(at('a'))).mode & 0o777).toBe(0o600);
  });

  test('does not replace what somebody else has put there meanwhile', async () => {
    const outputs = await prepare({ '--a': at('a.json') });
    await writeFile(at('a.json'), 'theirs');
    await outputs.write('--a', () => ['ours']);
    expect(told(outputs)).toContain(at('a (2).json'));
    expect([await text(at('a.json')), await text(at('a (2).json'))]).toEqual(['theirs', 'ours']);
    expect(await readdir(folder)).toHaveLength(2);
  });

  test('is not put over a pipe that has come meanwhile', async () => {
    const outputs = await prepare({ '--a': at('a') }, { force: true });
    await makePipe(at('a'));
    await outputs.write('--a', () => ['ours']);
    expect(told(outputs)).toMatch(/is a pipe/);
    expect((await stat(at('a'))).isFIFO()).toBe(true);
  });

  test('behind a link is replaced there, and the link stays', async () => {
    await mkdir(at('elsewhere'));
    await symlink('elsewhere/a', at('link'));
    const outputs = await prepare({ '--a': at('link') });
    await outputs.write('--a', () => ['new']);
    expect(await readlink(at('link'))).toBe('elsewhere/a');
    expect(await text(at('elsewhere', 'a'))).toBe('new');
  });
});

describe('a folder', () => {
  const files = [textFile('one', '1'), textFile('deep/two', '2')];

  test('is there whole or not at all', async () => {
    const outputs = await prepare({ '--folder': at('out') });
    const half = [{ name: 'one', chunks: ['1'] }, { name: 'deep/two', chunks: failing(systemError('ENOSPC')) }]; // prettier-ignore
    expect(await outputs.writeFolder('--folder', half)).toMatch(/disk is full/);
    expect(await readdir(folder)).toEqual([]);
    await outputs.writeFiles('--folder', () => Promise.resolve(files));
    expect(await text(at('out', 'deep', 'two'))).toBe('2');
    expect(await readdir(folder)).toEqual(['out']);
    outputs.finish();
  });

  test('that is there keeps its other files, and its old ones when the writing fails', async () => {
    await mkdir(at('out'));
    await writeFile(at('out', 'mine'), 'mine');
    await writeFile(at('out', 'one'), 'old');
    const outputs = await prepare({ '--folder': at('out') }, { force: true });
    const half = [{ name: 'one', chunks: failing(systemError('EDQUOT')) }];
    expect(await outputs.writeFolder('--folder', half)).toMatch(/share of this disk/);
    expect((await readdir(at('out'))).sort()).toEqual(['mine', 'one']);
    expect(await text(at('out', 'one'))).toBe('old');
    await outputs.writeFiles('--folder', () => Promise.resolve(files));
    expect((await readdir(at('out'))).sort()).toEqual(['deep', 'mine', 'one']);
    expect(await text(at('out', 'one'))).toBe('1');
    expect(await readdir(folder)).toEqual(['out']);
  });

  test('does not mix with what somebody else has put there meanwhile', async () => {
    const outputs = await prepare({ '--folder': at('out') });
    await mkdir(at('out'));
    await writeFile(at('out', 'one'), 'theirs');
    await outputs.writeFiles('--folder', () => Promise.resolve(files));
    expect(told(outputs)).toContain(at('out (2)'));
    expect([await text(at('out', 'one')), await text(at('out (2)', 'one'))]).toEqual(['theirs', '1']);
    expect(await readdir(at('out'))).toEqual(['one']);
  });
});

test('each output is written by itself: one that fails takes no other along, and all failures are told', async () => {
  const outputs = await prepare({ '--a': at('a'), '--b': at('b'), '--folder': at('c'), '--zip': at('d.zip') });
  await outputs.write('--a', () => failing(systemError('EACCES')));
  await outputs.write('--b', () => ['b']);
  await outputs.writeFiles('--folder', () => Promise.reject(new TypeError('a mistake of ours')));
  await outputs.writeFiles('--zip', () => Promise.resolve([textFile('x', 'y')]));
  expect((await readdir(folder)).sort()).toEqual(['b', 'd.zip']);
  expect(told(outputs)).toMatch(/^--a .*may not write there.*\n--folder .*a mistake of ours\n +at /);
});

test('what is stopped is no failure of an output', async () => {
  const outputs = await prepare({ '--a': at('a') });
  await expect(outputs.write('--a', () => failing(new StoppedError('Stopped.')))).rejects.toThrow(StoppedError);
  expect(await readdir(folder)).toEqual([]);
  outputs.finish();
});

test('a file that may not be written is not replaced, though its folder would let it', async () => {
  await writeFile(at('a'), 'old');
  await chmod(at('a'), 0o444);
  // A superuser may write everything, and is asked by nobody.
  if (process.getuid?.() === 0) await prepare({ '--a': at('a') }, { force: true });
  else expect(await refusal({ '--a': at('a') }, { force: true })).toMatch(/may not write/);
});
