import type { Page } from 'playwright';

/** What a page's main thread did in a stretch of time, in milliseconds. */
export interface PageTimes {
  /** From an input (the time that the browser gives it) to the end of the frame drawn after it. */
  readonly responses: readonly number[];
  /** From one frame to the next. */
  readonly frames: readonly number[];
  /** Tasks of more than 50 ms, as the browser reports them. */
  readonly longTasks: readonly number[];
}

interface WatchedWindow extends Window {
  times: { responses: number[]; frames: number[]; longTasks: number[] };
}

/** Begins to measure, for as long as the page lives; takeTimes() hands out what came since the last call. */
export async function watchTimes(page: Page): Promise<void> {
  await page.evaluate(() => {
    const times: WatchedWindow['times'] = { responses: [], frames: [], longTasks: [] };
    Object.assign(window, { times });
    const painted = new MessageChannel();
    const started: number[] = [];
    painted.port1.onmessage = () => times.responses.push(performance.now() - (started.shift() ?? NaN));
    for (const type of ['pointerdown', 'keydown'] as const) {
      addEventListener(
        type,
        ({ timeStamp }) => {
          started.push(timeStamp);
          // A message posted before a frame is drawn is handled after it.
          requestAnimationFrame(() => painted.port2.postMessage(undefined));
        },
        { capture: true },
      );
    }
    let before: number | undefined;
    const frame = (now: number): void => {
      if (before !== undefined) times.frames.push(now - before);
      before = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) times.longTasks.push(duration);
    }).observe({ type: 'longtask' });
  });
}

/** What was measured since the last call. */
export function takeTimes(page: Page): Promise<PageTimes> {
  return page.evaluate(() => {
    const { times } = window as unknown as WatchedWindow;
    const take = (all: number[]): number[] => all.splice(0);
    return { responses: take(times.responses), frames: take(times.frames), longTasks: take(times.longTasks) };
  });
}
