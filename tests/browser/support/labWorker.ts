import type { Page } from '@playwright/test';
import { BEAT_MS } from '../../../src/lab/door/heartbeat.ts';

/** What withinReach() puts on the page. */
interface Reachable {
  readonly labWorker: Worker;
}

/** Runs this code at the beginning of the lab's worker, as the built page starts it. */
export async function beginLabWith(page: Page, code: string): Promise<void> {
  await page.route(/\/assets\/worker-[^/]*\.js$/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `{ ${code} }\n${await response.text()}` });
  });
}

/** So many times as fast a clock in the worker: a run saves itself as much sooner. */
export const hurriedClock = (times: number): string =>
  `const now = performance.now.bind(performance); performance.now = () => ${times} * now();`;

/** The worker hangs when it is sent 'hang'. */
export const HANGS_WHEN_TOLD = `addEventListener('message', ({ data }) => { if (data === 'hang') for (;;); });`;

/** Lets the page find a silent worker so many times sooner; nothing else of it is another. */
export async function beatFast(page: Page, times: number): Promise<void> {
  await page.addInitScript(
    ([beat, shorter]) => {
      const every = window.setInterval.bind(window);
      window.setInterval = ((work: () => void, ms: number) =>
        every(work, ms === beat ? shorter : ms)) as typeof setInterval;
    },
    [BEAT_MS, BEAT_MS / times] as const,
  );
}

/** Keeps hold of the lab's worker, for tellLab() and endLab(). */
export async function withinReach(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const { Worker: Real } = window;
    window.Worker = class extends Real {
      constructor(address: string | URL, options?: WorkerOptions) {
        super(address, options);
        if (options?.name === 'lab') Object.assign(window, { labWorker: this });
      }
    };
  });
}

/** Sends the worker something that is no request. */
export const tellLab = (page: Page, what: string): Promise<void> =>
  page.evaluate((message) => (window as unknown as Reachable).labWorker.postMessage(message), what);

/** Ends the worker behind the page's back. */
export const endLab = (page: Page): Promise<void> =>
  page.evaluate(() => (window as unknown as Reachable).labWorker.terminate());
