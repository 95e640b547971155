import { readFile } from 'node:fs/promises';
import { expect, test, type Locator, type Page } from '@playwright/test';
import { effectiveDocuments } from '../../src/retrieval/metrics.ts';
import { gradientFactors, softmaxRows } from '../../src/objectives/softmax.ts';
import { cells, commands, openPage, openPanel, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 }, contextOptions: { reducedMotion: 'reduce' } });

function slider(page: Page): Locator {
  return page.getByRole('slider', { name: /^Temperature/ });
}

/** A number beside the matrix, by what it is called. */
async function numberOf(page: Page, name: string): Promise<number> {
  const row = page.locator('.key dl div').filter({ has: page.getByRole('term').getByText(name, { exact: true }) });
  return Number(/[\d.]+$/.exec(await row.getByRole('definition').innerText())?.[0]);
}

/** S of the first row, cell by cell; nothing stands on the diagonal. */
async function firstRow(page: Page, size: number): Promise<{ similarity: number[]; attention: number[] }> {
  const similarity: number[] = [];
  const attention: number[] = [];
  await page.getByRole('application').focus();
  for (let column = 0; column < size; column++) await page.keyboard.press('ArrowLeft');
  for (let column = 0; column < size; column++) {
    similarity.push(await numberOf(page, 'S'));
    attention.push(await numberOf(page, 'A'));
    await page.keyboard.press('ArrowRight');
  }
  return { similarity, attention };
}

function mostRead(page: Page): Promise<string[]> {
  return page
    .getByRole('table', { name: /^What each chunk reads most/ })
    .locator('tbody td:nth-child(2)')
    .allInnerTexts();
}

