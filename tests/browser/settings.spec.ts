import { expect, test, type Locator, type Page } from '@playwright/test';
import { openPage, violations } from './support/openPage.ts';

const SIZES = [
  [1440, 900, 'light'],
  [1440, 900, 'dark'],
  [390, 844, 'light'],
  [390, 844, 'dark'],
] as const;

async function openSettings(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: /^Settings/ }).click();
  const sheet = page.getByRole('dialog', { name: 'Settings' });
  await expect(sheet).toBeVisible();
  return sheet;
}

/** The controls that a search leaves in sight. */
function shown(sheet: Locator): Locator {
  return sheet.locator('.setting').filter({ visible: true });
}

test.describe('search', () => {
  test('takes what is typed at once, and says how many settings speak of it', async ({ page }) => {
    await openPage(page);
    const sheet = await openSettings(page);
    const all = await sheet.getByRole('status').innerText();
    const total = Number(/^\d+/.exec(all)?.[0]);
    expect(await shown(sheet).count()).toBe(total);
    await page.keyboard.type('tau');
    await expect.poll(() => shown(sheet).count()).toBeLessThan(total);
    const found = await shown(sheet).allInnerTexts();
    expect(found.length).toBeGreaterThan(1);
    for (const text of found) expect(text).toMatch(/τ|temperature/i);
    await expect(sheet.getByRole('status')).toHaveText(`${found.length} of ${total} settings`);
    await expect(sheet.getByRole('textbox', { name: 'Temperature τ' })).toBeVisible();
    await expect(sheet.getByRole('heading', { name: 'Batch' })).toHaveCount(0);
    await sheet.getByRole('textbox', { name: 'Temperature τ' }).fill('0.05');
    await sheet.getByRole('searchbox').fill('no such thing');
    await expect(sheet.getByRole('status')).toHaveText(`0 of ${total} settings`);
    await sheet.getByRole('button', { name: 'Show all' }).click();
    await expect(shown(sheet)).toHaveCount(total);
    await expect(sheet.getByRole('textbox', { name: 'Temperature τ' })).toHaveValue('0.05');
  });

  test('is left with Escape before the sheet is, and begins empty the next time', async ({ page }) => {
    await openPage(page);
    const sheet = await openSettings(page);
    await page.keyboard.type('gamma');
    await page.keyboard.press('Escape');
    await expect(sheet.getByRole('searchbox')).toHaveValue('');
    await expect(sheet).toBeVisible();
    await page.keyboard.type('gamma');
    await page.getByRole('button', { name: 'Close' }).click();
    await expect(sheet).toBeHidden();
    await openSettings(page);
    await expect(sheet.getByRole('searchbox')).toHaveValue('');
    await page.keyboard.press('Escape');
    await expect(sheet).toBeHidden();
  });

  test('does not hide what has to be corrected', async ({ page }) => {
    await openPage(page);
    const sheet = await openSettings(page);
    await sheet.getByRole('textbox', { name: 'Temperature τ' }).fill('-1');
    await sheet.getByRole('searchbox').fill('seed');
    await expect(sheet.getByText('“Temperature τ” has to be corrected before the next run.')).toBeVisible();
    await sheet.getByRole('button', { name: 'Show it' }).click();
    await expect(sheet.getByText('Correct what is marked above before the next run.')).toBeVisible();
    await expect(sheet.getByRole('textbox', { name: 'Temperature τ' })).toHaveValue('-1');
  });

  for (const [width, height, colorScheme] of SIZES) {
    test(`axe finds nothing in it at ${width} px, ${colorScheme}`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await openPage(page);
      const sheet = await openSettings(page);
      await sheet.getByRole('searchbox').fill('gate');
      expect(await violations(page)).toEqual([]);
      await sheet.getByRole('searchbox').fill('no such thing');
      expect(await violations(page)).toEqual([]);
    });
  }
});
