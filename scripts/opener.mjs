import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Whether an address can be opened in a browser from here: macOS and Windows always can, others with the program that BROWSER
 * names or with xdg-open, which servers and containers often lack.
 *
 * @param {NodeJS.Platform} platform
 * @param {Record<string, string | undefined>} env
 */
export function hasOpener(platform, env) {
  if (platform === 'darwin' || platform === 'win32' || env.BROWSER) return env.BROWSER !== 'none';
  return (env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && isProgram(join(folder, 'xdg-open')));
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
