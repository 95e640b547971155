import { expect, test, type Page } from '@playwright/test';
import { answerPair, asked } from './support/answers.ts';
import { inventedAttribution } from './support/inventedInspection.ts';
import { answer, fail, openPage, pause, progress, stepOf, stopped, trainTo, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

/** On a small screen it is a sheet. */
const region = (page: Page) =>
  page.getByRole('region', { name: 'Inside', exact: true }).or(page.getByRole('dialog', { name: 'Inside' }));
const matrix = (page: Page) => page.getByRole('application', { name: /Batch attention matrix/ });
const readers = (page: Page) => page.getByRole('listbox', { name: 'Tokens of the chunk that reads' });

/** Trains a little, pauses, and opens the panel on the cell selected first. */
async function openInside(page: Page): Promise<string[]> {
  const complaints = await openPage(page);
  await trainTo(page, 12);
  await pause(page);
  await page.getByRole('radio', { name: 'this step’s batch' }).check();
  await matrix(page).focus();
  await page.keyboard.press('Enter');
  await expect(region(page)).toBeVisible();
  await expect.poll(async () => (await asked(page, 'inspectPair')).length).toBe(1);
  return complaints;
}

test('a recorded run has no models to look into, and Train leads to some', async ({ page }) => {
  await openPage(page, { lastStep: 12 });
  await page.getByRole('button', { name: 'Look inside' }).click();
  await expect(region(page).getByText(/keeps its matrices and losses, not its models/)).toBeVisible();
  await expect(region(page).getByText(/how V-normalisation scales it/)).toBeVisible();
  expect(await violations(page)).toEqual([]);
  expect(await asked(page, 'inspectPair')).toEqual([]);
  await region(page).getByRole('button', { name: 'Train' }).click();
  await expect.poll(() => stepOf(page)).toBe(12);
  await expect.poll(async () => (await asked(page, 'inspectPair')).length).toBe(1);
  await expect(region(page).getByText(/not its models/)).toHaveCount(0);
});

test('a cell opens up: texts side by side, links of a token, heatmap, numbers', async ({ page }) => {
  const complaints = await openInside(page);
  const [command] = await asked(page, 'inspectPair');
  expect(command?.step).toBe(12);
  expect(command?.layer).toBeUndefined();
  const { record, query, context } = await answerPair(page);
  const panel = region(page);
  await expect(panel.getByText(/^Chunk 1 reads chunk 2:\s+A [\d.]+, S\s+[−\d.]+, γ\s+1\.00\./)).toBeVisible();
  await expect(panel.getByText(`Batch of step ${command?.step}, with the weights after`)).toBeVisible();

  const own = record.batch.chunks[query]!.tokens.map((token) => token.trim());
  const theirs = record.batch.chunks[context]!.tokens.map((token) => token.trim());
  const options = readers(page).getByRole('option');
  expect((await options.allInnerTexts()).map((text) => text.trim())).toEqual(own);

  // A word that both chunks have: head 1 links the two.
  const shared = own.findIndex((token) => theirs.includes(token));
  expect(shared).toBeGreaterThanOrEqual(0);
  await panel.getByLabel('Head').selectOption({ label: '1' });
  await options.nth(shared).hover();
  await expect(options.nth(shared)).toHaveAttribute('aria-selected', 'true');
  await expect(
    panel.getByText(new RegExp(`^“${own[shared]}” attends most to “${own[shared]}” \\(0\\.7`)),
  ).toBeVisible();
  const links = panel.locator('.links path');
  await expect(links.first()).toBeAttached();
  const widths = await links.evaluateAll((all) => all.map((path) => Number(path.getAttribute('stroke-width'))));
  expect(widths[0]).toBeGreaterThan(3.5);
  // The strongest link ends at that word.
  const end = await links.first().evaluate((path) => {
    const one = path as SVGPathElement;
    const { x, y } = one.getPointAtLength(one.getTotalLength());
    const box = one.ownerSVGElement!.getBoundingClientRect();
    return { x: x + box.left, y: y + box.top };
  });
  const target = await panel.locator(`[data-context="${theirs.indexOf(own[shared]!)}"]`).evaluate((span) => {
    const { left, right, bottom } = span.getClientRects()[0]!;
    return { middle: (left + right) / 2, bottom };
  });
  expect(Math.abs(end.x - target.middle)).toBeLessThan(1);
  expect(Math.abs(end.y - target.bottom)).toBeLessThan(1);

  // By keyboard.
  await readers(page).focus();
  await page.keyboard.press('Home');
  await expect(options.first()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowRight');
  await expect(options.nth(1)).toHaveAttribute('aria-selected', 'true');
  expect(await asked(page, 'step'), 'the arrow keys belong to the tokens').toEqual([]);
  await page.keyboard.press('End');
  await expect(options.last()).toHaveAttribute('aria-selected', 'true');
  const trained = await asked(page, 'train');
  await page.keyboard.press('Space');
  expect(await asked(page, 'train'), 'Space belongs to the tokens').toEqual(trained);

  // The heatmap's rows are the same tokens.
  const map = panel.getByRole('img', { name: /Heatmap/ });
  const box = (await map.boundingBox())!;
  await page.mouse.move(box.x + 4, box.y + box.height / own.length / 2);
  await expect(options.first()).toHaveAttribute('aria-selected', 'true');
  await panel.getByText('Numbers of every token').click();
  await expect(panel.getByRole('row')).toHaveCount(own.length + 1);
  await expect(panel.getByRole('row').nth(1)).toContainText('1.00');
  expect(await violations(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('the batch that stays the same is looked into as it is shown', async ({ page }) => {
  await openPage(page);
  await trainTo(page, 12);
  await pause(page);
  await matrix(page).focus();
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await asked(page, 'inspectPair')).at(-1)?.step).toBe('probe');
  await answerPair(page);
  await expect(region(page).getByText('Held-out batch, with the weights after')).toBeVisible();
  await region(page).getByRole('button', { name: 'Compute' }).click();
  expect(await asked(page, 'attribute')).toEqual([{ type: 'attribute', step: 'probe' }]);
  await page.getByRole('radio', { name: 'this step’s batch' }).check();
  await expect.poll(async () => (await asked(page, 'inspectPair')).at(-1)?.step).toBe(12);
});

test('layers are chosen, and of cells chosen meanwhile the last is asked for', async ({ page }) => {
  await openInside(page);
  const first = await answerPair(page);
  const panel = region(page);
  await expect(panel.getByLabel('Layer').locator('option')).toHaveText(['1 (reads nobody)', '2']);
  await expect(panel.getByLabel('Layer')).toHaveValue('1');
  await panel.getByLabel('Layer').selectOption('0');
  await expect.poll(async () => (await asked(page, 'inspectPair')).length).toBe(2);
  expect((await asked(page, 'inspectPair')).at(-1)).toMatchObject({ layer: 0, query: first.query });
  // While that is being computed, the cell moves on twice: what is not wanted any more is stopped.
  await matrix(page).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await expect.poll(async () => (await asked(page, 'inspectPair')).length).toBe(4);
  expect(await stopped(page)).toEqual(['inspectPair', 'inspectPair']);
  await answerPair(page);
  await expect(panel.getByText(/^Chunk 1 reads chunk 4:/)).toBeVisible();
  await expect(panel.getByText(/γ\s+0\.00/)).toBeVisible();

  // On the diagonal there is nothing to see.
  for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowLeft');
  await expect(panel.getByText(/No chunk reads itself/)).toBeVisible();
  expect((await asked(page, 'inspectPair')).filter((one) => one.query === one.context)).toEqual([]);
});

test('training that goes on leaves the pair as it was, and one click looks again', async ({ page }) => {
  await openInside(page);
  await answerPair(page);
  const panel = region(page);
  await trainTo(page, 16);
  await expect(panel.getByRole('button', { name: 'Look again' })).toBeVisible();
  const before = (await asked(page, 'inspectPair')).length;
  await panel.getByRole('button', { name: 'Look again' }).click();
  await expect.poll(async () => (await asked(page, 'inspectPair')).length).toBeGreaterThan(before);
});

test('gains: who gave them, token by token, for every row; stopped, failed and forgotten', async ({ page }) => {
  const complaints = await openInside(page);
  const { record, query } = await answerPair(page);
  const panel = region(page);
  await panel.getByRole('button', { name: 'Compute' }).click();
  expect(await asked(page, 'attribute')).toEqual([{ type: 'attribute', step: record.metrics.step }]);
  await progress(page, 'attribute', 0.4);
  await expect(panel.getByText('Leaving out one neighbour after another: 40 %')).toBeVisible();
  await panel.getByRole('button', { name: 'Stop' }).click();
  await expect.poll(() => stopped(page)).toEqual(['attribute']);
  await expect(panel.getByText(/^Stopped\./)).toBeVisible();

  await panel.getByRole('button', { name: 'Compute' }).click();
  const error = {
    kind: 'outOfMemory',
    message: 'The GPU is full.',
    action: 'Close it.',
  } as const;
  await fail(page, 'attribute', error);
  await expect(panel.getByRole('alert')).toHaveText('The GPU is full. Close it.');

  await panel.getByRole('button', { name: 'Compute' }).click();
  await answer(page, 'attribute', inventedAttribution(record));
  await expect(panel.getByRole('alert')).toHaveCount(0);
  const neighbours = panel.getByRole('list', { name: 'Neighbours, by what they gave' }).getByRole('button');
  await expect(neighbours).toHaveCount(7);
  // The partner stands beside it, and gave half of 2 nats to about every second token.
  await expect(neighbours.first()).toContainText('Chunk 2');
  await expect(neighbours.first()).toContainText('≈ 0.80');
  const text = panel.locator('.found .tokens');
  const tokens = record.batch.chunks[query]!.tokens.length;
  await expect(text.locator('sup')).toHaveCount(Math.ceil((tokens - 1) / 2));
  await expect(text.locator('sup').first()).toHaveText('2');
  await expect(text.locator('> span').nth(1)).toHaveAttribute('title', /most from chunk 2: 2\.00 lost without it/);
  await neighbours.nth(6).click();
  await expect(panel.getByText(/^Gain from chunk \d alone/)).toBeVisible();
  await expect(text.locator('> span').nth(2)).toHaveAttribute('title', /gain −0\.30 nats/);
  await neighbours.nth(6).click();
  await expect(panel.getByText(/^Gain from all neighbours/)).toBeVisible();
  // Another row is another text; the texts under the matrix name their sources too.
  await matrix(page).focus();
  await page.keyboard.press('ArrowDown');
  await expect(panel.getByRole('heading', { name: 'Where the gain of chunk 2 comes from' })).toBeVisible();
  await expect(
    page
      .getByRole('region', { name: /two chunks of the selected cell/ })
      .locator('sup')
      .first(),
  ).toHaveText('1');
  expect(await violations(page)).toEqual([]);

  // Made with later weights, it says nothing of the losses that were recorded then: only the panel, which has its own, shows it.
  const later = { ...inventedAttribution(record), updates: record.metrics.step + 30 };
  await panel.getByRole('button', { name: 'Compute again' }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  // Until the later step is there, the slider at its end follows it.
  await expect.poll(() => stepOf(page)).toBeGreaterThan(record.metrics.step);
  await page.getByRole('slider', { name: 'Time' }).fill(String(record.metrics.step));
  await panel.getByRole('button', { name: 'Compute again' }).click();
  await answer(page, 'attribute', later);
  await expect(panel.getByText(`with the weights after ${later.updates} updates`)).toBeVisible();
  await expect(panel.locator('.found .tokens sup').first()).toBeVisible();
  await expect(page.getByRole('region', { name: /two chunks of the selected cell/ }).locator('sup')).toHaveCount(0);

  await page.getByRole('button', { name: 'Reset', exact: true }).click();
  await expect(panel.getByText('There are no models yet.')).toBeVisible();
  expect(complaints).toEqual([]);
});

for (const { width, height, theme } of [
  { width: 1440, height: 900, theme: 'dark' },
  { width: 1024, height: 768, theme: 'light' },
  { width: 390, height: 844, theme: 'dark' },
] as const) {
  test(`at ${width} px, ${theme}: nothing runs over, axe finds nothing`, async ({ page }) => {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: theme });
    await openInside(page);
    const { record } = await answerPair(page);
    await readers(page).getByRole('option').nth(3).click();
    await region(page).getByRole('button', { name: 'Compute' }).click();
    await answer(page, 'attribute', inventedAttribution(record));
    await expect(region(page).locator('.links path').first()).toBeAttached();
    expect(await violations(page)).toEqual([]);
    const over = await page.evaluate(() => {
      const body = document.querySelector('#panel .body, dialog[open] .body')!;
      return [body.scrollWidth - body.clientWidth, document.documentElement.scrollWidth - innerWidth];
    });
    expect(Math.max(...over)).toBeLessThanOrEqual(0);
  });
}
