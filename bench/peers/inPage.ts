import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright';
import { build, type Alias } from 'vite';
import { inBrowser, withServed } from '../builtPage.ts';
import type { Peers } from './libraries/comparison.ts';

const PAGE = 'bench/peers/page/index.html';

/**
 * Builds the bench as a page and opens it in a browser.
 * @param alias where the libraries are
 */
export async function inPage(alias: Alias[], work: (peers: Peers, about: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'peers-page-'));
  try {
    await build({
      configFile: false,
      logLevel: 'error',
      base: './',
      resolve: { alias },
      build: { outDir: folder, target: 'es2023', rollupOptions: { input: resolve(PAGE) } },
    });
    await withServed(folder, (address) =>
      inBrowser(async (page, browser) => {
        await page.goto(address + PAGE);
        await page.waitForFunction(() => 'peers' in window);
        await work(peersIn(page), browser);
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The functions of the page, called from here. */
function peersIn(page: Page): Peers {
  const ask =
    <K extends keyof Peers>(name: K) =>
    (...args: Parameters<Peers[K]>): ReturnType<Peers[K]> =>
      page.evaluate(
        ([called, given]) =>
          (window as unknown as { peers: Record<string, (...all: unknown[]) => unknown> }).peers[called]?.(...given),
        [name, args] as const,
      ) as ReturnType<Peers[K]>;
  return { open: ask('open'), product: ask('product'), dispatch: ask('dispatch'), step: ask('step') };
}
