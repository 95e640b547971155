import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { findBrowser } from '../../scripts/browser.mjs';
import { hasNpmChromium } from '../../scripts/npm-chromium.mjs';

const folder = mkdtempSync(join(tmpdir(), 'revela-browser-'));
const installed = join(folder, 'google-chrome-stable');
const old = join(folder, 'old-chrome');
for (const [path, version] of [
  [installed, '150.0.7000.1'],
  [old, '90.0.4430.1'],
] as const) {
  writeFileSync(path, `#!/bin/sh\necho Google Chrome ${version}\n`);
  chmodSync(path, 0o755);
}
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const { PATH, REVELA_BROWSER } = process.env;
beforeEach(() => {
  process.env.PATH = folder + delimiter + PATH;
  delete process.env.REVELA_BROWSER;
});
afterEach(() => {
  process.env.PATH = PATH;
  if (REVELA_BROWSER !== undefined) process.env.REVELA_BROWSER = REVELA_BROWSER;
});

// Only there are browsers looked for by name on the PATH, and does the package hold one.
if (hasNpmChromium) {
  test('tests take the browser that npm brought, whatever else there is; measurements the installed one', async () => {
    expect((await findBrowser('npm')).version).toMatch(/^Chromium \d+\..* \(npm/);
    const { executablePath, version } = await findBrowser('installed');
    expect([executablePath, version]).toEqual([installed, `Google Chrome 150.0.7000.1 (${installed})`]);
  });

  test('a choice holds for both', async () => {
    process.env.REVELA_BROWSER = 'installed';
    expect((await findBrowser('npm')).executablePath).toBe(installed);
    process.env.REVELA_BROWSER = installed;
    expect((await findBrowser('npm')).executablePath).toBe(installed);
    process.env.REVELA_BROWSER = 'npm';
    expect((await findBrowser('installed')).version).toContain('(npm');
  });

  test('a choice that cannot be had is an error that says why, and no other browser takes its place', async () => {
    process.env.REVELA_BROWSER = join(folder, 'none');
    await expect(findBrowser('npm')).rejects.toThrow(/install Chrome 125 or later\.\n.*none: .*ENOENT/);
    process.env.REVELA_BROWSER = old;
    await expect(findBrowser('npm')).rejects.toThrow('too old or no browser: Google Chrome 90.0.4430.1');
  });
} else {
  test('the npm browser is chosen nowhere but where it runs', async () => {
    process.env.REVELA_BROWSER = 'npm';
    await expect(findBrowser('npm')).rejects.toThrow('No browser with WebGPU');
  });
}
