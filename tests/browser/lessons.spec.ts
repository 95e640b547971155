import { expect, test, type Page } from '@playwright/test';
import { LESSONS } from '../lessons/titles.ts';
import { answer, commands, fail, openPage, stepOf, trainTo, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

function lesson(page: Page) {
  return page.getByRole('region', { name: /^Lesson / });
}

async function openLesson(page: Page, id: number): Promise<void> {
  await page.getByRole('tab', { name: 'Lessons' }).click();
  await page.getByRole('button', { name: new RegExp(`^${id}\\. `) }).click();
  await expect(lesson(page)).toBeVisible();
}

test('stand in the column of the text, and leave the matrix in sight', async ({ page }) => {
  const complaints = await openPage(page);
  await page.getByRole('tab', { name: 'Lessons' }).click();
  await expect(page.getByRole('tabpanel').getByRole('listitem')).toHaveCount(LESSONS.length);
  await expect(page.getByRole('region', { name: 'Text', exact: true })).toHaveCount(0);
  await page.getByRole('button', { name: /^1\. / }).click();
  await expect(page.getByRole('heading', { name: LESSONS[0]!.steps[0]! })).toBeVisible();
  await expect(page.getByRole('application')).toBeVisible();
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  await expect(page.getByRole('region', { name: 'Text', exact: true })).toBeVisible();
  await page.getByRole('tab', { name: 'Lessons' }).click();
  await expect(page.getByRole('heading', { name: LESSONS[0]!.steps[0]! })).toBeVisible();
  expect(complaints).toEqual([]);
});

test('every step of every lesson opens by its link, with its formulas set', async ({ page }) => {
  const complaints = await openPage(page);
  for (const [i, { steps }] of LESSONS.entries()) {
    for (const [s, title] of steps.entries()) {
      await page.evaluate((fragment) => (location.hash = fragment), `lesson=${i + 1}.${s + 1}`);
      await expect(page.getByRole('heading', { name: title, exact: true })).toBeVisible();
      await expect(lesson(page).locator('.raw')).toHaveCount(0);
      const over = await lesson(page)
        .locator('.display')
        .evaluateAll((all) => all.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).length);
      expect.soft(over, `formulas of “${title}” wider than the column`).toBe(0);
    }
  }
  expect(complaints).toEqual([]);
});

