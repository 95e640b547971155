import { resolve } from 'node:path';
import type { Page } from 'playwright';
import type { Alias } from 'vite';
import { inBrowser, withServed } from '../builtPage.ts';
import type { Peers } from './libraries/comparison.ts';
import { withBuild, type Work } from './withBuild.ts';

const PAGE = 'bench/peers/page/index.html';

/**
 * Builds the bench as a page and opens it in a browser.
 * @param alias where the libraries are
 */
export function inPage(alias: Alias[], work: Work): Promise<void> {
  return withBuild(alias, { rollupOptions: { input: resolve(PAGE) } }, (folder) =>
    withServed(folder, (address) =>
      inBrowser(async (page, browser) => {
        await page.goto(address + PAGE);
        await page.waitForFunction(() => 'peers' in window);
        await work(peersIn(page), browser);
      }),
    ),
  );
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
