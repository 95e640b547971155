import type { Page } from '@playwright/test';

/** The number in "step N". */
export async function stepOf(page: Page): Promise<number> {
  return Number(/step (\d+)/.exec(await page.locator('.counter').innerText())?.[1]);
}

/** Waits until the page has come to a step. */
export async function waitForStep(page: Page, step: number, timeout: number): Promise<void> {
  await page.waitForFunction(
    (wanted) => Number(/step (\d+)/.exec(document.querySelector('.counter')?.textContent ?? '')?.[1]) >= wanted,
    step,
    { timeout },
  );
}
