import { expect, test, type Page } from '@playwright/test';
import type { KernelsView } from '../../src/lab/door/views.ts';
import { answerPair, asked } from './support/answers.ts';
import { openPage, pause, trainTo, violations } from './support/openPage.ts';

const SIZES = [
  [1920, 1080],
  [1440, 900],
  [1024, 768],
  [390, 844],
] as const;
const PANELS = ['Model', 'Inside', 'Search', 'Take home', 'Timeline', 'Runs', 'Share', 'Kernels'];
const KERNELS: KernelsView = {
  step: 12,
  measured: false,
  gpuMs: 12.5,
  rows: [
    { kernel: 'gemm/direct', calls: 40, ms: 6, flops: 2.4e9, bytes: 3.2e7 },
    { kernel: 'inBatchAttention/forward.direct', calls: 2, ms: 3, flops: 4e8, bytes: 2e6 },
  ],
};

/** Opens a panel over a paused run, and answers what it asks of the lab. */
async function open(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true }).click();
  await expect(page.getByRole('separator', { name: `Height of ${name}` })).toBeVisible();
  if (name === 'Kernels') await page.getByRole('button', { name: 'Make a step and watch it' }).click();
  if (name === 'Inside') {
    await expect.poll(async () => (await asked(page, 'inspectPair')).length).toBeGreaterThan(0);
    await answerPair(page);
  }
}

/** Nothing is wider than the window, and axe finds nothing. */
async function expectSound(page: Page, view: string): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(wide, `${view} runs over the window by`).toBeLessThanOrEqual(0);
  expect.soft(await violations(page), view).toEqual([]);
}

for (const [width, height] of SIZES) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${width} px, ${colorScheme}`, () => {
      test.use({ viewport: { width, height }, colorScheme, contextOptions: { reducedMotion: 'reduce' } });

      test('axe finds nothing in any panel, and nothing runs over the window', async ({ page }) => {
        const complaints = await openPage(page, { kernels: KERNELS });
        await trainTo(page, 12);
        await pause(page);
        await expectSound(page, 'the page');
        for (const name of PANELS) {
          await open(page, name);
          await expectSound(page, name);
          await page.keyboard.press('Escape');
        }
        await page.keyboard.press('?');
        await expect(page.getByRole('dialog')).toBeVisible();
        await expectSound(page, 'the list of keys');
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Settings' }).click();
        await expect(page.getByRole('dialog')).toBeVisible();
        await expectSound(page, 'the settings');
        await page.keyboard.press('Escape');
        await page.evaluate(() => (location.hash = 'lesson=3.2'));
        await expect(
          page
            .getByRole('region', { name: /^Lesson / })
            .locator('.katex')
            .first(),
        ).toBeVisible();
        await expectSound(page, 'a lesson');
        expect(complaints).toEqual([]);
      });
    });
  }
}
