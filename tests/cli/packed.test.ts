import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type * as nodeGpu from '../../src/cli/support/nodeGpu.ts';
import type { Runtime } from '../../src/ops/core/runtime.ts';
import { openTestRuntime } from '../harness/runtime.ts';
import { lines, run } from './run.ts';

// Every command opens a GPU of its own and would compile its kernels anew: here they share one.
const shared = vi.hoisted(() => ({ runtime: undefined as Runtime | undefined }));
vi.mock('../../src/cli/support/nodeGpu.ts', async (original) => {
  const own = await original<typeof nodeGpu>();
  return {
    ...own,
    openNodeRuntime: () => (shared.runtime ? Promise.resolve(shared.runtime) : own.openNodeRuntime()),
  };
});

const MODEL = join(import.meta.dirname, '../parity/gguf/smollm.gguf');
const TEXT = Array.from(
  { length: 6 },
  (_, i) => `Essay ${i}\n\nThe number ${i} is curious. People count to ${i} for ages. Nobody minds it.`,
).join('\n\n---\n\n');

let close = (): void => undefined;
let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeAll(async () => {
  const runtime = await openTestRuntime();
  close = () => runtime.gpu.destroy();
  runtime.destroy = () => undefined;
  shared.runtime = runtime;
  folder = await mkdtemp(join(tmpdir(), 'revela-packed-'));
  await writeFile(at('text.txt'), TEXT);
});
afterAll(async () => {
  close();
  await rm(folder, { recursive: true, force: true });
});

test('--model FILE.gguf is planned, trained on, embedded and searched with, continued, exported and gone on with', async () => {
  const small =
    '--source text --chunks 2 --chunkTokens 48 --heldOutBatches 1 --rank 2 --warmup 0 --batching random --retrieverDepth 0'.split(
      ' ',
    );
  const text = ['--file', at('text.txt')];
  const planned = await run('plan', '--model', MODEL, ...small);
  expect([planned.code, planned.err]).toEqual([0, '']);
  const train = ['train', '--model', MODEL, ...text, ...small, '--json'];
  const made = await run(...train, '--steps', '1', '--export', at('adapters'), '--checkpoint', at('run.safetensors'));
  expect(made.code, made.err).toBe(0);
  expect(lines(made.out).length).toBeGreaterThan(1);
  const adapter = JSON.parse(await readFile(at('adapters', 'retriever', 'adapter_config.json'), 'utf8')) as unknown;
  expect(adapter).toMatchObject({ base_model_name_or_path: 'smollm' });
  expect(await readFile(at('adapters', 'README.md'), 'utf8')).toMatch(/a packed form of that model \(GGUF: Q4_1, /);
  // A saved run stands on the file again; under the name of the unpacked model, where that is given.
  const exported = await run('export', at('run.safetensors'), '--model', MODEL, '--out', at('again'));
  expect(exported.code, exported.err).toBe(0);
  const named = await run(...train, '--model-name', 'owner/tiny', '--steps', '1', '--export', at('named'));
  expect(named.code, named.err).toBe(0);
  const other = JSON.parse(await readFile(at('named', 'retriever', 'adapter_config.json'), 'utf8')) as unknown;
  expect(other).toMatchObject({ base_model_name_or_path: 'owner/tiny' });
  const found = await run(
    'embed',
    '--model',
    MODEL,
    ...text,
    '--adapter',
    at('adapters', 'retriever'),
    '--query',
    'counting',
  );
  expect([found.code, found.out.trim().split('\n').length], found.err).toEqual([0, 10]);
  const spoken = await run('generate', '--model', MODEL, '--prompt', 'The terns', '--tokens', '2');
  expect(spoken.code, spoken.err).toBe(0);
  expect(spoken.out).toMatch(/^The terns/);
});

test('a file that is not there, and one that is no GGUF', async () => {
  const missing = await run('generate', '--model', at('none.gguf'), '--prompt', 'x');
  expect([missing.code, missing.err]).toEqual([1, expect.stringContaining(`There is no file ${at('none.gguf')}`)]);
  await writeFile(at('page.gguf'), '<!doctype html><html><body>Sign in</body></html>');
  const page = await run('plan', '--model', at('page.gguf'));
  expect(page.code).not.toBe(0);
  expect(page.err).toMatch(/page\.gguf is a web page, not the file/);
});
