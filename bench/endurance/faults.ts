import type { CDPSession, Page } from 'playwright';
import { endLab, tellLab } from '../../tests/browser/support/labWorker.ts';

/** Something that goes wrong under a run. What it makes of the page is the driver's business. */
export interface Fault {
  readonly name: string;
  /** Whether the page's process ends with it. */
  readonly crashes?: boolean;
  happen(page: Page, devtools: CDPSession): Promise<void>;
}

/** How long what passes by itself lasts, in ms. */
const SPELL_MS = 8000;
const DAY_MS = 86_400_000;

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Code for the worker: its clock goes back by a day when it is sent 'clock back'. */
export const CLOCK_GOES_BACK_WHEN_TOLD = `{
  const date = Date.now;
  addEventListener('message', ({ data }) => { if (data === 'clock back') Date.now = () => date() - ${DAY_MS}; });
}`;

export const FAULTS: readonly Fault[] = [
  {
    name: 'the GPU process is killed',
    async happen(page) {
      const browser = await page.context().browser()?.newBrowserCDPSession();
      // The session ends with the process, unanswered.
      await Promise.race([browser?.send('Browser.crashGpuProcess').catch(() => undefined), sleep(1000)]);
    },
  },
  {
    name: 'the worker is killed',
    happen: endLab,
  },
  { name: 'the worker hangs', happen: (page) => tellLab(page, 'hang') },
  {
    name: 'the tab is frozen',
    async happen(page, devtools) {
      await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
      await sleep(SPELL_MS);
      await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    },
  },
  {
    name: 'the page is reloaded',
    async happen(page) {
      await page.reload();
    },
  },
  {
    name: 'the page crashes',
    crashes: true,
    async happen(page) {
      // Its process ends, and the navigation with it.
      await page.goto('chrome://crash').catch(() => undefined);
    },
  },
  {
    name: 'the network is cut',
    async happen(page) {
      await page.context().setOffline(true);
      await sleep(SPELL_MS);
      await page.context().setOffline(false);
    },
  },
  {
    name: 'the storage is full',
    async happen(page, devtools) {
      const { origin } = new URL(page.url());
      await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1 });
      await sleep(SPELL_MS);
      await devtools.send('Storage.overrideQuotaForOrigin', { origin });
    },
  },
  {
    name: 'the clock is turned back by a day',
    async happen(page) {
      await page.evaluate((ms) => {
        const { now } = Date;
        Date.now = () => now() - ms;
      }, DAY_MS);
      await tellLab(page, 'clock back');
    },
  },
];
