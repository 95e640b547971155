import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@playwright/test';
import { budget } from '../support/pace.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.html': 'text/html' };
test.setTimeout(budget(400_000));

let dist: string;
test.beforeAll(async () => {
  dist = await mkdtemp(join(tmpdir(), 'revela-engine-'));
  const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
  await promisify(execFile)(process.execPath, [vite, 'build', '-c', 'vite.engine.config.ts', '--outDir', dist], {
    cwd: ROOT,
  });
});
test.afterAll(() => rm(dist, { recursive: true, force: true }));

test("the example for a page trains and searches with nothing but the engine's files", async ({ page, baseURL }) => {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.route('**/{examples,dist-engine}/**', async (route) => {
    const [, folder, name] = /\/(examples|dist-engine)\/([^?]*)/.exec(route.request().url())!;
    const file = folder === 'examples' ? join(ROOT, 'examples', name!) : join(dist, name!);
    await route.fulfill({ contentType: TYPES[extname(file)] ?? 'text/plain', body: await readFile(file) });
  });
  await page.goto(new URL('examples/page.html', baseURL).href);
  const out = page.locator('#out');
  await expect(out).toContainText('done', { timeout: budget(300_000) });
  const text = await out.innerText();
  expect(text.match(/^step \d: loss \d\.\d{3}$/gm)).toHaveLength(5);
  expect(text.match(/^-?\d\.\d{3} {2}\S/gm)).toHaveLength(3);
  expect(errors).toEqual([]);
});
