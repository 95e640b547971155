import { readFile } from 'node:fs/promises';
import { expect, test, type Locator, type Page } from '@playwright/test';
import { textFile, zipChunks } from '../../../src/files/formats/zipWriter.ts';
import { jsonRows, qrelsOf } from '../../harness/smallCollection.ts';
import { violations, openPanel, pause, stepOf } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { chooseSmallOnOwnText, ESSAYS, openRealPage, ownText } from '../support/realPage.ts';

// From a dropped zip file to a run file and back, with nothing replaced: the page's worker, its kernels, the browser's adapter.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(600_000));
const WITH_COMPILING = { timeout: budget(300_000) };

const QUERIES = [
  'fingers and beads',
  'who can count',
  'a lucky number',
  'no thought at all',
  'carry stones',
  'for ages',
];
const DOCUMENTS = [
  'People have counted on fingers and on beads.',
  'All know who can count, and what comes after what.',
  'Some call seven a lucky number.',
  'Others give it no thought at all.',
  'They carry stones, as many as they call lucky.',
  'Counting was known for ages.',
  'Sleep as well as you can.',
];
const ZIP = Buffer.concat(
  zipChunks([
    textFile('count/corpus.jsonl', jsonRows('d', DOCUMENTS)),
    textFile('count/queries.jsonl', jsonRows('q', QUERIES)),
    textFile('count/qrels/test.tsv', qrelsOf(QUERIES)),
  ]),
);

const panel = (page: Page): Locator => page.getByRole('group', { name: 'Evaluation on labelled queries' });
const row = (page: Page, id: string): Locator =>
  panel(page)
    .getByRole('region', { name: /^Systems measured/ })
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader').filter({ hasText: new RegExp(`^\\s*${id}\\s`) }) });

/** Drops files on the panel, as from the desktop. */
async function drop(page: Page, files: readonly { name: string; bytes: Buffer }[]): Promise<void> {
  const transfer = await page.evaluateHandle(
    (given) => {
      const data = new DataTransfer();
      for (const { name, base64 } of given)
        data.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
      return data;
    },
    files.map(({ name, bytes }) => ({ name, base64: bytes.toString('base64') })),
  );
  await panel(page).dispatchEvent('drop', { dataTransfer: transfer });
}

test('a dropped collection is measured, before and after training, query by query, and taken home', async ({
  page,
}) => {
  const misdeeds = await openRealPage(page);
  await chooseSmallOnOwnText(page);
  await ownText(page).fill(ESSAYS);
  await openPanel(page, 'Evaluation');

  await test.step('bad files are named by line, and nothing of them is taken', async () => {
    await drop(page, [
      { name: 'corpus.jsonl', bytes: Buffer.from(`${jsonRows('d', DOCUMENTS)}\n{"_id": "d0", "text": "again"}`) },
      { name: 'queries.jsonl', bytes: Buffer.from(jsonRows('q', QUERIES)) },
      { name: 'test.tsv', bytes: Buffer.from('q0\td0\t1\n') },
    ]);
    await expect(panel(page).getByRole('alert')).toContainText('corpus.jsonl, line 8: the id "d0" is that of line 1.');
    await expect(panel(page).getByRole('button', { name: 'Python FAQ' })).toBeVisible();
    await drop(page, [{ name: 'count.zip', bytes: ZIP.subarray(0, 200) }]);
    await expect(panel(page).getByRole('alert')).toBeVisible();
  });

  await test.step('a zip file gives a table with what goes by words and the untrained retriever', async () => {
    await drop(page, [{ name: 'count.zip', bytes: ZIP }]);
    await expect(panel(page).getByRole('heading', { name: 'count.zip' })).toBeVisible();
    await expect(panel(page)).toContainText('7 documents, 6 queries with judgements');
    await panel(page).getByRole('checkbox', { name: 'Retriever, now' }).uncheck();
    await panel(page).getByRole('button', { name: 'Measure 3 systems' }).click();
    await expect(row(page, 'untrained')).toHaveCount(1, WITH_COMPILING);
    await expect(row(page, 'bm25')).toContainText('1.000');
    await expect(row(page, 'tfidf')).toContainText('no difference');
  });

  await test.step('a few steps later there is a new row, and the rows before it stay', async () => {
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(3);
    await pause(page);
    const step = await stepOf(page);
    for (const name of ['BM25', 'TF-IDF', 'Retriever, untrained'])
      await panel(page).getByRole('checkbox', { name, exact: true }).uncheck();
    await panel(page).getByRole('checkbox', { name: 'Retriever, now' }).check();
    await panel(page).getByRole('button', { name: 'Measure 1 system' }).click();
    await expect(row(page, `step-${step}`)).toContainText(`Revela after ${step} steps`, WITH_COMPILING);
    await expect(row(page, 'untrained')).toHaveCount(1);
  });

  await test.step('its queries are listed, worst losses first, with what both found', async () => {
    const queries = panel(page).getByRole('region', { name: 'Queries' });
    await panel(page)
      .getByRole('button', { name: /^all \(6\)$/ })
      .click();
    await expect(queries.getByRole('row')).toHaveCount(7);
    const first = queries.getByRole('rowheader').first();
    const query = await first.innerText();
    await first.getByRole('button').click();
    await expect(panel(page).getByRole('region', { name: 'What bm25 found' })).toContainText('relevant');
    await expect(panel(page).locator('mark').first()).toBeVisible();
    expect(QUERIES).toContain(query);
  });

  await test.step('the page is in order at both widths, light and dark', async () => {
    for (const width of [1440, 390])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme });
        await expect(panel(page)).toBeVisible();
        expect(await violations(page), `${width}, ${colorScheme}`).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await test.step('a run file is downloaded, and read back it has the same figures', async () => {
    const downloading = page.waitForEvent('download');
    await panel(page).getByRole('button', { name: 'rankings of untrained (.trec)' }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe('count.untrained.trec');
    const bytes = await readFile(await download.path());
    expect(bytes.toString()).toMatch(/^q0 Q0 d\d 1 -?[\d.e-]+ untrained\n/);
    await drop(page, [{ name: 'theirs.trec', bytes }]);
    await expect(row(page, 'untrained-2')).toContainText('the rankings of theirs.trec');
    const figures = async (id: string): Promise<string[]> =>
      (await row(page, id).getByRole('cell').allInnerTexts()).slice(0, 2);
    expect(await figures('untrained-2')).toEqual(await figures('untrained'));
  });
  expect(misdeeds).toEqual({ errors: [], requests: [] });
});
