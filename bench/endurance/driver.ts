import type { Page } from 'playwright';
import { readSavedRun, type SavedRunFile } from '../../src/files/formats/savedRun.ts';
import {
  beatFast,
  beginLabWith,
  HANGS_WHEN_TOLD,
  hurriedClock,
  withinReach,
} from '../../tests/browser/support/labWorker.ts';
import { stepOf } from '../../tests/browser/support/counter.ts';
import { withoutStory } from '../../tests/browser/support/withoutStory.ts';
import { CLOCK_GOES_BACK_WHEN_TOLD } from './faults.ts';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import { readFile } from 'node:fs/promises';

/** A small run that still has everything. */
const LINK = 'v=1&preset=facts&chunks=4&layers=1&width=32&mlpWidth=32&heads=2&kvHeads=1&evaluateEvery=50';
const PATIENCE_MS = 300_000;

/**
 * Makes the page quicker to notice and to save, so that minutes hold what hours would: a silent worker is found ten times, and a run saved
 * by itself six times as soon. And it puts the lab's worker within reach of the faults.
 */
export async function prepare(page: Page): Promise<void> {
  await withoutStory(page);
  await beatFast(page, 10);
  await withinReach(page);
  await beginLabWith(page, [hurriedClock(6), HANGS_WHEN_TOLD, CLOCK_GOES_BACK_WHEN_TOLD].join(' '));
}

/** Uses the page as somebody would who wants one run to go on. */
export class Driver {
  constructor(readonly page: Page) {}

  /** Opens the run's link. */
  async open(): Promise<void> {
    await this.page.goto(`${new URL('./', this.page.url()).href}?endurance#${LINK}`);
    await this.page.getByRole('application').waitFor();
  }

  async step(): Promise<number> {
    return (await stepOf(this.page)) || 0;
  }

  /** Waits until the run has come past a step, and does what the page offers where it stands still. Returns what was done. */
  async keepGoing(past: number): Promise<string[]> {
    const { page } = this;
    const done: string[] = [];
    const end = Date.now() + PATIENCE_MS;
    const press = async (name: string): Promise<boolean> => {
      const button = page.getByRole('button', { name, exact: true }).first();
      if (!(await button.isVisible()) || !(await button.isEnabled())) return false;
      await button.click({ timeout: 5000 }).catch(() => undefined);
      done.push(name);
      return true;
    };
    // Train alone would begin at step 0: what the page offers first comes first.
    let isBack = false;
    while ((await this.step()) <= past) {
      if (Date.now() > end)
        throw new Error(`The run stands at step ${await this.step()} and does not go on past ${past}.`);
      if (await press('End it')) isBack = false;
      else if (await press('Go on with it')) isBack = true;
      else if (isBack || !(await this.hasFailed())) await press('Train');
      await page.waitForTimeout(500);
    }
    return done;
  }

  /** Pauses, and returns the step it stands at. */
  async pause(): Promise<number> {
    const pause = this.page.getByRole('button', { name: 'Pause', exact: true });
    if (await pause.isEnabled()) await pause.click();
    const train = this.page.getByRole('button', { name: 'Train', exact: true });
    await train.and(this.page.locator(':enabled')).waitFor({ timeout: PATIENCE_MS });
    await this.page.waitForTimeout(1000);
    return this.step();
  }

  /** Single steps up to a step. */
  async stepTo(step: number): Promise<void> {
    for (let at = await this.step(); at < step; at++) {
      await this.page.getByRole('button', { name: 'Step', exact: true }).click();
      await this.page.waitForFunction(
        (wanted) => Number(/step (\d+)/.exec(document.querySelector('.counter')?.textContent ?? '')?.[1]) >= wanted,
        at + 1,
        { timeout: PATIENCE_MS },
      );
    }
  }

  /** The whole run, as it is taken home. */
  async file(): Promise<SavedRunFile> {
    const { page } = this;
    await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name: 'Take home' }).click();
    const coming = page.waitForEvent('download', { timeout: PATIENCE_MS });
    await page.getByRole('button', { name: 'Download run', exact: true }).click();
    const path = await (await coming).path();
    return readSavedRun(memorySource('run.safetensors', new Uint8Array(await readFile(path))));
  }

  private async hasFailed(): Promise<boolean> {
    return this.page.locator('.sentence [role=alert]').isVisible();
  }
}
