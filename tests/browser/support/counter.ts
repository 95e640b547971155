import type { Page } from '@playwright/test';

/** The number in "step N". */
export async function stepOf(page: Page): Promise<number> {
  return Number(/step (\d+)/.exec(await page.locator('.counter').innerText())?.[1]);
}
