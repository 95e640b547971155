import type { BrowserContext, Page } from 'playwright';
import { readFile } from 'node:fs/promises';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { readRun, type SavedRun } from '../../src/run/saving.ts';
import { stepOf } from '../../tests/browser/support/counter.ts';
import {
  beatFast,
  beginLabWith,
  HANGS_WHEN_TOLD,
  hurriedClock,
  withinReach,
} from '../../tests/browser/support/labWorker.ts';
import { withoutStory } from '../../tests/browser/support/withoutStory.ts';
import { CLOCK_GOES_BACK_WHEN_TOLD, sleep, type Fault } from './faults.ts';

/** A small run that still has everything. */
const LINK = 'v=1&preset=facts&chunks=4&layers=1&width=32&mlpWidth=32&heads=2&kvHeads=1&evaluateEvery=50';
const PATIENCE_MS = 300_000;
/** A run that is gone on with stands at its step by then, or has been refused. */
const COMES_BACK_MS = 60_000;
/** As the page offers a save. */
const OFFER = /^Saved .*, step ([\d\u2009]+)\.$/;

/**
 * Makes the page quicker to notice and to save, so that minutes hold what hours would: a silent worker is found ten times, and a run saved
 * by itself six times as soon. And it puts the lab's worker within reach of the faults.
 */
async function prepare(page: Page): Promise<void> {
  await withoutStory(page);
  await beatFast(page, 10);
  await withinReach(page);
  await beginLabWith(page, [hurriedClock(6), HANGS_WHEN_TOLD, CLOCK_GOES_BACK_WHEN_TOLD].join(' '));
}

/**
 * Uses the page as somebody would who wants one run to go on: where it stands still, what the page offers is pressed, and a page that has
 * crashed is opened anew.
 */
export class Driver {
  /** Pages that have crashed. */
  crashes = 0;
  #page: Page | undefined;
  /** Whether the page has lost the run: its last save has to be gone on with, since Train would begin at step 0. */
  #isLost = false;
  /** The save that was gone on with last. */
  #saved = 0;

  constructor(
    private readonly context: BrowserContext,
    private readonly address: string,
  ) {}

