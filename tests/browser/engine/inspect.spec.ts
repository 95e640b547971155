import { expect, test } from '@playwright/test';
import { pause, stepOf } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { chooseSmallOnOwnText, ESSAYS, openRealPage, ownText } from '../support/realPage.ts';

// The page with nothing replaced. Compiling for a CPU takes its time.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(300_000));
const WITH_COMPILING = { timeout: budget(200_000) };

test('a cell opens up, gains are computed, and training goes on', async ({ page }) => {
  const misdeeds = await openRealPage(page);
  await chooseSmallOnOwnText(page);
  await ownText(page).fill(ESSAYS);
  await expect(page.getByText(/^12 documents/)).toBeVisible();
  await page.getByRole('button', { name: 'Train' }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(2);
  await pause(page);
  await page.getByRole('button', { name: 'Look inside' }).click();
  const panel = page.getByRole('region', { name: 'Inside', exact: true });
  const readers = panel.getByRole('listbox', { name: 'Tokens of the chunk that reads' });
  await expect(panel.getByText(/^Chunk 1 reads chunk 2:/)).toBeVisible(WITH_COMPILING);
  const options = readers.getByRole('option');
  // Which batch was paused at is a matter of time, and some chunks are short.
  expect(await options.count()).toBeGreaterThan(2);
  await options.nth(2).click();
  await expect(panel.getByText(/attends most to “/)).toBeVisible();
  // Softmax over the tokens of the other chunk: tints are shares.
  const shares = await panel
    .locator('[data-context]')
    .evaluateAll((all) => all.map((span) => Number(/P ([\d.]+)/.exec(span.getAttribute('title') ?? '')?.[1])));
  // Each is rounded to a hundredth.
  expect(Math.abs(shares.reduce((sum, p) => sum + p, 0) - 1)).toBeLessThan(0.005 * shares.length);

  await panel.getByRole('button', { name: 'Compute' }).click();
  const neighbours = panel.getByRole('list', { name: 'Neighbours, by what they gave' }).getByRole('button');
  await expect(neighbours).toHaveCount(3, WITH_COMPILING);
  await neighbours.first().click();
  await expect(panel.getByText(/^Gain from chunk \d alone/)).toBeVisible();

  const before = await stepOf(page);
  await page.getByRole('button', { name: 'Step' }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBe(before + 1);
  expect(misdeeds).toEqual({ errors: [], requests: [] });
});
