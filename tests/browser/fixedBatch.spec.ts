import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';
import { matrixOf, probePicture, type RunRecord } from '../../src/run/record.ts';
import { tableOf } from '../../src/objectives/tables.ts';
import { savingNumber } from '../../src/ui/state/sentences/teaching.ts';
import { teachingOf } from '../../src/ui/state/teaching.ts';
import { cells, openPage, pause, say, trainTo, violations } from './support/openPage.ts';
import { inventedStep } from './support/inventedRun.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const slider = (page: Page) => page.getByRole('slider', { name: 'Time' });
const batch = (page: Page, name: string) => page.getByRole('radio', { name, exact: true });
const teaches = (page: Page) => page.getByRole('checkbox', { name: 'what teaches' });
const texts = (page: Page) => page.getByRole('region', { name: 'The two chunks of the selected cell' }).innerText();

test('the rows stay where they are: the same chunks at every step, and others a click away', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openPage(page);
  await expect(batch(page, 'held-out batch')).toBeChecked();
  const seen = new Set<string>();
  const colours = new Set<string>();
  for (const step of ['0', '60', '205', '500']) {
    await slider(page).fill(step);
    await expect(slider(page)).toHaveValue(step);
    seen.add((await page.locator('.tokens').allInnerTexts()).join('|'));
    colours.add((await cells(page)).join());
  }
  expect([seen.size, colours.size]).toEqual([1, 4]);
  await batch(page, 'this step’s batch').check();
  const own = await texts(page);
  await slider(page).fill('100');
  expect(await texts(page)).not.toBe(own);
});

test('frames are real checkboxes, told apart without colour, and wording is offered where it is known', async ({
  page,
}) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openPage(page);
  const documents = page.getByRole('checkbox', { name: 'same document' });
  const wording = page.getByRole('checkbox', { name: 'same wording' });
  await expect(documents).toBeChecked();
  await expect(page.locator('.ring.document')).toHaveCount(8);
  await expect(page.locator('.ring.wording')).toHaveCount(0);
  await wording.check();
  const dashes = await page
    .locator('.ring.wording')
    .evaluateAll((all) => all.map((one) => getComputedStyle(one).strokeDasharray));
  expect(dashes.length).toBeGreaterThan(4);
  expect(new Set(dashes)).toEqual(new Set(['3px, 3px']));
  await documents.uncheck();
  await expect(page.locator('.ring.document')).toHaveCount(0);
  await trainTo(page, 2);
  await pause(page);
  // A text that knows no wording: nothing is offered that would frame nothing.
  const { metrics, ...step } = inventedStep(3);
  const chunks = step.batch.chunks.map(({ wording: _, ...chunk }) => chunk);
  await say(page, { type: 'step', record: { ...step, batch: { chunks }, metrics: { ...metrics, step: 3 } } });
  await batch(page, 'this step’s batch').check();
  await expect(wording).toHaveCount(0);
});

test('what teaches: numbers, marks and sentence of the recorded run are those of its gradients', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const recorded = readFileSync('public/recorded/facts.json', 'utf8');
  const run = JSON.parse(recorded) as RunRecord;
  const { probe } = run;
  await openPage(page, { recorded });
  const one = probe!.records.find(({ metrics }) => metrics.step > 500)!;
  await slider(page).fill(String(one.metrics.step));
  await teaches(page).check();
  const picture = probePicture(probe!, one);
  const teaching = teachingOf(tableOf(run.configuration), picture)!;
  const order = picture.batch.chunks
    .map(({ document }, i) => ({ document, i }))
    .sort((a, b) => a.document - b.document || a.i - b.i)
    .map(({ i }) => i);
  const at = order[0]! * 8 + order[1]!;
  const numbers = page.locator('.key dl');
  await expect(numbers).toContainText(savingNumber(teaching.savings![at]!));
  const pulls = order.flatMap((row) => order.map((column) => teaching.pulls[row * 8 + column]!));
  const marked = (sign: number) => pulls.filter((pull) => (sign * pull) / teaching.largestPull >= 0.03).length;
  const drawn = await page
    .locator('path.arrow')
    .evaluateAll((all) => all.map((path) => (path.getAttribute('d') ?? '').split('Z').length - 1));
  expect(drawn).toEqual([marked(1), marked(-1)]);
  const saving = teaching.savings![at]!;
  await expect(page.locator('.sentence > p').first()).toContainText(
    new RegExp(`Reading 2 ${saving > 0 ? 'lowered' : 'raised'} the loss of chunk 1 by [\\d.]+ nats per token`),
  );
  // The same cell for those who do not see it; the darkest cells are those that say most.
  await expect(page.locator('#matrix-cell')).toContainText('the loss of chunk 1 by');
  await expect(page.getByRole('table', { name: /What each chunk reads most, held-out batch/ })).toContainText('S goes');
  const colours = await cells(page);
  const savings = order.flatMap((row) => order.map((column) => teaching.savings![row * 8 + column]!));
  const largest = savings.indexOf(Math.max(...savings));
  const zero = colours[0];
  expect(colours[largest]).not.toBe(zero);
  expect(matrixOf(picture, 'attention')).toHaveLength(64);
  // What is asked of a matrix that the run never had has no gradients to be shown.
  await page
    .getByRole('slider', { name: /Temperature/ })
    .first()
    .press('ArrowLeft');
  await expect(teaches(page)).toBeDisabled();
  await page.keyboard.press('Escape');
  await expect(teaches(page)).toBeEnabled();
});

for (const [width, height] of [
  [1440, 900],
  [1280, 720],
  [390, 844],
] as const)
  for (const colorScheme of ['light', 'dark'] as const)
    test(`at ${width} px, ${colorScheme}: axe finds nothing, whatever is shown`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const complaints = await openPage(page);
      await slider(page).fill('60');
      if (await page.getByRole('checkbox', { name: 'same wording' }).isVisible()) {
        await page.getByRole('checkbox', { name: 'same wording' }).check();
        await teaches(page).check();
      }
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      await batch(page, 'this step’s batch').check({ force: true });
      expect(await violations(page)).toEqual([]);
      expect(complaints).toEqual([]);
    });

test('in forced colours the batch chosen, frames and values still show', async ({ page }) => {
  await page.emulateMedia({ forcedColors: 'active', reducedMotion: 'reduce' });
  await openPage(page);
  await slider(page).fill('60');
  const chosen = page.locator('label', { has: batch(page, 'held-out batch') });
  const other = page.locator('label', { has: batch(page, 'this step’s batch') });
  const background = (one: typeof chosen) => one.evaluate((label) => getComputedStyle(label).backgroundColor);
  expect(await background(chosen)).not.toBe(await background(other));
  // Values keep their ramp, between the reader's own two colours.
  expect(new Set(await cells(page)).size).toBeGreaterThan(4);
  const bar = page.locator('.key .ramp .bar').first();
  expect(await bar.evaluate((one) => getComputedStyle(one).backgroundImage)).toContain('gradient');
});
