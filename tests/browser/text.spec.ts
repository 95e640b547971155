import { expect, test, type Page } from '@playwright/test';
import { asked } from './support/answers.ts';
import { answer, commands, fail, openPage, progress, say, stopped, violations } from './support/openPage.ts';
import { list, model } from './support/scriptedModels.ts';
import { OFFERS } from '../../src/ui/panels/models/offers.ts';
import { STOPPED } from '../../src/lab/door/labError.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const TOPICS = ['Bees', 'Honey', 'Glaciers', 'Crevasses', 'Violins', 'Strings', 'Bread', 'Starters', 'Lamps', 'Horns'];
const TEN = TOPICS.map((topic) => `${topic} are old. People wrote about them for ages.`).join('\n\n');
const [LIGHTEST] = OFFERS;

const own = (page: Page) => page.getByRole('textbox', { name: 'Your text' });
const documents = (page: Page) => page.getByRole('list', { name: 'Documents' }).getByRole('listitem');
const expectation = (page: Page) => page.getByRole('region', { name: 'What to expect' });
const join = (page: Page, words: string) => page.getByRole('button', { name: new RegExp(`^Join “${words}`) });
const divide = (page: Page, words: string) =>
  page.getByRole('button', { name: new RegExp(`^Begin a document at “${words}`) });

async function paste(page: Page, text: string): Promise<void> {
  await page.getByRole('tab', { name: 'Your text' }).click();
  await own(page).fill(text);
  await own(page).blur();
}

/** Says which checkpoints the browser keeps, once that is asked. */
async function keeps(page: Page, models: Parameters<typeof list>[0]): Promise<void> {
  await expect.poll(async () => (await asked(page, 'listModels')).length).toBeGreaterThan(0);
  await answer(page, 'listModels', list(models));
}

async function choose(page: Page, ...files: readonly (readonly [name: string, text: string])[]): Promise<void> {
  await page
    .getByLabel('Text files')
    .setInputFiles(files.map(([name, text]) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) })));
}

test('what becomes of a text is seen before anything runs: documents, chunks, partners', async ({ page }) => {
  const complaints = await openPage(page);
  await paste(page, TEN);
  await expect(documents(page)).toHaveCount(10);
  await expect(expectation(page)).toContainText('10 documents, 20 chunks; each has a partner.');
  await expect(expectation(page)).toContainText('Small models learn nothing from prose');
  const first = documents(page).first();
  await expect(first.getByRole('heading')).toContainText('2 chunks');
  // The colours of the matrix: a document's own, in every chunk of it.
  const fills = await documents(page)
    .nth(1)
    .locator('rect')
    .evaluateAll((all) => all.map((one) => one.getAttribute('fill')));
  expect(fills).toEqual(['url(#document-1)', 'url(#document-1)']);
  const unit = page.getByRole('combobox', { name: 'A document is' });
  await expect(unit.locator('option:checked')).toHaveText(/guessed: a paragraph, 10/);
  await unit.selectOption('whole');
  await expect(documents(page)).toHaveCount(1);
  await expect(expectation(page)).toContainText('every chunk is the partner of every other');
  expect((await asked(page, 'previewText')).at(-1)).toMatchObject({ configuration: { documentUnit: 'whole' } });
  expect(complaints).toEqual([]);
});

test('a press counts while the text that it made the field give up is prepared', async ({ page }) => {
  await openPage(page);
  await page.getByRole('tab', { name: 'Your text' }).click();
  await own(page).fill(TEN);
  await page.getByRole('button', { name: 'Step', exact: true }).hover();
  await page.mouse.down();
  await say(page, { type: 'state', state: 'preparing', detail: 'Reading the text', progress: 0 });
  await page.mouse.up();
  await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toContain('step');
});

test('documents are joined and divided between paragraphs, by pointer and by keyboard', async ({ page }) => {
  await openPage(page);
  await paste(page, TEN);
  await join(page, 'Honey are').click();
  await expect(documents(page)).toHaveCount(9);
  await expect(documents(page).first()).toContainText('Honey are old.');
  const seam = divide(page, 'Honey are');
  await expect(seam, 'the keyboard goes on where it was').toBeFocused();
  await page.keyboard.press('Enter');
  await expect(documents(page)).toHaveCount(10);
  await expect(join(page, 'Honey are')).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await expect(join(page, 'Glaciers are')).toBeFocused();
  await page.keyboard.press('Space');
  await expect(documents(page)).toHaveCount(9);
  await expect(page.getByText('2 corrections by hand.')).toBeVisible();
  // The whole list is one stop of Tab.
  await expect(page.locator('[data-seam][tabindex="0"]')).toHaveCount(1);

  await test.step('typing before them moves them along', async () => {
    await own(page).fill(`Ants are small. They carry much.\n\n${TEN}`);
    await own(page).blur();
    await expect(documents(page)).toHaveCount(10);
    await expect(divide(page, 'Glaciers are')).toHaveCount(1);
  });
  await page.getByRole('button', { name: 'Take them back' }).click();
  await expect(documents(page)).toHaveCount(11);
  await page.reload();
  await expect(documents(page)).toHaveCount(11);
});

