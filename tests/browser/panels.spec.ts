import { expect, test, type Locator, type Page } from '@playwright/test';
import { openPage, openPanel, PANELS, violations } from './support/openPage.ts';

/** The least side of the matrix on the smallest window that shows everything at once, in pixels. */
const LEAST = 360;

const matrix = (page: Page): Locator => page.getByRole('application');
const charts = (page: Page): Locator => page.getByRole('group', { name: 'Charts', exact: true });
const tab = (page: Page, name: string): Locator =>
  page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true });

async function box(locator: Locator): Promise<{ x: number; y: number; width: number; height: number }> {
  const found = await locator.boundingBox();
  if (!found) throw new Error('Not on the page.');
  return found;
}

/** Whether the middle of an element is the element itself: neither covered nor out of the window. */
function isInSight(locator: Locator): Promise<boolean> {
  return locator.evaluate((element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const top = document.elementFromPoint(x + width / 2, y + height / 2);
    return top !== null && (element.contains(top) || top.contains(element));
  });
}

test.describe('at 1280 × 720', () => {
  test.use({ viewport: { width: 1280, height: 720 } });

  test('the matrix keeps its place and its size, whatever stands beside it', async ({ page }) => {
    await openPage(page);
    const before = await box(matrix(page).locator('svg'));
    expect(Math.min(before.width, before.height)).toBeGreaterThanOrEqual(LEAST);
    expect(before.y + before.height).toBeLessThanOrEqual(720);
    await expect(charts(page)).toBeVisible();
    for (const name of PANELS) {
      await openPanel(page, name);
      await expect(charts(page)).toHaveCount(0);
      expect(await box(matrix(page).locator('svg')), name).toEqual(before);
      expect((await box(page.locator('#panel'))).x, name).toBeGreaterThan(before.x + before.width);
    }
    await tab(page, 'What is happening').click();
    await expect(charts(page)).toBeVisible();
    expect(await box(matrix(page).locator('svg'))).toEqual(before);
  });

  test('a lesson and its buttons stay in sight beside every panel, and beside one on the whole page', async ({
    page,
  }) => {
    await openPage(page, { fragment: 'lesson=2.3' });
    const lesson = page.getByRole('region', { name: /^Lesson / });
    const steps = page.getByRole('navigation', { name: 'Steps of the lesson' });
    await expect(lesson).toBeVisible();
    const expectSeen = async (where: string): Promise<void> => {
      expect(await isInSight(lesson.getByRole('heading')), where).toBe(true);
      for (const button of await steps.getByRole('button').all()) expect(await isInSight(button), where).toBe(true);
      for (const button of await lesson.getByRole('button').all()) {
        await button.scrollIntoViewIfNeeded();
        expect(await isInSight(button), where).toBe(true);
      }
      await lesson.evaluate((element) => element.scrollTo(0, 0));
    };
    await expectSeen('the charts');
    for (const name of PANELS) {
      await openPanel(page, name);
      await expectSeen(name);
    }
    await page.getByRole('button', { name: 'Kernels on the whole page' }).click();
    await expect(matrix(page)).not.toBeVisible();
    await expectSeen('Kernels on the whole page');
  });

  test('the whole page is taken and given back by button and by Escape', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Runs');
    const beside = await box(page.locator('#panel'));
    await page.getByRole('button', { name: 'Runs on the whole page' }).click();
    await expect(matrix(page)).not.toBeVisible();
    expect((await box(page.locator('#panel'))).width).toBeGreaterThan(1200);
    // Another one takes the same room.
    await tab(page, 'Kernels').click();
    expect((await box(page.locator('#panel'))).width).toBeGreaterThan(1200);
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Kernels beside the matrix' }).click();
    expect(await box(page.locator('#panel'))).toEqual(beside);
    await page.getByRole('button', { name: 'Kernels on the whole page' }).click();
    await page.keyboard.press('Escape');
    await expect(matrix(page)).toBeVisible();
    await expect(page.locator('#panel')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(charts(page)).toBeVisible();
    await expect(tab(page, 'Kernels')).toBeFocused();
  });

  test('tabs are gone along with the arrow keys, and a panel that another part opens takes the focus', async ({
    page,
  }) => {
    await openPage(page);
    const current = page.getByRole('navigation', { name: 'Panels' }).locator('[aria-current="true"]');
    await expect(current).toHaveText('What is happening');
    await tab(page, 'What is happening').focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect(tab(page, 'Search')).toBeFocused();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowLeft');
    await expect(tab(page, 'Kernels')).toBeFocused();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('region', { name: 'Timeline', exact: true })).toBeVisible();
    await expect(current).toHaveText('Timeline');
    await expect(tab(page, 'Timeline')).toBeFocused();
    await page.getByRole('button', { name: 'Look inside' }).click();
    await expect(page.getByRole('region', { name: 'Inside', exact: true })).toBeFocused();
    await page.getByRole('button', { name: 'Close Inside' }).click();
    await expect(tab(page, 'Inside')).toBeFocused();
  });

  test('speed and memory are folded away, until they are asked for: then for good', async ({ page }) => {
    await openPage(page);
    const speed = page.getByRole('img', { name: /^Step time/ });
    const summary = page.getByText('Speed and memory', { exact: true });
    await expect(speed).toHaveCount(0);
    await expect(page.getByText('GPU memory', { exact: true })).toHaveCount(0);
    // What is taught and learnt is in sight at once.
    const { y, height } = await box(page.getByRole('img', { name: /^What teaches, what is gained/ }));
    const { y: foot } = await box(page.locator('footer'));
    expect(y + height).toBeLessThanOrEqual(foot);
    await summary.click();
    await expect(speed).toBeVisible();
    await page.reload();
    await expect(speed).toBeVisible();
    await summary.click();
    await page.reload();
    await expect(summary).toBeVisible();
    await expect(speed).toHaveCount(0);
  });
});

test('at 1440 × 900 the charts need no scrolling', async ({ page }) => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await openPage(page);
  await expect(page.getByRole('img', { name: /^Gradient norm/ })).toBeVisible();
  const over = await charts(page).evaluate((element) => element.scrollHeight - element.clientHeight);
  expect(over).toBeLessThanOrEqual(0);
});

test('stand under the matrix where the window is less wide, and cover nothing', async ({ page }) => {
  await page.setViewportSize({ width: 1024, height: 768 });
  await openPage(page);
  await openPanel(page, 'Runs');
  const { y } = await box(page.locator('#panel'));
  const figure = await box(matrix(page));
  expect(y).toBeGreaterThan(figure.y + figure.height);
  await page.getByRole('button', { name: 'Look inside' }).click();
  await expect(page.getByRole('region', { name: 'Inside', exact: true })).toBeInViewport();
});

test('come as sheets on a small screen, one at a time, and give the focus back', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await openPage(page);
  await expect(charts(page)).toBeVisible();
  await tab(page, 'Share').click();
  const sheet = page.getByRole('dialog', { name: 'Share' });
  await expect(sheet).toBeVisible();
  expect(await violations(page)).toEqual([]);
  await sheet.getByRole('button', { name: 'Close', exact: true }).click();
  await expect(sheet).toHaveCount(0);
  await expect(tab(page, 'Share')).toBeFocused();
  await page.getByRole('button', { name: 'Look inside' }).click();
  await expect(page.getByRole('dialog', { name: 'Inside' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(charts(page)).toBeVisible();
});
