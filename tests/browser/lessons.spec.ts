import { expect, test, type Page } from '@playwright/test';
import { LESSONS } from '../lessons/titles.ts';
import { answer, commands, openPage, pause, stepOf, trainTo, violations } from './support/openPage.ts';

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
  await expect(page.getByRole('tabpanel').getByRole('listitem')).toHaveCount(6);
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
  await expect.poll(() => stepOf(page)).toBeGreaterThan(0);
  // Settings that have rested for 600 ms go into the address. Timers end in order, on slow machines too.
  await page.evaluate(() => new Promise((done) => setTimeout(done, 800)));
  expect(new URL(page.url()).hash).toBe('#lesson=2.3');
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  await expect(page).toHaveURL(/attention=uniform|preset=facts-uniform/);
});

test('a button sets the configuration, begins anew, and pauses where it says', async ({ page }) => {
  await openPage(page, { lastStep: 20 });
  await openLesson(page, 2);
  await page.keyboard.press('n');
  await page.keyboard.press('n');
  await lesson(page)
    .getByRole('button', { name: /^Uniform/ })
    .click();
  await expect.poll(() => stepOf(page)).toBe(20);
  await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
  const sent = await commands(page);
  expect(sent.map(({ type }) => type)).toEqual(['configure', 'train', 'pause']);
  expect(sent[0]).toMatchObject({ configuration: { attention: 'uniform' } });
  await lesson(page)
    .getByRole('button', { name: /^Learned/ })
    .click();
  await expect
    .poll(async () => (await commands(page)).slice(3).map(({ type }) => type))
    .toEqual(['configure', 'train', 'pause']);
  expect((await commands(page))[3]).toMatchObject({ configuration: { attention: 'learned' } });
});

test('steps of the run before do not end the run that a button begins', async ({ page }) => {
  await openPage(page);
  await trainTo(page, 30);
  await openLesson(page, 2);
  await page.keyboard.press('n');
  await page.keyboard.press('n');
  await lesson(page)
    .getByRole('button', { name: /^Uniform/ })
    .click();
  await expect.poll(async () => (await commands(page)).at(-1)?.type).toBe('pause');
  expect(await stepOf(page)).toBeGreaterThanOrEqual(20);
  expect((await commands(page)).map(({ type }) => type)).toEqual(['configure', 'train', 'configure', 'train', 'pause']);
});

test('a run of one’s own, after a pause and a Reset, goes on past where the button would have paused', async ({
  page,
}) => {
  await openPage(page, { lastStep: 4 });
  await openLesson(page, 2);
  await page.keyboard.press('n');
  await page.keyboard.press('n');
  await lesson(page)
    .getByRole('button', { name: /^Uniform/ })
    .click();
  await expect.poll(() => stepOf(page)).toBe(4);
  await pause(page);
  await page.getByRole('button', { name: 'Reset', exact: true }).click();
  await expect.poll(() => stepOf(page)).toBe(0);
  await trainTo(page, 26);
  expect((await commands(page)).filter(({ type }) => type === 'pause')).toHaveLength(1);
});

test('without WebGPU a button that trains says so beside itself, and the recorded run plays on', async ({ page }) => {
  await openPage(page, { withoutWebGpu: true });
  await openLesson(page, 2);
  await page.keyboard.press('n');
  await page.keyboard.press('n');
  await lesson(page)
    .getByRole('button', { name: /^Uniform/ })
    .click();
  await expect(lesson(page).getByRole('alert')).toContainText('needs WebGPU');
  await expect(page.getByRole('button', { name: 'Bring back your own settings' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Stop', exact: true })).toBeVisible();
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  await expect(page.getByRole('combobox', { name: 'Preset' })).toHaveValue('facts');
});

test('numbers beside the buttons are those of the step that is shown', async ({ page }) => {
  await openPage(page);
  await openLesson(page, 1);
  await lesson(page).getByRole('button', { name: 'Draw a batch' }).click();
  await expect(lesson(page).getByText('pairs that are read').locator('..')).toContainText('56');
});

test('numbers are those of the picture, and are not read out as they change', async ({ page }) => {
  await openPage(page);
  await page.getByRole('slider', { name: 'Time' }).fill('207');
  await openLesson(page, 1);
  await lesson(page).getByRole('button', { name: 'Draw a batch' }).waitFor();
  const numbers = lesson(page).getByText(/^Step \d+ of the recorded run on Facts/);
  await expect(numbers).toContainText('Step 200 of');
  const isLive = (one: Element): boolean => one.closest('[aria-live]') !== null;
  expect(await numbers.evaluate(isLive)).toBe(false);
  expect(await lesson(page).getByRole('heading').evaluate(isLive)).toBe(true);
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
  await lesson(page).getByRole('button', { name: 'Show the end of the recorded run' }).click();
  await expect(page.getByText(/^Kept run: .*\(recorded\)$/)).toBeVisible();
  await page.getByRole('button', { name: 'All lessons' }).click();
  await page.getByRole('button', { name: /^6\. / }).click();
  await lesson(page).getByRole('button', { name: 'Show the recorded run' }).click();
  await expect(page.getByRole('alert')).toContainText('has no recorded run');
  await expect(lesson(page).getByText('not recorded here').first()).toBeVisible();
});

test('what needs a checkpoint leads to where one comes from', async ({ page }) => {
  await openPage(page);
  await openLesson(page, 6);
  await lesson(page).getByRole('button', { name: 'One step on your checkpoint' }).click();
  await expect.poll(async () => (await commands(page)).map(({ type }) => type)).toContain('listModels');
  const storage = { usage: 0, quota: 1e9, persisted: false };
  await answer(page, 'listModels', { models: [], storage });
  await expect(page.getByRole('heading', { name: 'Model', exact: true })).toBeVisible();
  await expect(page.getByRole('alert')).toContainText('needs a checkpoint');
  expect((await commands(page)).map(({ type }) => type)).not.toContain('configure');
});

test('the reader’s own settings come back', async ({ page }) => {
  await openPage(page);
  await page.goto('./#v=1&preset=facts&temperature=0.3');
  await page.reload();
  await openLesson(page, 3);
  await lesson(page).getByRole('button', { name: 'τ = 10' }).click();
  await expect.poll(() => stepOf(page)).toBe(1);
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
  await expect.poll(() => stepOf(page)).toBe(1);
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
      expect(await violations(page)).toEqual([]);
    });
  }
}