test('are walked through by keyboard and by buttons, and the address follows', async ({ page }) => {
  await openPage(page);
  await openLesson(page, 3);
  await expect(page).toHaveURL(/#lesson=3\.1$/);
  await page.keyboard.press('n');
  await expect(page).toHaveURL(/#lesson=3\.2$/);
  await expect(page.getByRole('heading', { name: LESSONS[2]!.steps[1]! })).toBeVisible();
  await page.keyboard.press('b');
  await expect(page).toHaveURL(/#lesson=3\.1$/);
  await page.getByRole('button', { name: 'Next', exact: true }).click();
  await page.getByRole('button', { name: /^Step 4: / }).click();
  await expect(page).toHaveURL(/#lesson=3\.4$/);
  await page.getByRole('button', { name: 'Next lesson' }).click();
  await expect(page).toHaveURL(/#lesson=4\.1$/);
  await page.goBack();
  await expect(page.getByRole('region', { name: 'Text', exact: true })).toBeVisible();
  expect(new URL(page.url()).hash).toBe('');
});

test('a link opens its step at once, and settings do not overwrite it', async ({ page }) => {
  await openPage(page);
  await page.goto('./#lesson=2.3');
  await page.reload();
  await expect(page.getByRole('heading', { name: LESSONS[1]!.steps[2]! })).toBeVisible();
  await lesson(page)
    .getByRole('button', { name: /^Uniform/ })
    .click();
  await expect(lesson(page).getByRole('columnheader', { name: /^uniform/ })).toBeVisible();
  // Settings that have rested for 600 ms go into the address. Timers end in order, on slow machines too.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 800)));
  expect(new URL(page.url()).hash).toBe('#lesson=2.3');
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  await expect(page).not.toHaveURL(/uniform/);
});

test('a trial makes exactly its steps beside the run of one’s own, and leaves nothing in the library', async ({
  page,
}) => {
  await openPage(page, { lastStep: 4 });
  await trainTo(page, 4);
  await page.goto('./#lesson=2.3');
  const before = (await commands(page)).length;
  await lesson(page)
    .getByRole('button', { name: /^Uniform/ })
    .click();
  await expect(lesson(page).getByRole('columnheader', { name: /^uniform/ })).toBeVisible();
  const sent = (await commands(page)).slice(before);
  expect(sent.map(({ type }) => type)).toEqual(['configure', 'train', 'pause']);
  expect(sent[0]).toMatchObject({ configuration: { attention: 'uniform', autosaveEvery: 0 } });
  expect(sent[1]).toEqual({ type: 'train', steps: 20 });
  await expect(page.getByRole('slider', { name: 'Time' })).toHaveValue('20');
  await expect(page.getByText('Trial run: Lesson 2.3: Uniform: twenty steps')).toBeVisible();
  await page.getByRole('button', { name: 'Back to your run' }).click();
  await expect(page.getByRole('slider', { name: 'Time' })).toHaveValue('4');
  const kept = await page.evaluate(async () => {
    const databases = await indexedDB.databases();
    const counts = await Promise.all(
      databases.map(
        ({ name = '' }) =>
          new Promise<number>((done) => {
            const opening = indexedDB.open(name);
            opening.onsuccess = () => {
              const [store] = [...opening.result.objectStoreNames].filter((one) => /runs|summar/i.test(one));
              if (!store) return done(0);
              const counting = opening.result.transaction(store).objectStore(store).count();
              counting.onsuccess = () => done(counting.result);
            };
          }),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  });
  expect(kept).toBeLessThanOrEqual(1);
});

test('what was predicted stands beside what happened, and may be changed', async ({ page }) => {
  await openPage(page);
  await page.goto('./#lesson=2.2');
  const outcome = lesson(page).locator('.outcome');
  await lesson(page)
    .getByRole('radio', { name: /^Neither: who predicts/ })
    .check();
  await lesson(page)
    .getByRole('button', { name: /^One step, language model frozen/ })
    .click();
  // The scripted lab has a gradient for both, frozen or not: the page goes by the numbers.
  await expect(outcome).toContainText('You predicted: “Neither: who predicts');
  await expect(outcome).toContainText('What happened: “Both”');
  await expect(outcome).toContainText('Where this lesson was tested, it was: “The retriever alone”');
  await lesson(page).getByRole('radio', { name: /^Both/ }).check();
  await expect(outcome).toContainText('That is what happened.');
  await page.keyboard.press('n');
  await page.keyboard.press('b');
  await expect(lesson(page).getByRole('radio', { name: /^Both/ })).toBeChecked();
  await expect(outcome).toContainText('That is what happened.');
});

test('runs stand side by side in columns, measured ones beside those made here', async ({ page }) => {
  await openPage(page);
  await page.goto('./#lesson=4.2');
  await lesson(page)
    .getByRole('radio', { name: /^The one without a gain/ })
    .check();
  for (const name of [/^With: .*as measured/, /^Without: .*as measured/])
    await lesson(page).getByRole('button', { name }).click();
  const table = lesson(page).getByRole('table');
  await expect(table.getByRole('columnheader')).toHaveText([/with\s*measured, 3 seeds/, /without\s*measured, 3 seeds/]);
  await expect(table.getByRole('rowgroup').filter({ hasText: /^recall@1, held out/ })).toContainText('±');
  await expect(lesson(page).getByRole('img', { name: /^recall@1, held out/ })).toBeVisible();
  await expect(lesson(page).locator('.outcome')).toContainText('That is what happened.');
  await expect(lesson(page)).toContainText('npm run bench:lessons');
});

test('several seeds are run by one button, with progress, and can be stopped', async ({ page }) => {
  await openPage(page);
  await page.goto('./#lesson=4.2');
  await lesson(page)
    .getByRole('button', { name: /^run it here/ })
    .first()
    .click();
  await expect(lesson(page).getByRole('progressbar')).toBeVisible();
  await expect(lesson(page).getByText(/Seed 1 of 3: step \d+ of 150/)).toBeVisible();
  await lesson(page).getByRole('button', { name: 'Stop' }).click();
  await expect(lesson(page).getByRole('progressbar')).toHaveCount(0);
  await expect(lesson(page).getByRole('table')).toHaveCount(0);
});

for (const how of ['withoutWebGpu', 'withoutGpu'] as const) {
  test(`${how}: what cannot run is said before it is pressed, and what was measured is shown`, async ({ page }) => {
    await openPage(page, { [how]: true });
    await page.goto('./#lesson=2.3');
    await expect(lesson(page).getByText(/^No GPU was found here/)).toBeVisible();
    await lesson(page).getByRole('button', { name: 'Uniform: twenty steps (as measured)' }).click();
    await lesson(page).getByRole('button', { name: 'Learned: twenty steps (as measured)' }).click();
    await expect(lesson(page).locator('.outcome')).toContainText(
      'What happened: “The loss falls; no similarity moves”',
    );
    await expect(lesson(page).getByRole('columnheader')).toHaveCount(2);
    expect(await commands(page)).toEqual([]);
    await page.goto('./#lesson=1.4');
    await expect(lesson(page).getByRole('button', { name: 'Train it here' })).toBeDisabled();
    await lesson(page).getByRole('button', { name: 'Show step 200' }).click();
    await expect(lesson(page).getByRole('columnheader', { name: /^at 200/ })).toBeVisible();
  });
}

test('numbers that must be equal are shown to their last digit', async ({ page }) => {
  await openPage(page, { withoutWebGpu: true });
  await page.goto('./#lesson=2.1');
  await lesson(page)
    .getByRole('button', { name: /^Reading off/ })
    .click();
  const number = (name: RegExp) =>
    lesson(page).getByRole('rowgroup').filter({ hasText: name }).getByRole('cell').innerText();
  expect(await number(/^loss with context/)).toMatch(/^\d\.\d{10,}$/);
  expect(await number(/^loss alone/)).toBe(await number(/^loss with context/));
});

test('symbols point at the page, by pointer and by keyboard', async ({ page }) => {
  await openPage(page);
  await openLesson(page, 1);
  const matrix = page.getByRole('application');
  await expect(matrix).not.toHaveAttribute('data-lit');
  await lesson(page).locator('[data-part="matrix"]').first().hover();
  await expect(matrix).toHaveAttribute('data-lit', '');
  await page.mouse.move(0, 0);
  await expect(matrix).not.toHaveAttribute('data-lit');
  await lesson(page)
    .getByRole('button', { name: /how much chunk i reads/ })
    .focus();
  await expect(matrix).toHaveAttribute('data-lit', '');
  await expect(lesson(page).locator('[data-part="matrix"].lit').first()).toBeVisible();
});

test('every part that lessons point at is on the page', async ({ page }) => {
  await openPage(page);
  for (const selector of LESSONS.flatMap(({ parts }) => parts)) {
    await expect(page.locator(selector), selector).toHaveCount(1);
  }
});

test('what would distract is put away, and comes back', async ({ page }) => {
  await openPage(page);
  const charts = page.locator('section.charts');
  const controls = [page.getByRole('button', { name: 'Settings' }), page.getByRole('navigation', { name: 'Panels' })];
  await openLesson(page, 1);
  await expect(charts).not.toBeVisible();
  for (const control of controls) await expect(control).toHaveCount(0);
  await page.keyboard.press('n');
  for (const control of controls) await expect(control).toBeVisible();
  await expect(charts).not.toBeVisible();
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  await expect(charts).toBeVisible();
});

test('show recorded runs, and say where one is missing', async ({ page }) => {
  await page.route('**/recorded/checkpoint-*.json', (route) => route.fulfill({ status: 404, body: '' }));
  await openPage(page);
  await openLesson(page, 1);
  await page.getByRole('button', { name: /^Step 4: / }).click();
  await lesson(page).getByRole('button', { name: 'Show step 200' }).click();
  await expect(page.getByText(/^Recorded run: /).first()).toBeVisible();
  await page.getByRole('button', { name: 'All lessons' }).click();
  await page.getByRole('button', { name: /^6\. / }).click();
  await lesson(page).getByRole('button', { name: 'Show it untouched' }).click();
  await expect(page.getByRole('alert')).toContainText('has no recorded run');
});

test('what needs a checkpoint leads to where one comes from', async ({ page }) => {
  await openPage(page);
  await openLesson(page, 6);
  await expect(lesson(page).getByText(/needs a checkpoint on this machine/)).toBeVisible();
  await lesson(page).getByRole('button', { name: 'Train on your checkpoint' }).click();
  await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toContain('listModels');
  const storage = { usage: 0, quota: 1e9, persisted: false };
  await answer(page, 'listModels', { models: [], storage });
  await expect(page.getByRole('heading', { name: 'Model', exact: true })).toBeVisible();
  await expect(page.getByRole('alert')).toContainText('needs a checkpoint');
  expect((await commands(page)).map(({ type }) => type)).not.toContain('configure');
});

test('where the list of checkpoints fails, that is said', async ({ page }) => {
  await openPage(page);
  await openLesson(page, 6);
  await lesson(page).getByRole('button', { name: 'Train on your checkpoint' }).click();
  await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toContain('listModels');
  await fail(page, 'listModels', { kind: 'storage', message: 'The storage is shut.', action: 'Open it.' });
  await expect(page.getByRole('alert')).toContainText('The storage is shut. Open it.');
});

test('the reader’s own settings come back', async ({ page }) => {
  await openPage(page);
  await page.goto('./#v=1&preset=facts&temperature=0.3');
  await page.reload();
  await openLesson(page, 4);
  await page.getByRole('button', { name: /^Step 3: / }).click();
  await lesson(page).getByRole('button', { name: 'Train without' }).click();
  await expect.poll(() => stepOf(page)).toBeGreaterThan(0);
  await page.getByRole('button', { name: 'Bring back your own settings' }).click();
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  await expect(page).toHaveURL(/temperature=0\.3/);
});

test('stand in the sheet of the text on narrow screens, which gives way to what a button does', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await openPage(page);
  await page.getByRole('button', { name: 'Text' }).click();
  await openLesson(page, 1);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await lesson(page).getByRole('button', { name: 'Draw a batch' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByText(/^Trial run: /).first()).toBeVisible();
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 1024, 390]) {
    test(`axe finds nothing at ${width}, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await openPage(page);
      if (width === 390) await page.getByRole('button', { name: 'Text' }).click();
      await page.getByRole('tab', { name: 'Lessons' }).click();
      await expect(page.getByRole('button', { name: /^6\. / })).toBeVisible();
      expect(await violations(page)).toEqual([]);
      await page.getByRole('button', { name: /^2\. / }).click();
      await page.keyboard.press('n');
      await expect(lesson(page).locator('.katex').first()).toBeVisible();
      await lesson(page).getByRole('radio').first().check();
      expect(await violations(page)).toEqual([]);
    });
  }
}
