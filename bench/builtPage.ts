import { chromium, type Page } from 'playwright';
import { build, preview } from 'vite';
import { findBrowser } from '../scripts/browser.mjs';
import { browserEnvironment } from './browserEnvironment.ts';

/** Builds and serves the page, opens it in a browser, and closes all of it after `work`, which is told the browser's version. */
export async function withBuiltPage(work: (page: Page, version: string) => Promise<void>): Promise<void> {
  await build({ logLevel: 'error' });
  const server = await preview({ preview: { host: '127.0.0.1', port: 0, open: false } });
  const { executablePath, args, env, version } = await findBrowser('installed');
  const browser = await chromium.launch({ executablePath, args, env: { ...browserEnvironment(), ...env } });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const { port } = server.httpServer.address() as { port: number };
    await page.goto(`http://127.0.0.1:${port}/`);
    await work(page, version);
  } finally {
    await browser.close();
    await server.close();
  }
}

/** The amount after the only option there is; undefined, after a word on how to use it, when it is none. */
export function amountOf(option: string, args: readonly string[], usual: number, usage: string): number | undefined {
  const [flag, count = String(usual)] = args;
  const amount = Number(count);
  if ((flag === undefined || flag === option) && amount > 0) return amount;
  process.stderr.write(usage);
  return undefined;
}
