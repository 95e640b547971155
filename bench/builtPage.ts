import { chromium, type BrowserContextOptions, type Page } from 'playwright';
import { build, preview } from 'vite';
import { findBrowser } from '../scripts/browser.mjs';
import { browserEnvironment } from './browserEnvironment.ts';

/** Opens a page in a browser of its own, which nothing was compiled in before, and closes it after `work`. */
export type InBrowser = <T>(
  work: (page: Page, version: string) => Promise<T>,
  options?: BrowserContextOptions,
  flags?: readonly string[],
) => Promise<T>;

/**
 * Builds and serves the page, opens it in a browser, started with these flags too, and closes all of it after `work`, which is told the
 * browser's version.
 */
export async function withBuiltPage(
  work: (page: Page, version: string) => Promise<void>,
  flags: readonly string[] = [],
): Promise<void> {
  await build({ logLevel: 'error' });
  await withServed(undefined, (address) =>
    inBrowser(
      async (page, version) => {
        await page.goto(address);
        await work(page, version);
      },
      {},
      flags,
    ),
  );
}

/** Serves a page that was built before, in `folder` (where builds go when left out), while `work` lasts. */
export async function withServed<T>(folder: string | undefined, work: (address: string) => Promise<T>): Promise<T> {
  const server = await preview({
    ...(folder === undefined ? {} : { build: { outDir: folder } }),
    preview: { host: '127.0.0.1', port: 0, open: false },
  });
  try {
    const { port } = server.httpServer.address() as { port: number };
    return await work(`http://127.0.0.1:${port}/`);
  } finally {
    await server.close();
  }
}

export const inBrowser: InBrowser = async (work, options = {}, flags = []) => {
  const { executablePath, args, env, version } = await findBrowser('installed');
  const browser = await chromium.launch({
    executablePath,
    args: [...args, ...flags],
    env: { ...browserEnvironment(), ...env },
  });
  try {
    return await work(await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options }), version);
  } finally {
    await browser.close();
  }
};

/** The amount after the only option there is; undefined, after a word on how to use it, when it is none. */
export function amountOf(option: string, args: readonly string[], usual: number, usage: string): number | undefined {
  const [flag, count = String(usual)] = args;
  const amount = Number(count);
  if ((flag === undefined || flag === option) && amount > 0) return amount;
  process.stderr.write(usage);
  return undefined;
}