test('corrections go into the run, and are kept over a reload', async ({ page }) => {
  await openPage(page);
  await paste(page, TEN);
  await join(page, 'Honey are').click();
  await expect(documents(page)).toHaveCount(9);
  const at = TEN.indexOf('Honey');
  expect((await asked(page, 'configure')).at(-1)).toMatchObject({ text: { splits: [{ file: 0, at, begins: false }] } });
  await page.reload();
  await expect(documents(page)).toHaveCount(9);
});

test('of a table one column is the text', async ({ page }) => {
  await openPage(page);
  await page.getByRole('tab', { name: 'Your text' }).click();
  await choose(page, ['rows.csv', 'title,body\nBees,Bees fly. They sting.\nHoney,Honey flows. It is sweet.\n']);
  const column = page.getByRole('combobox', { name: 'Text column' });
  await expect(column).toHaveValue('title');
  await column.selectOption('body');
  await expect(documents(page).first()).toContainText('They sting.');
  expect((await asked(page, 'previewText')).at(-1)).toMatchObject({ configuration: { column: 'body' } });
  await expect(page.locator('[data-seam]'), 'rows are not divided').toHaveCount(0);
});

test('several files are one text; one that is refused leaves the text alone', async ({ page }) => {
  await openPage(page);
  await paste(page, TEN);
  await expect(documents(page)).toHaveCount(10);
  await choose(page, ['broken.txt', 'a\0b']);
  await expect(page.getByRole('alert')).toContainText('broken.txt is not plain text.');
  await expect(own(page)).toHaveValue(TEN);
  await choose(page, ['a.txt', 'One is here. It is short.'], ['b.md', 'Two is there. It is long.']);
  const files = page.getByRole('list', { name: 'Files of the text' });
  await expect(files.getByRole('listitem')).toHaveText([/^a\.txt/, /^b\.md/]);
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(documents(page)).toHaveCount(2);
  await page.getByRole('button', { name: 'type a text instead' }).click();
  await expect(own(page)).toHaveValue('');
  await page.getByRole('button', { name: 'Bring back a.txt and 1 more' }).click();
  await expect(files.getByRole('listitem')).toHaveCount(2);
});

test('of a long text a part is shown, and the next one at a press', async ({ page }) => {
  await openPage(page);
  await paste(page, Array.from({ length: 90 }, (_, i) => `Text ${i} is here. It goes on.`).join('\n\n'));
  await expect(documents(page)).toHaveCount(40);
  await expect(page.getByText('Documents 1 to 40 of 90')).toBeVisible();
  await page.getByRole('button', { name: 'Next', exact: true }).click();
  await expect(page.getByText('Documents 41 to 80 of 90')).toBeVisible();
  await expect(documents(page).first()).toContainText('Text 40 is here.');
  await page.getByRole('button', { name: 'First', exact: true }).click();
  await expect(page.getByText('Documents 1 to 40 of 90')).toBeVisible();
});

test('documents without a partner are marked, and listed where they are many', async ({ page }) => {
  await openPage(page);
  await paste(page, `${Array.from({ length: 7 }, (_, i) => `Alone ${i}`).join('\n\n')}\n\n${TEN}`);
  await expect(documents(page).first()).toContainText('no partner');
  await expect(expectation(page)).toContainText('17 documents, 27 chunks; 20 have a partner.');
  await page.getByText('All 7 documents without a partner').click();
  await expect(page.getByRole('listitem').filter({ hasText: /^Alone 6…$/ })).toBeVisible();
});

