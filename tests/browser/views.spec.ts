import { expect, test, type Page } from '@playwright/test';
import type { KernelsView } from '../../src/lab/door/views.ts';
import { answerPair, asked } from './support/answers.ts';
import { unreachable } from './support/reach.ts';
import { openPage, openPanel, PANELS, pause, trainTo, violations } from './support/openPage.ts';

const BOTH = ['light', 'dark'] as const;
const LIGHT = ['light'] as const;
/** The last two are what 1280 × 720 and 1440 × 900 become when the page is zoomed to 200 %. */
const SIZES = [
  [1920, 1080, LIGHT],
  [1440, 900, BOTH],
  [1366, 768, LIGHT],
  [1280, 720, BOTH],
  [1024, 768, BOTH],
  [820, 1180, LIGHT],
  [390, 844, BOTH],
  [720, 450, LIGHT],
  [640, 360, LIGHT],
] as const;
const KERNELS: KernelsView = {
  step: 12,
  measured: false,
  gpuMs: 12.5,
  rows: [
    { kernel: 'gemm/direct', calls: 40, ms: 6, flops: 2.4e9, bytes: 3.2e7 },
    { kernel: 'inBatchAttention/forward.direct', calls: 2, ms: 3, flops: 4e8, bytes: 2e6 },
  ],
};

/** Opens a panel of a paused run, and answers what it asks of the lab. */
async function open(page: Page, name: (typeof PANELS)[number]): Promise<void> {
  await openPanel(page, name);
  if (name === 'Kernels') await page.getByRole('button', { name: 'Make a step and watch it' }).click();
  if (name === 'Inside') {
    await expect.poll(async () => (await asked(page, 'inspectPair')).length).toBeGreaterThan(0);
    await answerPair(page);
  }
}

/** Nothing is wider than the window, everything can be pressed, and axe finds nothing. */
async function expectSound(page: Page, view: string): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect.soft(wide, `${view} runs over the window by`).toBeLessThanOrEqual(0);
  expect.soft(await unreachable(page), view).toEqual([]);
  expect.soft(await violations(page), view).toEqual([]);
}

/** How far the counter's text would run out of its place beside the header's buttons after a long run: across and down, in pixels. */
async function counterOverflow(page: Page): Promise<readonly [number, number]> {
  return page.locator('.counter').evaluate((counter) => {
    const text = counter.querySelector('.number')!.firstChild as Text;
    const said = text.data;
    text.data = 'trained to step 12345';
    const lines = [...counter.querySelectorAll('span')].map((line) => line.scrollWidth);
    const over = [Math.max(...lines) - counter.clientWidth, counter.scrollHeight - counter.clientHeight] as const;
    text.data = said;
    return over;
  });
}

/** How far the longest sentence on another run would reach over the matrix below it, in pixels. */
async function sentenceOverflow(page: Page): Promise<number> {
  return page.locator('.sentence').evaluate((place) => {
    const sentence = place.querySelector('p')!;
    const name = document.createElement('span');
    // With the class by which Svelte knows the component's own.
    name.className = `run ${[...place.classList].find((one) => one.startsWith('svelte-'))}`;
    name.textContent = 'Recorded run on Facts:';
    const text = document.createTextNode(
      'Chunk 8 reads mostly chunk 1 (0.88), which tells another fact. Chunks told in the same wording get 0.48 (by chance 0.14) of ' +
        'the attention, partners 0.23 (by chance 0.14); reading saves 0.15 nats per token.',
    );
    const said = [...sentence.childNodes];
    sentence.replaceChildren(name, text);
    const over = sentence.scrollHeight - place.clientHeight;
    sentence.replaceChildren(...said);
    return over;
  });
}

for (const [width, height, themes] of SIZES) {
  for (const colorScheme of themes) {
    test.describe(`${width} × ${height}, ${colorScheme}`, () => {
      test.use({ viewport: { width, height }, colorScheme, contextOptions: { reducedMotion: 'reduce' } });

      test('axe finds nothing in any panel, all can be reached, and nothing runs over the window', async ({ page }) => {
        const complaints = await openPage(page, { kernels: KERNELS });
        await trainTo(page, 12);
        await pause(page);
        await expectSound(page, 'the page');
        for (const over of await counterOverflow(page)) expect.soft(over, 'the counter').toBeLessThanOrEqual(0);
        expect.soft(await sentenceOverflow(page), 'the sentence').toBeLessThanOrEqual(0);
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
