import { expect, test, type Page } from '@playwright/test';
import { recordedRun } from '../ui/story/recordedRun.ts';
import { openPage, pause, trainTo, violations } from './support/openPage.ts';

const RECORDED = JSON.stringify(recordedRun());

test.use({ viewport: { width: 1920, height: 1080 } });

const presentation = (page: Page) => page.getByRole('dialog', { name: 'Presentation' });

/** The size in pixels of the page of the smallest text in sight, with that text: drawings are enlarged as a whole. */
function smallestText(page: Page): Promise<{ readonly size: number; readonly text: string }> {
  return presentation(page).evaluate((dialog) => {
    let smallest = { size: Infinity, text: '' };
    const walker = document.createTreeWalker(dialog, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const text = node.textContent?.trim() ?? '';
      if (!element || text === '' || element.closest('.visually-hidden, option')) continue;
      const zoom = element instanceof SVGGraphicsElement ? (element.getScreenCTM()?.d ?? NaN) : 1;
      // Letters along the vertical axis are turned.
      const turned = element instanceof SVGGraphicsElement ? Math.abs(element.getScreenCTM()?.b ?? 0) : 0;
      const size = parseFloat(getComputedStyle(element).fontSize) * Math.max(Math.abs(zoom), turned);
      if (size < smallest.size) smallest = { size, text };
    }
    return smallest;
  });
}

async function expectReadable(page: Page): Promise<void> {
  const { size, text } = await smallestText(page);
  expect.soft(size, `“${text}” is ${size} pixels high`).toBeGreaterThanOrEqual(24);
  const over = await presentation(page).evaluate((dialog) => [
    dialog.scrollWidth - dialog.clientWidth,
    dialog.scrollHeight - dialog.clientHeight,
  ]);
  expect.soft(over).toEqual([0, 0]);
}

test('presents the story: its keys, sizes, and the way out', async ({ page }) => {
  const complaints = await openPage(page, { story: true, recorded: RECORDED });
  await page.keyboard.press('p');
  await expect(presentation(page)).toBeVisible();
  await expect(presentation(page).locator('rect.cell')).toHaveCount(64);
  await expect(presentation(page)).toContainText('Untrained, the retriever');
  await page.keyboard.press('Space');
  await expect(presentation(page).getByRole('button', { name: 'Play the story' })).toBeVisible();
  for (const title of ['Groups by wording', 'Finds the partner', 'Learns to copy', 'Its limits']) {
    await page.keyboard.press('ArrowRight');
    await expect(presentation(page).locator('.words')).toContainText(title);
    await expectReadable(page);
  }
  await page.keyboard.press('ArrowLeft');
  await expect(presentation(page).locator('.words')).toContainText('Learns to copy');
  await expect(presentation(page).getByRole('img', { name: /^Loss/ })).toBeVisible();
  await page.keyboard.press('ArrowLeft');
  await expect(presentation(page).getByRole('img', { name: /^Attention on/ })).toBeVisible();
  // What is presented is the page's own moment.
  const step = await presentation(page).locator('.words .step').innerText();
  await page.keyboard.press('Escape');
  await expect(presentation(page)).toHaveCount(0);
  await expect(page.locator('.sentence .step').first()).toHaveText(step);
  expect(complaints).toEqual([]);
});

test('presents a run that is on, and trains and pauses it', async ({ page }) => {
  await openPage(page);
  await trainTo(page, 12);
  await page.getByRole('button', { name: 'Present', exact: true }).click();
  await expect(presentation(page)).toContainText('The run on Facts');
  await expectReadable(page);
  await presentation(page).getByRole('combobox', { name: 'Curve' }).selectOption('Recall@1');
  await expect(presentation(page).getByRole('img', { name: /^Recall@1/ })).toBeVisible();
  await presentation(page).getByRole('button', { name: 'Pause' }).click();
  await expect(presentation(page).getByRole('button', { name: 'Train' })).toBeVisible();
  await presentation(page).getByRole('button', { name: 'Leave' }).click();
  await expect(presentation(page)).toHaveCount(0);
});

test('is in the list of keys, and left alone by fields', async ({ page }) => {
  await openPage(page);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'What you see' })).toContainText('present: full screen');
  await page.keyboard.press('Escape');
  await trainTo(page, 3);
  await pause(page);
  await page.getByRole('tab', { name: 'Your text' }).click();
  await page.getByRole('textbox', { name: 'Your text' }).press('p');
  await expect(presentation(page)).toHaveCount(0);
});

for (const [width, height] of [
  [1920, 1080],
  [390, 844],
] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${width} px, ${colorScheme}`, () => {
      test.use({ viewport: { width, height }, colorScheme });

      test('axe finds nothing in the presentation', async ({ page }) => {
        await openPage(page, { story: true, recorded: RECORDED });
        await page.keyboard.press('p');
        await expect(presentation(page)).toBeVisible();
        await page.keyboard.press('ArrowRight');
        expect(await violations(page)).toEqual([]);
      });
    });
  }
}