test.describe('what to expect', () => {
  const arrival = { file: '', bytesPerSecond: undefined, secondsLeft: undefined, totalBytes: LIGHTEST.bytes } as const;

  test('of prose comes with a press that loads a checkpoint and takes it for the text', async ({ page }) => {
    await openPage(page);
    await paste(page, TEN);
    await keeps(page, []);
    const card = expectation(page);
    await card.getByRole('button', { name: new RegExp(`^Load ${LIGHTEST.name}`) }).click();
    expect((await asked(page, 'downloadModel')).at(-1)).toEqual({ type: 'downloadModel', id: LIGHTEST.id });
    await progress(page, 'downloadModel', { ...arrival, id: LIGHTEST.id, state: 'downloading', doneBytes: 5e6 });
    await expect(card.getByRole('group', { name: 'Download' })).toContainText('5.0 MB of');
    await expect(card.getByRole('progressbar')).toHaveAttribute('value', '5000000');
    await say(page, { type: 'models', models: list([model({ id: LIGHTEST.id })]) });
    await answer(page, 'downloadModel', undefined);
    await expect(card).toContainText('Press Train.');
    await expect
      .poll(async () => (await asked(page, 'configure')).at(-1))
      .toMatchObject({
        configuration: { base: 'checkpoint', checkpoint: LIGHTEST.id, trained: 'lora', source: 'text' },
      });
    expect((await commands(page)).map(({ type }) => type)).not.toContain('train');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toContain('train');
  });

  test('a download that is paused or fails leaves everything as it was', async ({ page }) => {
    await openPage(page);
    await paste(page, TEN);
    await keeps(page, []);
    const card = expectation(page);
    const load = card.getByRole('button', { name: /^Load/ });
    await load.click();
    await card.getByRole('button', { name: 'Pause the download' }).click();
    await expect.poll(() => stopped(page)).toContain('downloadModel');
    await fail(page, 'downloadModel', STOPPED);
    await expect(load).toBeVisible();
    await load.click();
    await fail(page, 'downloadModel', { kind: 'network', message: 'The hub does not answer.', action: 'Try again.' });
    await expect(card.getByRole('alert')).toContainText('The hub does not answer. Try again.');
    await expect(own(page)).toHaveValue(TEN);
    await expect(page.getByRole('combobox', { name: 'Preset' })).toHaveValue('prose');
  });

  test('where a checkpoint is here, one press takes it', async ({ page }) => {
    await openPage(page);
    await paste(page, TEN);
    await keeps(page, [model({ id: 'a/b@main' })]);
    await expectation(page).getByRole('button', { name: 'Take a/b' }).click();
    await expect(page.getByRole('combobox', { name: 'Preset' })).toHaveValue('gentle');
    await expect(expectation(page)).toContainText('Press Train.');
  });

  test('of too little text is a smaller batch', async ({ page }) => {
    await openPage(page);
    await paste(page, TEN.split('\n\n').slice(0, 3).join('\n\n'));
    await expect(expectation(page)).toContainText('A batch takes 8 chunks');
    await expectation(page).getByRole('button', { name: 'Batches of 6' }).click();
    await expect(expectation(page)).toContainText('Small models learn nothing from prose');
  });

  test('leads from the sheet to the rest of the page', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openPage(page);
    await page.getByRole('button', { name: 'Text', exact: true }).click();
    await paste(page, TEN);
    await keeps(page, [model({ id: 'a/b@main' })]);
    await expectation(page).getByRole('button', { name: 'Take a/b' }).click();
    await expectation(page).getByRole('button', { name: 'Train on it' }).click();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toContain('train');
  });
});

test('a run on the text shows its batch, and how the text is cut at a press; another text shows itself', async ({
  page,
}) => {
  await openPage(page, { lastStep: 3 });
  await paste(page, TEN);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  const shown = page.getByRole('group', { name: 'Shown below' });
  await expect(shown.getByRole('button', { name: 'Batch' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByRole('heading', { name: 'Batch of 8 chunks' })).toBeVisible();
  await shown.getByRole('button', { name: 'Documents' }).click();
  await expect(documents(page)).toHaveCount(10);
  await shown.getByRole('button', { name: 'Batch' }).click();
  await own(page).fill('Quite another text. It has nothing to do with it.');
  await own(page).blur();
  await expect(documents(page)).toHaveCount(1);
  await expect(page.getByRole('heading', { name: 'Batch of 8 chunks' })).toHaveCount(0);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`is free of accessibility faults: ${colorScheme}, ${width}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 844 });
      await openPage(page);
      if (width < 700) await page.getByRole('button', { name: 'Text', exact: true }).click();
      await paste(page, `${TEN}\n\nAlone\n\n${TEN}`);
      await keeps(page, []);
      await expect(documents(page)).toHaveCount(21);
      await page.getByText('Why', { exact: true }).click();
      expect(await violations(page)).toEqual([]);
      await page.getByRole('combobox', { name: 'Chunks', exact: true }).selectOption('fixed');
      await join(page, 'Honey are').first().click();
      await expect(documents(page)).toHaveCount(20);
      await expectation(page).getByRole('button', { name: /^Load/ }).click();
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    });
  }
}
