import { expect, test, type Page } from '@playwright/test';
import { recordedRun } from '../ui/story/recordedRun.ts';
import { commands, openPage, trainTo, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const RECORDED = JSON.stringify(recordedRun());

const story = (page: Page) => page.getByRole('region', { name: 'Story' });
const chapters = (page: Page) => story(page).getByRole('listitem').getByRole('button');
const current = (page: Page) => chapters(page).and(page.locator('[aria-current=step]'));
const sentence = (page: Page) => page.locator('.sentence > p').first();

/** The step that each part of the page speaks of, all read in one go. */
function stepsShown(page: Page): Promise<Record<string, number | undefined>> {
  return page.evaluate(() => {
    const number = (text: string | null | undefined, pattern: RegExp): number | undefined => {
      const found = pattern.exec(text ?? '')?.[1];
      return found === undefined ? undefined : Number(found.replace(/\D/g, ''));
    };
    const all = [...document.querySelectorAll('section.story li button')];
    const begun = all.filter((one) => one.hasAttribute('aria-current'));
    return {
      slider: Number(document.querySelector<HTMLInputElement>('input[aria-label="Time"]')?.value),
      matrix: number(document.querySelector('.key dl')?.textContent, /step\s*([\d,]+)/),
      loss: number(
        document.querySelector('.charts svg[aria-label^="Loss"]')?.getAttribute('aria-label'),
        / at ([\d,]+):/,
      ),
      sentence: number(document.querySelector('.sentence .step')?.textContent, /Step ([\d,]+)/),
      note: number(document.querySelector('section.story .note')?.textContent, /Step ([\d,]+), on the way/),
      chapter: number(begun[0]?.textContent, /step ([\d,]+)/),
      next: number(all[all.indexOf(begun[0] as Element) + 1]?.textContent, /step ([\d,]+)/),
    };
  });
}

/** All of the page is of one step, and of the chapter that has begun there. Returns the step. */
async function expectOneStep(page: Page): Promise<number> {
  const { slider = NaN, matrix, loss, sentence: said, note, chapter = NaN, next } = await stepsShown(page);
  expect([matrix, loss, said ?? slider, note ?? slider]).toEqual([slider, slider, slider, slider]);
  expect(slider).toBeGreaterThanOrEqual(chapter);
  if (next !== undefined) expect(slider).toBeLessThan(next);
  // Either the moment's own words are shown, or where one is on the way.
  expect(note === undefined).toBe(slider === chapter);
  return slider;
}

test('is told from the first second, all of the page with it, and ends', async ({ page }) => {
  await page.clock.install();
  const complaints = await openPage(page, { story: true, recorded: RECORDED });
  await expect(page.getByText(/^How a retriever learns/).first()).toBeVisible();
  await expect(chapters(page)).toHaveCount(5);
  await expect(story(page)).toContainText('Built in: every batch holds each fact twice');
  await expect(sentence(page)).toContainText('Step 0: Untrained');
  const titles = ['Knows nothing yet', 'Groups by wording', 'Finds the partner', 'Learns to copy', 'Its limits'];
  const seen = new Set<number>();
  for (const title of titles) {
    await expect(current(page)).toContainText(title);
    await expect(story(page).locator('.note')).not.toContainText('on the way');
    seen.add(await expectOneStep(page));
    // What holds a moment is a clock; the way to the next is drawn, frame by frame.
    await page.clock.fastForward(20_000);
    const way = Date.now() + 2500;
    while (title !== titles.at(-1) && Date.now() < way) seen.add(await expectOneStep(page));
  }
  expect(seen.size).toBeGreaterThan(titles.length);
  await expect(page.getByRole('button', { name: 'Play the story' })).toBeVisible();
  expect(await commands(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('stops at will, and is stepped by keys and buttons', async ({ page }) => {
  await openPage(page, { story: true, recorded: RECORDED });
  await page.keyboard.press('Space');
  await expect(page.getByRole('button', { name: 'Play the story' })).toBeVisible();
  await expect(current(page)).toContainText('Knows nothing yet');
  await page.keyboard.press('ArrowRight');
  await expect(current(page)).toContainText('Groups by wording');
  await expectOneStep(page);
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowLeft');
  await expect(current(page)).toContainText('Groups by wording');
  await page.getByRole('button', { name: 'Next chapter' }).click();
  await expect(current(page)).toContainText('Finds the partner');
  await chapters(page).last().click();
  await expect(sentence(page)).toContainText('Counting words');
  await expect(page.getByRole('button', { name: 'Next chapter' })).toBeDisabled();
  await expectOneStep(page);
  await page.getByRole('button', { name: 'Previous chapter' }).click();
  await expect(current(page)).toContainText('Learns to copy');
  // Its words are of the batch that stays the same.
  await page.getByRole('radio', { name: 'this step’s batch' }).check({ force: true });
  await expect(sentence(page)).not.toContainText('copy from');
  await expect(story(page).locator('.note')).toContainText('this is another one');
  await page.getByRole('button', { name: 'Next chapter' }).click();
  await expect(sentence(page)).toContainText('copy from');
  // Whoever travels by the slider turns its pages too.
  await page.getByRole('slider', { name: 'Time' }).fill('60');
  await expect(story(page).locator('.note')).toContainText('Step 60, on the way to “Finds the partner”');
  await expectOneStep(page);
  expect(await commands(page)).toEqual([]);
});

test('pauses where something else is touched', async ({ page }) => {
  await openPage(page, { story: true, recorded: RECORDED });
  const playing = page.getByRole('button', { name: 'Pause the story' });
  for (const touch of [
    () => page.locator('rect.cell').nth(10).click({ force: true }),
    () => page.getByRole('slider', { name: 'Time' }).press('ArrowRight'),
    () => page.keyboard.press('Tab'),
  ]) {
    await expect(playing).toBeVisible();
    await touch();
    await expect(playing).toHaveCount(0);
    await page.getByRole('button', { name: 'Play the story' }).click();
  }
});

test.describe('without motion', () => {
  test.use({ contextOptions: { reducedMotion: 'reduce' } });

  test('is pictures in a row, each with its words', async ({ page }) => {
    await openPage(page, { story: true, recorded: RECORDED });
    await expect(chapters(page)).toHaveCount(5);
    await expect(page.getByRole('button', { name: 'Play the story' })).toBeVisible();
    for (const words of [/Untrained/, /how things are said/, /finds the partner/, /copy from/, /Counting words/]) {
      await expect(chapters(page).filter({ hasText: words })).toHaveCount(1);
    }
    const pictures = story(page).locator('canvas');
    await expect(pictures).toHaveCount(5);
    const boxes = await Promise.all((await pictures.all()).map((picture) => picture.boundingBox()));
    for (const [i, box] of boxes.entries()) {
      expect(box?.width).toBeGreaterThanOrEqual(40);
      expect(box?.y).toBe(boxes[0]?.y);
      if (i > 0) expect(box?.x).toBeGreaterThan((boxes[i - 1]?.x ?? 0) + (boxes[i - 1]?.width ?? 0));
    }
    await expect(sentence(page)).toContainText('Step 0: Untrained');
    const step = await expectOneStep(page);
    await page.waitForTimeout(500);
    expect(await expectOneStep(page)).toBe(step);
    await pictures.nth(2).click();
    await expect(current(page)).toContainText('Finds the partner');
    await expectOneStep(page);
  });
});

test('gives way to training, to a text and to another run at once, and is called back', async ({ page }) => {
  await openPage(page, { story: true, recorded: RECORDED });
  const tab = page.getByRole('tab', { name: 'Story' });
  await trainTo(page, 3);
  await expect(story(page)).toHaveCount(0);
  await expect(page.getByText(/^How a retriever learns/)).toHaveCount(0);
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await tab.click();
  await expect(current(page)).toContainText('Knows nothing yet');
  await expectOneStep(page);
  await expect(page.getByText('Recorded run on Facts', { exact: true })).toBeVisible();
  await page.getByRole('button', { name: 'Back to your run' }).click();
  await expect(story(page)).toHaveCount(0);
  await tab.click();
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  await expect(story(page)).toHaveCount(0);
  await tab.click();
  await page.getByRole('combobox', { name: 'Preset' }).selectOption({ index: 1 });
  await expect(story(page)).toHaveCount(0);
  // Who left it is not told it again unasked.
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Batch attention' })).toBeVisible();
  await expect(story(page)).toHaveCount(0);
  await expect(tab).toBeVisible();
});

test('hands over to training', async ({ page }) => {
  await openPage(page, { story: true, recorded: RECORDED });
  await page.getByRole('button', { name: 'Now do it live' }).click();
  await expect(story(page)).toHaveCount(0);
  await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toContain('train');
});

test('is not there where the recorded run does not tell one', async ({ page }) => {
  await openPage(page, { story: true, recorded: '<!doctype html>' });
  await expect(page.getByRole('tab', { name: 'Text', exact: true })).toHaveAttribute('aria-selected', 'true');
  await expect(page.getByText(/^How a retriever learns/)).toHaveCount(0);
});

for (const [width, height] of [
  [1440, 900],
  [1280, 720],
  [820, 1180],
  [390, 844],
] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`${width} px, ${colorScheme}`, () => {
      test.use({ viewport: { width, height }, colorScheme });

      test('axe finds nothing, nothing runs over, and its controls are in sight', async ({ page }) => {
        await openPage(page, { story: true, recorded: RECORDED });
        await page.keyboard.press('Space');
        await page.keyboard.press('ArrowRight');
        await expect(current(page)).toContainText('Groups by wording');
        const wide = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        expect.soft(wide).toBeLessThanOrEqual(0);
        for (const name of ['Previous chapter', 'Play the story', 'Next chapter']) {
          await expect.soft(page.getByRole('button', { name })).toBeInViewport({ ratio: 1 });
        }
        expect.soft(await violations(page)).toEqual([]);
      });
    });
  }
}
