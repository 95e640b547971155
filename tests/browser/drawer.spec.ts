import { expect, test, type Locator, type Page } from '@playwright/test';
import { openPage, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const handle = (page: Page, name: string) => page.getByRole('separator', { name: `Height of ${name}` });
const share = async (page: Page, name: string) => Number(await handle(page, name).getAttribute('aria-valuenow'));

async function open(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true }).click();
  await expect(handle(page, name)).toBeVisible();
}

async function edges(locator: Locator): Promise<{ top: number; bottom: number }> {
  const box = await locator.boundingBox();
  if (!box) throw new Error('Not on the page.');
  return { top: box.y, bottom: box.y + box.height };
}

test('leaves the matrix whole and in sight beside an open panel', async ({ page }) => {
  await openPage(page);
  const matrix = page.getByRole('application');
  const before = await edges(matrix);
  for (const name of ['Inside', 'Model', 'Share']) {
    await open(page, name);
    const { top } = await edges(page.locator('#drawer'));
    await expect.poll(async () => (await edges(matrix)).bottom).toBeLessThanOrEqual(top);
  }
  await page.keyboard.press('Escape');
  await expect.poll(() => edges(matrix)).toEqual(before);
});

test('is made higher and lower by keyboard, within bounds, and keeps its height', async ({ page }) => {
  await openPage(page);
  await open(page, 'Share');
  const own = await share(page, 'Share');
  await handle(page, 'Share').focus();
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => share(page, 'Share')).toBe(own + 5);
  await page.keyboard.press('End');
  await expect.poll(() => share(page, 'Share')).toBe(90);
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => share(page, 'Share')).toBe(90);
  await page.keyboard.press('Home');
  await expect.poll(() => share(page, 'Share')).toBe(20);
  await open(page, 'Runs');
  expect(await share(page, 'Runs')).toBe(20);
  await page.reload();
  await open(page, 'Share');
  expect(await share(page, 'Share')).toBe(20);
  await handle(page, 'Share').dblclick();
  await expect.poll(() => share(page, 'Share')).toBe(own);
});

test('follows the pointer that drags its head', async ({ page }) => {
  await openPage(page);
  await open(page, 'Timeline');
  const { top } = await edges(page.locator('#drawer'));
  await page.mouse.move(400, top + 20);
  await page.mouse.down();
  await page.mouse.move(500, top - 80, { steps: 4 });
  await page.mouse.up();
  await expect.poll(async () => (await edges(page.locator('#drawer'))).top).toBeCloseTo(top - 100, 0);
  await page.mouse.move(500, top);
  expect((await edges(page.locator('#drawer'))).top).toBeCloseTo(top - 100, 0);
  await page.getByRole('button', { name: 'Close Timeline' }).click();
  await expect(page.locator('#drawer')).toHaveCount(0);
});

test('covers nothing for good where the page scrolls', async ({ page }) => {
  await page.setViewportSize({ width: 1024, height: 768 });
  await openPage(page);
  await open(page, 'Runs');
  await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  const { top } = await edges(page.locator('#drawer'));
  expect((await edges(page.getByRole('navigation', { name: 'Panels' }))).bottom).toBeLessThanOrEqual(top + 1);
  expect(await violations(page)).toEqual([]);
});
