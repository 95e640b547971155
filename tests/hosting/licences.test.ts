import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { licencesText, packageOf } from '../../scripts/licences/plugin.mjs';

const SVELTE = resolve('node_modules/svelte');

it('finds the package of a file, whatever the bundler adds to its name', () => {
  expect(packageOf(`${SVELTE}/src/index.js`)).toBe(SVELTE);
  expect(packageOf(`\0${SVELTE}/src/index.js?commonjs`)).toBe(SVELTE);
  expect(packageOf(resolve('node_modules/@noble/hashes/sha2.js'))).toBe(resolve('node_modules/@noble/hashes'));
  expect(packageOf(resolve('src/main.ts'))).toBeUndefined();
  expect(packageOf('\0vite/preload-helper.js')).toBeUndefined();
});

it('repeats the licence of each package once, and those of the texts', async () => {
  const text = await licencesText([SVELTE, SVELTE, resolve('node_modules/valibot')]);
  expect(text).toContain('under this licence. What it contains of others follows: 2 packages.');
  expect(text.match(/^svelte [\d.]+ \(MIT\)/gm)).toHaveLength(1);
  expect(text).toContain('Permission is hereby granted, free of charge');
  expect(text).toContain('Python Software Foundation');
});

it('refuses a package that names no licence', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'revela-licence-'));
  try {
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'nameless', version: '1.0.0' }));
    await expect(licencesText([folder])).rejects.toThrow('nameless names no licence');
  } finally {
    await rm(folder, { recursive: true });
  }
});
