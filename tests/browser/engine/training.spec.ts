import { expect, test } from '@playwright/test';
import { cells, pause, stepOf } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { chooseSmallOnOwnText, ESSAYS, mostRead, openRealPage, ownText, paths, set } from '../support/realPage.ts';

// The page with nothing replaced: its worker, its kernels, the browser's adapter. Compiling for a CPU takes its time.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(300_000));
const WITH_COMPILING = { timeout: budget(200_000) };

test('pasted text is trained on: matrix and charts move, and the page answers meanwhile', async ({ page }) => {
  const misdeeds = await openRealPage(page);
  await chooseSmallOnOwnText(page);
  await ownText(page).fill(ESSAYS);
  await expect(page.getByText(/^12 documents, \d+ chunks/)).toBeVisible();

  await page.getByRole('button', { name: 'Train' }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(2);
  await expect(page.getByRole('progressbar')).toHaveCount(0);
  const early = { cells: await cells(page), paths: await paths(page), most: await mostRead(page) };
  expect(early.cells).toHaveLength(16);

  const before = await stepOf(page);
  // How soon it answers is a matter for npm run bench:browser-response; here, that it does while steps are computed.
  for (const [name, caption] of [
    ['S', /^What each chunk is most similar to/],
    ['A', /^What each chunk reads most/],
  ] as const) {
    await page.getByText(name, { exact: true }).first().click();
    await expect(page.getByRole('table', { name: caption })).toHaveCount(1);
  }
  await expect(page.getByRole('button', { name: 'Pause' })).toBeEnabled();
  await expect.poll(() => stepOf(page)).toBeGreaterThan(before);

  await expect.poll(() => stepOf(page)).toBeGreaterThanOrEqual(before + 20);
  const late = { cells: await cells(page), paths: await paths(page), most: await mostRead(page) };
  expect(late.cells).not.toEqual(early.cells);
  expect(late.most).not.toEqual(early.most);
  expect(late.paths).toHaveLength(early.paths.length);
  expect(late.paths.filter((path, i) => path !== early.paths[i]).length).toBeGreaterThanOrEqual(6);

  await pause(page);
  const paused = await stepOf(page);
  // The lab does one thing after the other: a step that nobody asked for would be counted before the one that follows it.
  for (const step of [paused + 1, paused + 2]) {
    await page.getByRole('button', { name: 'Step' }).click();
    await expect.poll(() => stepOf(page)).toBeGreaterThanOrEqual(step);
    await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
    expect(await stepOf(page)).toBe(step);
  }
  await page.getByRole('button', { name: 'Reset' }).click();
  await expect(page.getByText('step 0', { exact: true })).toBeVisible();
  expect(misdeeds).toEqual({ errors: [], requests: [] });
});

test('bad text is refused where it stands, and nothing is lost by it', async ({ page }) => {
  const misdeeds = await openRealPage(page);
  const panel = page.getByRole('region', { name: 'Text', exact: true });
  const alert = panel.getByRole('alert');
  const own = ownText(page);
  await chooseSmallOnOwnText(page);

  await own.fill('Only this.');
  await expect(alert).toContainText('single chunk');
  await expect(own).toHaveValue('Only this.');
  await own.fill(' \n ');
  await expect(alert, 'an empty field is nothing to complain of').toHaveCount(0);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  await expect(panel.getByText('Pasted text is empty')).toBeVisible();
  await own.fill(ESSAYS);
  await expect(panel.getByText(/^12 documents/)).toBeVisible();
  await expect(alert).toHaveCount(0);

  const dropBinary = async (): Promise<void> => {
    const files = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array([137, 80, 78, 71, 0, 0, 1, 2])], 'picture.png'));
      return transfer;
    });
    await panel.dispatchEvent('drop', { dataTransfer: files });
    await expect(alert).toContainText('picture.png is not plain text');
    await expect(own).toHaveValue(ESSAYS);
  };
  await dropBinary();

  await test.step('a batch larger than the corpus keeps the run from starting', async () => {
    const short = ESSAYS.split('---').slice(0, 2).join('---');
    await own.fill(short);
    await expect(panel.getByText(/^2 documents/)).toBeVisible();
    await set(page, { 'Chunks per batch': 32 });
    await page.getByRole('button', { name: 'Train' }).click();
    await expect(page.getByRole('alert')).toContainText('batch of 32');
    await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
    await expect(own).toHaveValue(short);
    await expect(page.locator('.counter')).toHaveText('');
    await set(page, { 'Chunks per batch': 4 });
    await own.fill(ESSAYS);
    await expect(panel.getByText(/^12 documents/)).toBeVisible();
  });

  await test.step('a run outlives what is refused in its place', async () => {
    await page.getByRole('button', { name: 'Train' }).click();
    await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(3);
    await pause(page);
    const paused = await stepOf(page);
    await dropBinary();
    await own.fill('Only this.');
    await page.getByRole('button', { name: 'Reset' }).click();
    await expect(alert).toContainText('single chunk');
    await expect(own).toHaveValue('Only this.');
    expect(await stepOf(page)).toBe(paused);
    // Train would begin with what is chosen, which is refused again; with the run's own text back it goes on.
    await page.getByRole('button', { name: 'Train' }).click();
    await expect(page.getByRole('alert')).toContainText('single chunk');
    expect(await stepOf(page)).toBe(paused);
    await own.fill(ESSAYS);
    await page.getByRole('button', { name: 'Train' }).click();
    await expect.poll(() => stepOf(page)).toBeGreaterThanOrEqual(paused + 3);
    await pause(page);
  });
  expect(misdeeds).toEqual({ errors: [], requests: [] });
});

test('the default preset trains: eight chunks, and who reads whom', async ({ page }) => {
  const misdeeds = await openRealPage(page);
  await page.getByRole('button', { name: 'Train' }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(5);
  await pause(page);
  const drawn = await cells(page);
  expect(drawn).toHaveLength(64);
  expect(new Set(drawn).size).toBeGreaterThan(8);
  expect(await paths(page)).not.toContain('');
  await expect(page.getByRole('img', { name: /^Recall@1/ })).toHaveAccessibleName(/held-out \d/);
  expect(misdeeds).toEqual({ errors: [], requests: [] });
});
