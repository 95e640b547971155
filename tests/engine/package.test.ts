import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const BUILD_MS = 600_000;

let project: string;

/** A project of somebody else's, with the engine installed as `npm pack` would pack it. */
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'revela-engine-'));
  const installed = join(project, 'node_modules/revela-playground');
  const dist = join(installed, 'dist-engine');
  await mkdir(dist, { recursive: true });
  await cp(join(ROOT, 'package.json'), join(installed, 'package.json'));
  const node = (...args: string[]) => run(process.execPath, args, { cwd: ROOT });
  await node('node_modules/vite/bin/vite.js', 'build', '--config', 'vite.engine.config.ts', '--outDir', dist);
  await node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.engine.json', '--outDir', join(dist, 'types'));
  for (const name of ['webgpu', '@huggingface']) {
    await symlink(join(ROOT, 'node_modules', name), join(project, 'node_modules', name), 'junction');
  }
}, BUILD_MS);
afterAll(() => rm(project, { recursive: true, force: true }));

test(
  'the example for Node trains, searches and takes its models home',
  async () => {
    await cp(join(ROOT, 'examples/node.mjs'), join(project, 'node.mjs'));
    const { stdout } = await run(process.execPath, ['node.mjs'], { cwd: project });
    expect(stdout.match(/^step \d: loss \d\.\d{3}$/gm)).toHaveLength(5);
    expect(stdout.match(/^-?\d\.\d{3} {2}\S/gm)).toHaveLength(3);
    const [, name] = /^wrote (\S+\.zip)$/m.exec(stdout) ?? [];
    expect((await readFile(join(project, name!))).subarray(0, 2).toString()).toBe('PK');
  },
  BUILD_MS,
);

test(
  'its types are those of a strict project, and a wrong command is an error',
  async () => {
    const program = (command: string) => `
      import { configure, createLab, type LabEvent } from 'revela-playground/engine';
      const lab = createLab({ gpu: navigator.gpu, onEvent: (event: LabEvent) => event.type });
      await lab.ask({ type: 'configure', configuration: configure({ seed: 1 }) });
      const result = await lab.ask(${command});
      const best: readonly { readonly text: string; readonly score: number }[] = result.hits.after;
      export { best };`;
    await writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          noEmit: true,
          skipLibCheck: true,
          target: 'ES2023',
          module: 'ESNext',
          moduleResolution: 'bundler',
          lib: ['ES2023', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
          types: [],
        },
        include: ['program.ts'],
      }),
    );
    const check = async (command: string): Promise<string> => {
      await writeFile(join(project, 'program.ts'), program(command));
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      return run(process.execPath, [tsc, '-p', project], { cwd: project }).then(
        ({ stdout }) => stdout,
        ({ stdout }: { stdout: string }) => stdout,
      );
    };
    expect(await check(`{ type: 'search', query: 'sea', limit: 3 }`)).toBe('');
    expect(await check(`{ type: 'search', query: 3, limit: 3 }`)).toMatch(/program\.ts.*error TS/);
  },
  BUILD_MS,
);

test('what is packed is the engine, its types and what says how to use it', async () => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    shell: process.platform === 'win32',
  });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const folders = new Set(files.map(({ path }) => path.split('/')[0]));
  const allowed = ['dist-engine', 'examples', 'package.json', 'README.md', 'LICENSE'];
  expect([...folders].filter((folder) => !allowed.includes(folder!))).toEqual([]);
  expect(await readdir(join(ROOT, 'examples'))).toEqual(expect.arrayContaining(['node.mjs', 'page.html']));
});
