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
  return save(page, 1);
}

/** Saves the run, which stands at this step. */
async function save(page: Page, step: number): Promise<number> {
  const panels = page.getByRole('navigation', { name: 'Panels' });
  await panels.getByRole('button', { name: 'Take home' }).click();
  await page.getByRole('button', { name: 'Save now' }).click();
  await expect(page.getByText(new RegExp(`Last at step ${step}\\.$`))).toBeVisible(WITH_COMPILING);
  return step;
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

/** Ends the browser's GPU process, and with it every device. */
async function loseGpu(page: Page): Promise<void> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  // It ends with the process, unanswered.
  await Promise.race([session.send('Browser.crashGpuProcess').catch(() => undefined), page.waitForTimeout(1000)]);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
}

test('after a lost GPU the last save is offered, and a worker that is ended later takes no page with it', async ({
  page,
}) => {
  await beatFast(page, 20);
  await withinReach(page);
  let crashes = 0;
  page.on('crash', () => crashes++);
  const saved = await savedRun(page);
  await loseGpu(page);
  await goesOn(page, saved, /The GPU was lost/);
  const later = await save(page, saved + 1);
  // Chromium's page crashed here as long as a worker went on after it had lost a device.
  await endLab(page);
  const alert = page.getByRole('alert').filter({ hasText: 'has not answered for half a minute' });
  await expect(alert).toBeVisible(WITH_COMPILING);
  await alert.getByRole('button', { name: 'End it' }).click();
  await goesOn(page, later, /had stopped answering, and was ended/);
  expect(crashes).toBe(0);
});

test('where the browser gives no GPU after one was lost, that is said, and the save stays offered', async ({
  page,
}) => {
  let isThere = true;
  await page.route('**/a-gpu-is-there', (route) => route.fulfill({ status: isThere ? 200 : 404 }));
  await beginLabWith(
    page,
    `const ask = GPU.prototype.requestAdapter;
    GPU.prototype.requestAdapter = async function (options) {
      return (await fetch(new URL('/a-gpu-is-there', location.href))).ok ? ask.call(this, options) : null;
    };`,
  );
  const saved = await savedRun(page);
  isThere = false;
  await loseGpu(page);
  const lost = page.getByRole('alert').filter({ hasText: 'The GPU was lost' });
  await lost.getByRole('button', { name: 'Go on with it' }).click();
  await expect(page.getByText(/found no GPU\. Where there was one before, .* wait two minutes/)).toBeVisible();
  isThere = true;
  await goesOn(page, saved, /The GPU was lost/);
});