test('a recorded run’s A is made anew by keyboard, without WebGPU, as the formula says', async ({ page }) => {
  const complaints = await openPage(page, { withoutWebGpu: true });
  await page.getByRole('slider', { name: 'Time' }).fill('200');
  const before = await cells(page);
  const ranking = await mostRead(page);
  await expect(slider(page)).toHaveAttribute('aria-valuetext', 'τ 0.10, as in the run');
  await slider(page).focus();
  for (let stops = 0; stops < 14; stops++) await page.keyboard.press('ArrowRight');
  await expect(slider(page)).toHaveAttribute('aria-valuetext', 'τ 0.50, what if');

  const size = Math.sqrt(before.length);
  const { similarity, attention } = await firstRow(page, size);
  const expected = softmaxRows([...similarity, ...Array<number>(size * (size - 1)).fill(0)], size, 0.5, 'nothing');
  // S is read from the page with two digits.
  for (let column = 1; column < size; column++) expect(attention[column]).toBeCloseTo(expected[column] ?? NaN, 1);
  const row = [...expected.slice(0, size), ...Array<number>(size * (size - 1)).fill(0)];
  expect(await numberOf(page, 'row 1')).toBeCloseTo(effectiveDocuments(row, size)[0] ?? NaN, 1);
  // The last cell of the row is the one that is selected.
  const [factor] = gradientFactors([expected[size - 1] ?? NaN], 0.5);
  expect(await numberOf(page, 'A(1−A)/τ')).toBeCloseTo(factor ?? NaN, 1);

  // Everything that shows A says that it is not the run's.
  await expect(page.getByRole('heading', { name: 'Batch attention what if τ were 0.50' })).toBeVisible();
  await expect(page.locator('.sentence')).toContainText('What if τ were 0.50: documents read per row');
  await expect(page.locator('#matrix-cell')).toContainText('what if τ were 0.50');
  await expect(page.getByRole('table', { name: /, what if τ were 0\.50, .*step 200$/ })).toHaveCount(1);
  await expect(page.getByRole('application')).toHaveAccessibleName(/what if τ were 0\.50/);
  expect(await cells(page)).not.toEqual(before);
  expect(await mostRead(page)).toEqual(ranking);
  await expect(page.getByRole('button', { name: 'Train with this τ' })).toBeDisabled();

  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: 'Batch attention', exact: true })).toBeVisible();
  expect(await cells(page)).toEqual(before);
  expect(await commands(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('is dragged by mouse, and stays from step to step until it is left', async ({ page }) => {
  await openPage(page);
  const box = await slider(page).boundingBox();
  if (!box) throw new Error('The slider is not on the page.');
  await page.getByRole('slider', { name: 'Time' }).fill('300');
  await page.mouse.move(box.x + 0.7 * box.width, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + 0.3 * box.width, box.y + box.height / 2, { steps: 5 });
  const title = page.getByRole('heading', { name: /what if τ were 0\.00/ });
  await expect(title).toBeVisible();
  await page.mouse.move(box.x, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
  await expect(slider(page)).toHaveAttribute('aria-valuetext', 'τ 0.0001, what if');
  await expect(page.locator('.sentence')).toContainText('documents read per row 1.00');
  await page.getByRole('slider', { name: 'Time' }).fill('100');
  await expect(page.locator('.key dl')).toContainText('step 100');
  await expect(page.getByRole('heading', { name: /what if τ were 0\.0001/ })).toBeVisible();
  await page.getByRole('button', { name: 'Back', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Batch attention', exact: true })).toBeVisible();
  await expect(slider(page)).toBeFocused();
  await expect(slider(page)).toHaveAttribute('aria-valuetext', 'τ 0.10, as in the run');
});

test('reads uniformly or the true partner, and says that nothing reaches S then', async ({ page }) => {
  await openPage(page);
  await page.getByRole('slider', { name: 'Time' }).fill('100');
  const read = page.getByRole('combobox', { name: 'Read, in the picture' });
  await read.selectOption('uniformly');
  expect(await numberOf(page, 'A')).toBe(0.14);
  await expect(page.locator('.sentence')).toContainText('What if all were read alike: partners would get 0.14 of A');
  await read.selectOption('the true partner');
  await expect(page.locator('.sentence')).toContainText('partners would get 1.00 of A');
  await expect(page.locator('.sentence')).toContainText('the retriever would get no gradient');
  await expect(slider(page)).toHaveAttribute('aria-valuetext', 'Not used: A does not come from S');
  await read.selectOption('as learned');
  await expect(page.getByRole('heading', { name: 'Batch attention', exact: true })).toBeVisible();
});

test('“Train with this τ” begins a run that has it, and what it shows is that run’s own', async ({ page }) => {
  await openPage(page, { lastStep: 3 });
  await slider(page).fill('-1.7');
  await expect(page.getByRole('heading', { name: /what if τ were 0\.02/ })).toBeVisible();
  await page.getByRole('button', { name: 'Train with this τ' }).click();
  await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toEqual(['configure', 'train']);
  const [configure] = await commands(page);
  expect(configure).toMatchObject({ configuration: { temperature: 0.02, attention: 'learned' } });
  await expect(page.getByRole('heading', { name: 'Batch attention', exact: true })).toBeVisible();
  await expect(slider(page)).toHaveAttribute('aria-valuetext', 'τ 0.02, as in the run');

  await page.getByRole('combobox', { name: 'Read, in the picture' }).selectOption('uniformly');
  await page.getByRole('button', { name: 'Train like this' }).click();
  await expect
    .poll(async () => (await commands(page)).findLast(({ type }) => type === 'configure'))
    .toMatchObject({ configuration: { temperature: 0.02, attention: 'uniform' } });
});

test('an exported picture says it too', async ({ page }) => {
  await openPage(page);
  await page.getByRole('slider', { name: 'Time' }).fill('200');
  await slider(page).fill('-1.7');
  await openPanel(page, 'Share');
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Matrix as SVG' }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/-A-200-what-if\.svg$/);
  const text = await readFile(await file.path(), 'utf8');
  expect(text).toContain('Attention A = softmax(S / τ), what if τ were 0.02, held-out batch, step 200');
});

test('what makes A is at hand beside the matrix, for the next run', async ({ page }) => {
  await openPage(page);
  const opener = page.getByRole('button', { name: 'For the next run' });
  await opener.click();
  const hand = page.getByRole('region', { name: 'For the next run' });
  await expect(hand).toBeFocused();
  await expect(hand.locator('.setting')).toHaveCount(4);
  await expect(hand.getByText('paper: 0.0001')).toBeVisible();
  await hand.getByRole('switch', { name: 'V-normalisation' }).uncheck();
  await hand.getByRole('combobox', { name: 'Who is read' }).selectOption('Uniform');
  await expect(hand.getByText('This control has no temperature.')).toBeVisible();
  await expect(hand.getByRole('textbox', { name: 'Temperature τ' })).toBeDisabled();
  await hand.getByRole('textbox', { name: 'Context gate γ' }).fill('9');
  await expect(hand.getByRole('alert')).toContainText('from 0 to 4');
  await expect(page.getByRole('button', { name: 'Train', exact: true })).toBeDisabled();
  await hand.getByRole('textbox', { name: 'Context gate γ' }).fill('0.5');
  await page.keyboard.press('Escape');
  await expect(hand).toHaveCount(0);
  await expect(opener).toBeFocused();
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  await expect.poll(async () => (await commands(page)).length).toBe(2);
  const [configure] = await commands(page);
  expect(configure).toMatchObject({ configuration: { vNorm: false, attention: 'uniform', contextGate: 0.5 } });
});

const SIZES = [
  [1440, 900],
  [1280, 720],
  [820, 1180],
  [390, 844],
] as const;
for (const [width, height] of SIZES) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`axe finds nothing at ${width} px, ${colorScheme}, and nothing is cut off`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await openPage(page);
      await slider(page).fill('-2.5');
      await page.getByRole('button', { name: 'For the next run' }).click();
      expect(await violations(page)).toEqual([]);
      const cut = await page
        .locator('.what-if')
        .evaluateAll((all) => all.some((one) => one.scrollWidth > one.clientWidth + 1));
      expect(cut).toBe(false);
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(over).toBe(0);
      const box = await page.getByRole('group', { name: 'What if A were made otherwise' }).boundingBox();
      expect((box?.x ?? NaN) + (box?.width ?? NaN)).toBeLessThanOrEqual(width);
    });
  }
}

test('what is seen through it says so: frame, changes, timeline, curves and compared runs', async ({ page }) => {
  await openPage(page);
  await page.getByRole('slider', { name: 'Time' }).fill('200');
  const frame = page.locator('rect.other');
  const change = page.locator('.time .change');
  await expect(frame).toHaveCount(0);
  await expect(change).toContainText(/A changed most around|Around 200/);
  const before = await change.innerText();
  await slider(page).focus();
  for (let stops = 0; stops < 20; stops++) await page.keyboard.press('ArrowRight');
  // Around the cells alone: it covers no name of an axis.
  await expect(frame).toHaveCount(1);
  const [dashed, first] = await Promise.all([frame.boundingBox(), page.locator('rect.cell').first().boundingBox()]);
  expect(Math.abs((dashed?.x ?? 0) - (first?.x ?? 99))).toBeLessThan(3);
  const charts = page.getByRole('region', { name: 'What is happening' });
  await expect(charts).toContainText('Curves: of the run as it was');
  await expect(change).not.toHaveText(before);
  await openPanel(page, 'Timeline');
  await expect(page.getByRole('heading', { name: /^What changed most, what if τ were 1/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(frame).toHaveCount(0);
  await expect(change).toHaveText(before);
});
