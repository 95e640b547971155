import type { Locator, Page } from '@playwright/test';

/** Milliseconds from inputs (the time the browser gives the event) to the end of the frame drawn after each. */
export interface Response {
  readonly median: number;
  readonly worst: number;
}

interface MeasuringWindow extends Window {
  responses: number[];
}

/** Clicks each target in turn, as a mouse would, and measures how long the page takes to show a frame after it. */
export async function measureClicks(page: Page, targets: readonly Locator[]): Promise<Response> {
  await page.evaluate(() => {
    const responses: number[] = [];
    Object.assign(window, { responses });
    const painted = new MessageChannel();
    const started: number[] = [];
    painted.port1.onmessage = () => responses.push(performance.now() - (started.shift() ?? NaN));
    addEventListener(
      'pointerdown',
      ({ timeStamp }) => {
        started.push(timeStamp);
        // A message posted before a frame is drawn is handled after it.
        requestAnimationFrame(() => painted.port2.postMessage(undefined));
      },
      { capture: true },
    );
  });
  for (const [i, target] of targets.entries()) {
    await target.click();
    await page.waitForFunction((count) => (window as unknown as MeasuringWindow).responses.length > count, i);
    // Apart from one another, as people click.
    await page.waitForTimeout(150);
  }
  const sorted = (await page.evaluate(() => (window as unknown as MeasuringWindow).responses)).sort((a, b) => a - b);
  return { median: sorted[Math.floor(sorted.length / 2)] ?? NaN, worst: sorted.at(-1) ?? NaN };
}
