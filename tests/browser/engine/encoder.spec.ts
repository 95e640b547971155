import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, type Locator, type Page } from '@playwright/test';
import { violations, openPanel } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { openRealPage } from '../support/realPage.ts';

// An encoder from a folder, in the browser's own worker and WebAssembly: nothing is replaced, and nothing comes from elsewhere.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(600_000));
const WITH_LOADING = { timeout: budget(200_000) };
const TINY = fileURLToPath(new URL('../../encoder/tiny', import.meta.url));

const panel = (page: Page): Locator => page.getByRole('group', { name: 'Evaluation on labelled queries' });
const card = (page: Page): Locator => panel(page).getByRole('region', { name: 'Pretrained encoder' });

test('an encoder is opened from a folder, measured alone and with BM25, and closed', async ({ page }) => {
  const misdeeds = await openRealPage(page);
  const folder = await mkdtemp(join(tmpdir(), 'revela-encoder-'));
  try {
    await openPanel(page, 'Evaluation');
    await panel(page).getByRole('button', { name: 'Python FAQ' }).click();
    await panel(page).getByText('A pretrained encoder to measure beside them').click();
    await expect(card(page)).toContainText('Apache-2.0, about 23.7 MB');

    await test.step('what is missing is said', async () => {
      await cp(TINY, join(folder, 'half'), { recursive: true });
      await rm(join(folder, 'half/tokenizer.json'));
      await card(page).getByLabel('Encoder folder').setInputFiles(join(folder, 'half'));
      await expect(card(page).getByRole('alert')).toContainText('there is no tokenizer.json');
    });

    await test.step('and the whole folder is opened', async () => {
      await card(page).getByLabel('Encoder folder').setInputFiles(TINY);
      await expect(card(page).getByText('bert, fp32, 8 numbers a text, mean of at most 12 tokens')).toBeVisible(
        WITH_LOADING,
      );
      await expect(card(page).getByRole('alert')).toHaveCount(0);
    });

    for (const name of ['BM25', 'TF-IDF', 'Retriever, untrained', 'Retriever, now']) {
      const box = panel(page).getByRole('checkbox', { name, exact: true });
      if (name === 'BM25') await expect(box).toBeChecked();
      else await box.uncheck();
    }
    await panel(page).getByRole('checkbox', { name: 'Pretrained encoder', exact: true }).check();
    await panel(page).getByRole('button', { name: 'Measure 2 systems' }).click();
    const table = panel(page).getByRole('region', { name: /^Systems measured/ });
    await expect(table.getByRole('rowheader').filter({ hasText: 'encoder' })).toBeVisible(WITH_LOADING);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page)).toEqual([]);
      await panel(page).screenshot({ path: test.info().outputPath(`encoder-${colorScheme}.png`) });
    }
    await page.setViewportSize({ width: 390, height: 844 });
    // There the panel is a dialog, which begins folded up.
    await panel(page).getByText('A pretrained encoder to measure beside them').click();
    await expect(card(page).getByText('bert, fp32, 8 numbers a text')).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await card(page).scrollIntoViewIfNeeded();
    await page.screenshot({ path: test.info().outputPath('encoder-390.png') });
    await card(page).getByRole('button', { name: 'Close it' }).click();
    await expect(panel(page).getByRole('checkbox', { name: 'Pretrained encoder', exact: true })).toHaveCount(0);
    expect(misdeeds).toEqual({ errors: [], requests: [] });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
