import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { hasNpmChromium } from '../../scripts/npm-chromium.mjs';

const MODULE = new URL('../../scripts/npm-chromium.mjs', import.meta.url).href;
const temporary = mkdtempSync(join(tmpdir(), 'revela-unpack-'));
afterAll(() => {
  rmSync(temporary, { recursive: true });
});

/** Unpacks SwiftShader in a process of its own, with `temporary` as the temporary folder. */
function unpack(): Promise<string> {
  const script = `import { unpack } from '${MODULE}'; console.log(await unpack('swiftshader'));`;
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.on('close', (code) => {
      if (code === 0) done(out.trim());
      else fail(new Error(`unpacking ended with ${code}`));
    });
  });
}

// The package holds binaries for Linux x64 alone; elsewhere the machine's own driver and browser are used.
if (hasNpmChromium) {
  test('processes that start together share one whole copy, and a damaged one is made anew', async () => {
    const folders = await Promise.all([unpack(), unpack(), unpack()]);
    const folder = folders[0] ?? '';
    expect(new Set(folders).size).toBe(1);
    const driver = join(folder, 'libvk_swiftshader.so');
    const bytes = readFileSync(driver);
    // The first bytes of every ELF library.
    expect([...bytes.subarray(0, 4)]).toEqual([0x7f, 0x45, 0x4c, 0x46]);
    expect(readdirSync(join(folder, '..'))).toEqual(['swiftshader']);

    writeFileSync(driver, 'half a file');
    expect(await Promise.all([unpack(), unpack()])).toEqual([folder, folder]);
    expect(readFileSync(driver).equals(bytes)).toBe(true);
    expect(readdirSync(join(folder, '..'))).toEqual(['swiftshader']);
  });
} else {
  test('the npm browser is not offered on a machine that cannot run it', () => {
    expect(`${process.platform} ${process.arch}`).not.toBe('linux x64');
  });
}
