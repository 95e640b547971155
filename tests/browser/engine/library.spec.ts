import { expect, test } from '@playwright/test';
import { beginLabWith, hurriedClock } from '../support/labWorker.ts';
import { stepOf } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { chooseSmallOnOwnText, ESSAYS, openRealPage, ownText, paths } from '../support/realPage.ts';

// A small run that saves itself, a page that is closed on it, and the same run again. Only the worker's clock is another.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(600_000));
const WITH_COMPILING = { timeout: budget(200_000) };

test('a run is saved by itself, and goes on after a reload as the same run', async ({ page }) => {
  // A run saves itself within a minute: with this clock within ten seconds.
  await beginLabWith(page, hurriedClock(6));
  const misdeeds = await openRealPage(page);
  await chooseSmallOnOwnText(page);
  await ownText(page).fill(ESSAYS);
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(1);
  await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name: 'Take home' }).click();
  // Nobody pauses it, and nobody asks for it.
  const last = page.getByText(/Last at step \d+\.$/);
  await expect(last).toBeVisible(WITH_COMPILING);
  await page.getByRole('region', { name: 'The whole run' }).getByRole('button', { name: 'Runs' }).click();
  const rows = page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText(/this run · .* · goes on at step \d+ \(/);

  await page.reload();
  const note = page.getByText(/^Saved today .*: .*, step \d+\.$/);
  await expect(note).toBeVisible();
  const saved = Number(/step (\d+)\.$/.exec(await note.innerText())?.[1]);
  expect(saved).toBeGreaterThan(0);
  await page.getByRole('button', { name: 'Go on with it' }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBe(saved);
  await expect(ownText(page)).toHaveValue(ESSAYS);
  const panels = page.getByRole('navigation', { name: 'Panels' });
  await panels.getByRole('button', { name: 'What is happening' }).click();
  await expect.poll(async () => (await paths(page)).some((path) => path !== '')).toBe(true);
  await panels.getByRole('button', { name: 'Runs', exact: true }).click();
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBe(saved + 1);
  await expect(rows, 'one run, once').toHaveCount(1);
  await expect(rows).toContainText(new RegExp(`this run · ${saved + 1} steps`));
  expect(misdeeds).toEqual({ errors: [], requests: [] });
});
