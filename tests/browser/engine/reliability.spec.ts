import { expect, test, type Page } from '@playwright/test';
import { beatFast, beginLabWith, endLab, HANGS_WHEN_TOLD, tellLab, withinReach } from '../support/labWorker.ts';
import { stepOf } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { chooseSmallOnOwnText, ESSAYS, openRealPage, ownText } from '../support/realPage.ts';

// What ends or stops under a run: its worker, and the GPU. The run goes on from its last save each time.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(400_000));
const WITH_COMPILING = { timeout: budget(200_000) };

/** A small run on a text of one's own, saved at the step that is returned; it stands still. */
async function savedRun(page: Page): Promise<number> {
  await openRealPage(page);
  await chooseSmallOnOwnText(page);
  await ownText(page).fill(ESSAYS);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBe(1);
  const panels = page.getByRole('navigation', { name: 'Panels' });
  await panels.getByRole('button', { name: 'Take home' }).click();
  await page.getByRole('button', { name: 'Save now' }).click();
  await expect(page.getByText(/Last at step 1\.$/)).toBeVisible(WITH_COMPILING);
  return 1;
}

/** The page says so, and the run goes on where it was saved. */
async function goesOn(page: Page, saved: number, what: RegExp): Promise<void> {
  await expect(page.getByRole('alert').filter({ hasText: what })).toBeVisible(WITH_COMPILING);
  await page.getByRole('button', { name: 'Go on with it' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0, WITH_COMPILING);
  await expect.poll(() => stepOf(page)).toBe(saved);
  await expect(page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem'), 'no copy of it').toHaveCount(1);
  await expect(ownText(page)).toHaveValue(ESSAYS);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBe(saved + 1);
}

const FAULTS = {
  hangs: (page: Page) => tellLab(page, 'hang'),
  'is gone without a word': endLab,
};

for (const [what, happens] of Object.entries(FAULTS)) {
  test(`a worker that ${what} is found, and its run goes on from the last save`, async ({ page }) => {
    await beatFast(page, 20);
    await withinReach(page);
    await beginLabWith(page, HANGS_WHEN_TOLD);
    const saved = await savedRun(page);
    await happens(page);
    const alert = page.getByRole('alert').filter({ hasText: 'has not answered for half a minute' });
    await expect(alert).toBeVisible(WITH_COMPILING);
    await alert.getByRole('button', { name: 'End it' }).click();
    await goesOn(page, saved, /had stopped answering, and was ended/);
  });
}

test('after a lost GPU the last save is offered', async ({ page, browser }) => {
  const saved = await savedRun(page);
  const session = await browser.newBrowserCDPSession();
  await session.send('Browser.crashGpuProcess').catch(() => undefined);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await goesOn(page, saved, /The GPU was lost/);
});
