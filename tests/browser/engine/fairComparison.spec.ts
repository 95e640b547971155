import { expect, test, type Locator, type Page } from '@playwright/test';
import { textFile, zipChunks } from '../../../src/files/formats/zipWriter.ts';
import { jsonRows, qrelsOf } from '../../harness/smallCollection.ts';
import { openPanel, violations } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { chooseSmallOnOwnText, ESSAYS, openRealPage, ownText } from '../support/realPage.ts';

// A comparison in the page as it is served: its worker, its kernels, its storage, judged by a collection of the reader's own.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(600_000));
const WITH_COMPILING = { timeout: budget(400_000) };

const QUERIES = ['fingers and beads', 'who can count', 'a lucky number'];
const DOCUMENTS = ['People have counted on fingers.', 'All know who can count.', 'Some call seven a lucky number.'];
const ZIP = Buffer.concat(
  zipChunks([
    textFile('corpus.jsonl', jsonRows('d', DOCUMENTS)),
    textFile('queries.jsonl', jsonRows('q', QUERIES)),
    textFile('qrels/test.tsv', qrelsOf(QUERIES)),
  ]),
);

const area = (page: Page): Locator => page.locator('details.fair');
const underWay = (page: Page): Locator => area(page).getByRole('status', { name: 'The comparison under way' });

test('two objectives over three seeds: started, stopped, gone on with after a reload, told', async ({ page }) => {
  const misdeeds = await openRealPage(page);
  await chooseSmallOnOwnText(page);
  await ownText(page).fill(ESSAYS);
  await openPanel(page, 'Evaluation');
  await page
    .getByLabel('Collection files')
    .setInputFiles({ name: 'count.zip', mimeType: 'application/zip', buffer: ZIP });
  await expect(page.getByRole('heading', { name: 'count.zip' })).toBeVisible();

  await openPanel(page, 'Runs');
  await area(page).locator('summary').click();
  await area(page).getByLabel('Judged by').selectOption('nDCG@10 on count.zip (open under Evaluation)');
  await area(page).getByLabel('Each run may take').fill('40');
  await expect(area(page).getByRole('status', { name: 'What it costs' })).toContainText(
    '2 compared, 6 runs',
    WITH_COMPILING,
  );
  await area(page).getByRole('button', { name: 'Start' }).click();
  // Whichever is under way when it is looked at: it is to be stopped in the middle.
  await expect(underWay(page)).toContainText(/Run [2-5] of 6/, WITH_COMPILING);
  await area(page).getByRole('button', { name: 'Stop' }).click();
  const kept = area(page).getByRole('list', { name: 'Kept comparisons' }).getByRole('listitem');
  await expect(kept).toContainText(/[1-5] of 6 runs/, WITH_COMPILING);

  await page.reload();
  await openPanel(page, 'Runs');
  await kept.getByRole('button', { name: 'Go on' }).click();
  await expect(underWay(page)).toContainText(/Run [2-6] of 6/, WITH_COMPILING);
  await expect(kept).toContainText(', 6 runs', WITH_COMPILING);
  const table = area(page).getByRole('table');
  await expect(table.getByRole('row', { name: 'Revela' })).toContainText(/\d[.]\d{3} ± \d[.]\d{3}/);
  await expect(table.getByRole('row', { name: 'InfoNCE on crops' })).toContainText(/(Higher|Lower|Equal)/);
  await expect(area(page)).toContainText('over 3 seeds, at 40 steps each, judged on count.zip');
  await expect(area(page)).toContainText(/Beside them: bm25 [01][.]\d{3}/);

  for (const width of [1440, 390])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await expect(table).toBeVisible();
      expect(await violations(page), `${width}, ${colorScheme}`).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      await area(page).screenshot({ path: test.info().outputPath(`fair-${width}-${colorScheme}.png`) });
    }
  expect(misdeeds).toEqual({ errors: [], requests: [] });
});
