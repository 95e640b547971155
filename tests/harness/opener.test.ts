import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { hasOpener } from '../../scripts/opener.mjs';

// Windows has no mark of what can be run; nothing is looked for there.
it.skipIf(process.platform === 'win32')(
  'opens a browser where there is one to open, and tries nothing where there is not',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'revela-opener-'));
    try {
      const env = { PATH: ['/nowhere', folder].join(delimiter) };
      expect(hasOpener('linux', env)).toBe(false);
      await writeFile(join(folder, 'xdg-open'), '#!/bin/sh\n');
      await chmod(join(folder, 'xdg-open'), 0o644);
      expect(hasOpener('linux', env)).toBe(false);
      await chmod(join(folder, 'xdg-open'), 0o755);
      expect(hasOpener('linux', env)).toBe(true);
      expect(hasOpener('linux', {})).toBe(false);
      expect(hasOpener('linux', { BROWSER: 'firefox' })).toBe(true);
      expect(hasOpener('darwin', {})).toBe(true);
      expect(hasOpener('win32', { BROWSER: 'none' })).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);
