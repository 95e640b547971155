import { expect, test, type Page } from '@playwright/test';
import { openPage, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 }, contextOptions: { reducedMotion: 'reduce' } });

/** What the page says that it looks at. */
async function looksAt(page: Page): Promise<{ step: number; cell: string }> {
  const time = await page.getByRole('slider', { name: 'Time' }).getAttribute('aria-valuetext');
  const cell = await page.locator('#matrix-cell').innerText();
  return { step: Number(/^\d+/.exec(time ?? '')?.[0]), cell };
}

const link = (page: Page, name: string) => page.getByRole('textbox', { name, exact: true }).inputValue();

test('a link opens the run at its step, cell, matrix and panel, and comes back as it was', async ({ page }) => {
  const fragment = 'run=facts&step=120&cell=3.4&matrix=S&panel=share';
  const complaints = await openPage(page, { fragment });
  await expect(page.getByRole('region', { name: 'Share' })).toBeVisible();
  await expect.poll(() => looksAt(page)).toMatchObject({ step: 120 });
  expect((await looksAt(page)).cell).toMatch(/^Chunk 3 reads chunk 4/);
  await expect(page.getByRole('radio', { name: 'Similarity S' })).toBeChecked();
  await page.getByLabel('Panel beside it').selectOption('Share');
  const made = await link(page, 'Link to what is shown');
  for (const field of fragment.split('&')) expect(made.split(/[#&]/)).toContain(field);
  expect(await violations(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('a link that comes while the page is open travels there', async ({ page }) => {
  await openPage(page);
  await page.evaluate(() => (location.hash = 'step=200&panel=runs'));
  await expect.poll(() => looksAt(page)).toMatchObject({ step: 200 });
  await expect(page.getByRole('region', { name: 'Runs' })).toBeVisible();
});

test('another recorded run is opened by its name', async ({ page }) => {
  await openPage(page, { fragment: 'run=checkpoint-gentle&step=40&panel=share' });
  await expect(page.locator('.badge').getByText(/^Recorded run: /)).toBeVisible();
  await expect.poll(() => looksAt(page)).toMatchObject({ step: 40 });
  expect(await link(page, 'Link to what is shown')).toContain('run=checkpoint-gentle');
});

test('what cannot be shown is said, and the rest is shown', async ({ page }) => {
  await openPage(page, { fragment: 'run=facts&step=9999&cell=70.1&matrix=Q&panel=nothing&batch=held' });
  const alert = page.getByRole('alert');
  for (const words of [
    'Not all of this link can be shown.',
    'batch is meant by "held"',
    'ends at step 500',
    '8 rows and columns',
    'no matrix "Q"',
    'no panel called "nothing"',
  ])
    await expect(alert).toContainText(words);
  await expect.poll(() => looksAt(page)).toMatchObject({ step: 500 });
  expect(await violations(page)).toEqual([]);
  await alert.getByRole('button', { name: 'Dismiss' }).click();
  await expect(alert).toBeHidden();
  await page.goto('about:blank');
  await openPage(page, { fragment: 'run=nobody' });
  await expect(page.getByRole('alert')).toContainText('no recorded run called "nobody"');
});

test('the panel has citations to copy', async ({ page }) => {
  await openPage(page, { fragment: 'panel=share' });
  await page.getByText('The paper', { exact: true }).click();
  await expect(page.getByRole('group', { name: 'BibTeX of the paper' })).toContainText('2506.16552');
  await page.getByText('This playground', { exact: true }).click();
  await expect(page.getByRole('group', { name: 'BibTeX of this playground' })).toContainText('http://127.0.0.1');
  expect(await violations(page)).toEqual([]);
});