  /** The page, opened where there is none. */
  async page(): Promise<Page> {
    if (this.#page) return this.#page;
    const page = await this.context.newPage();
    page.on('crash', () => {
      this.crashes++;
      this.#isLost = true;
      this.#page = undefined;
      // What is asked of all pages would fail at it.
      void page.close().catch(() => undefined);
    });
    await prepare(page);
    await page.goto(`${this.address}?endurance#${LINK}`);
    await page.getByRole('application').waitFor();
    page.on('load', () => (this.#isLost = true));
    return (this.#page = page);
  }

  step(): Promise<number> {
    return this.#with(async (page) => (await stepOf(page)) || 0);
  }

  /** Lets a fault happen to the page, which may crash of it. */
  async suffer(fault: Fault): Promise<void> {
    const { crashes } = this;
    const page = await this.page();
    const crash = new Promise<void>((resolve) => page.once('crash', () => resolve()));
    const happens = async (): Promise<void> => {
      const devtools = await page.context().newCDPSession(page);
      await fault.happen(page, devtools);
      await devtools.detach();
    };
    // What is asked of a page that crashes meanwhile may never be answered.
    await Promise.race([crash, happens()]).catch((cause: unknown) => {
      if (this.crashes === crashes) throw cause;
    });
  }

  /**
   * Waits until the run has come past a step, and does what the page offers where it stands still. Returns what was done.
   * @throws Error where the run does not go on, or not from its last save.
   */
  async keepGoing(past: number): Promise<string[]> {
    const done: string[] = [];
    let [farthest, end] = [-1, 0];
    for (;;) {
      const at = await this.step();
      if (!this.#isLost && at > past) return done;
      if (at > farthest) [farthest, end] = [at, Date.now() + PATIENCE_MS];
      if (Date.now() > end) throw new Error(`The run does not go on past step ${past}: ${await this.#words()}`);
      const { crashes } = this;
      const pressed = await this.#with((page) => this.#press(page));
      if (this.crashes > crashes) done.push('opened another page');
      if (pressed !== undefined) done.push(pressed);
      await sleep(500);
    }
  }

  /** Pauses, and returns the step it stands at. */
  pause(): Promise<number> {
    return this.#with(async (page) => {
      const pause = page.getByRole('button', { name: 'Pause', exact: true });
      if (await pause.isEnabled()) await pause.click();
      const train = page.getByRole('button', { name: 'Train', exact: true });
      await train.and(page.locator(':enabled')).waitFor({ timeout: PATIENCE_MS });
      await sleep(1000);
      return stepOf(page);
    });
  }

  /** Single steps up to a step. */
  async stepTo(step: number): Promise<void> {
    for (let at = await this.step(); at < step; at++) {
      await this.#with(async (page) => {
        await page.getByRole('button', { name: 'Step', exact: true }).click();
        await page.waitForFunction(
          (wanted) => Number(/step (\d+)/.exec(document.querySelector('.counter')?.textContent ?? '')?.[1]) >= wanted,
          at + 1,
          { timeout: PATIENCE_MS },
        );
      });
    }
  }

  /** The whole run, as it is taken home. */
  file(): Promise<SavedRun> {
    return this.#with(async (page) => {
      await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name: 'Take home' }).click();
      const coming = page.waitForEvent('download', { timeout: PATIENCE_MS });
      await page.getByRole('button', { name: 'Download run', exact: true }).click();
      const path = await (await coming).path();
      return readRun(memorySource('run.safetensors', new Uint8Array(await readFile(path))));
    });
  }

  /** Presses what the page offers for a run that stands still. Returns what that was. */
  async #press(page: Page): Promise<string | undefined> {
    const press = async (name: string): Promise<string | undefined> => {
      const button = page.getByRole('button', { name, exact: true }).first();
      if (!(await button.isVisible()) || !(await button.isEnabled())) return undefined;
      // On a busy machine a press may take longer, or meet a button that is gone by then: what is offered next says so.
      await button.click({ timeout: 5000 }).catch(() => undefined);
      return name;
    };
    const failed = page.locator('.sentence [role=alert]');
    const ended = await press('End it');
    if (ended !== undefined) return ended;
    if (await failed.isVisible()) this.#isLost = true;
    if (!this.#isLost) {
      if (this.#saved > 0 && (await stepOf(page)) === 0) throw new Error('The run stands at step 0 again.');
      return press('Train');
    }
    const offer = page.getByText(OFFER);
    if (!(await offer.isVisible())) return undefined;
    const [, step = ''] = OFFER.exec(await offer.innerText()) ?? [];
    const saved = Number(step.replace(/\D/g, ''));
    if (saved < this.#saved)
      throw new Error(`Step ${saved} is offered, though step ${this.#saved} had been saved before it.`);
    await press('Go on with it');
    const end = Date.now() + COMES_BACK_MS;
    for (;;) {
      await sleep(500);
      if ((await stepOf(page)) === saved && !(await failed.isVisible())) break;
      // It is offered again where it could not be put back.
      if ((await offer.isVisible()) || Date.now() > end) return `Go on with it (at step ${saved}, in vain)`;
    }
    this.#isLost = false;
    this.#saved = saved;
    return `Go on with it (at step ${saved})`;
  }

  /** Does something with the page: with another where it crashes under it. */
  async #with<T>(work: (page: Page) => Promise<T>): Promise<T> {
    for (;;) {
      const { crashes } = this;
      try {
        return await work(await this.page());
      } catch (cause) {
        if (this.crashes === crashes) throw cause;
      }
    }
  }

  /** What the page says of the run. */
  #words(): Promise<string> {
    return this.#with(async (page) =>
      (await page.locator('.sentence, footer, [role=alert]').allInnerTexts()).join(' | '),
    );
  }
}
