import type { Page } from '@playwright/test';

/** The page opens as it does for somebody who left its story before: with their text beside the matrix. */
export async function withoutStory(page: Page): Promise<void> {
  await page.addInitScript(() => localStorage.setItem('revela.story', '"left"'));
}
