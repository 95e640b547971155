import { expect, test, type Page } from '@playwright/test';
import { inventedProbe } from './support/inventedRun.ts';
import { openPage, pause, playTo, say, trainTo } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

type Part = 'spoken' | 'matrix' | 'sentence' | 'loss' | 'recall' | 'probe' | 'table';

/** The step that each part of the page speaks of, and how training's own counter is written, all read in one go. */
function stepsShown(
  page: Page,
): Promise<{ readonly slider: number; readonly counter: string } & Partial<Record<Part, number>>> {
  return page.evaluate(() => {
    const number = (text: string | null | undefined, pattern: RegExp): number | undefined => {
      const found = pattern.exec(text ?? '')?.[1];
      return found === undefined ? undefined : Number(found.replace(/\D/g, ''));
    };
    const chart = (title: string): string | null =>
      document.querySelector(`.charts svg[aria-label^="${title}"]`)?.getAttribute('aria-label') ?? null;
    return {
      slider: Number(document.querySelector<HTMLInputElement>('input[aria-label="Time"]')?.value),
      spoken: number(
        document.querySelector('input[aria-label="Time"]')?.getAttribute('aria-valuetext'),
        /^([\d,]+) of/,
      ),
      matrix: number(document.querySelector('.key dl')?.textContent, /step\s*([\d,]+)/),
      sentence: number(document.querySelector('.sentence .step')?.textContent, /Step ([\d,]+)/),
      loss: number(chart('Loss'), / at ([\d,]+):/),
      recall: number(chart('Recall@1'), / at ([\d,]+):/),
      probe: number(chart('Attention on'), / at ([\d,]+):/),
      table: number(document.querySelector('table caption')?.textContent, /step (\d+)/),
      counter: document.querySelector('.counter .number')?.textContent ?? '',
    };
  });
}

async function expectOneStep(page: Page): Promise<number> {
  const { sentence, counter, ...others } = await stepsShown(page);
  const { slider } = others;
  expect(others).toEqual(Object.fromEntries(Object.keys(others).map((part) => [part, slider])));
  // It names its step while the picture moves.
  if (sentence !== undefined) expect(sentence).toBe(slider);
  // Training may be ahead of what is shown, and says that the number is its own: only before the first step is it nobody's.
  if (!/^(step 0)?$/.test(counter)) {
    expect(counter).toMatch(/^(training:|trained to) step \d+$/);
    expect(Number(/\d+$/.exec(counter)?.[0])).toBeGreaterThanOrEqual(slider);
  }
  return slider;
}

test('sentence, matrix, slider and charts speak of one step, whenever one looks', async ({ page }) => {
  await openPage(page);
  const seen = new Set<number>();
  const look = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) seen.add(await expectOneStep(page));
  };
  // The recorded run plays, and is left for a live one.
  await look(10);
  await expect.poll(() => look(1).then(() => seen.size)).toBeGreaterThan(3);
  await trainTo(page, 12);
  await look(5);
  const going = playTo(page, 200);
  await look(20);
  await expect.poll(() => look(1).then(() => seen.size)).toBeGreaterThan(6);
  await page.getByRole('slider', { name: 'Time' }).fill('7');
  await look(10);
  await page.getByRole('button', { name: 'Back to now' }).click();
  await look(10);
  await going;
  await say(page, { type: 'evaluation', evaluation: { step: 200, recallAt1: 0.5, chance: 0.14, of: 'training' } });
  await look(3);
  await pause(page);
  await look(3);
  await page.getByRole('slider', { name: 'Time' }).fill('33');
  await look(3);
  await page.getByRole('button', { name: 'Play' }).click();
  await look(10);
  await expect.poll(() => look(1).then(() => seen.size)).toBeGreaterThan(10);
  // The batches of steps as the one that stays the same, at any time.
  await page.getByRole('radio', { name: 'this step’s batch' }).check();
  await look(3);
  await page.getByRole('slider', { name: 'Time' }).fill('51');
  expect(await expectOneStep(page)).toBe(51);
  await page.getByRole('radio', { name: 'held-out batch' }).check();
  expect(await expectOneStep(page)).toBe(50);
  await page.getByRole('button', { name: 'Play' }).click();
  await look(10);
  await page.getByRole('radio', { name: 'this step’s batch' }).check();
  await look(10);
  await page.getByRole('radio', { name: 'held-out batch' }).check();
  await page.getByRole('button', { name: 'Reset' }).click();
  await expect.poll(async () => (await stepsShown(page)).slider).toBe(0);
  await page.getByRole('button', { name: 'Step' }).click();
  await expect.poll(async () => (await stepsShown(page)).slider).toBe(1);
  await look(3);
});

test('a run of one step has a point in every curve that it has a number of', async ({ page }) => {
  await openPage(page);
  await page.getByRole('button', { name: 'Reset' }).click();
  await page.getByRole('button', { name: 'Step' }).click();
  await expect.poll(async () => (await stepsShown(page)).slider).toBe(1);
  const loss = page.getByRole('img', { name: /^Loss.* at \d+: with context [\d.]+, alone [\d.]+/ });
  await expect(loss.locator('circle.point')).toHaveCount(2);
  for (const point of await loss.locator('circle.point').all()) {
    const box = await point.boundingBox();
    expect(box?.width).toBeGreaterThan(3);
  }
  // With a second one it is a line.
  await page.getByRole('button', { name: 'Step' }).click();
  await expect.poll(async () => (await stepsShown(page)).slider).toBe(2);
  await expect(loss.locator('circle.point')).toHaveCount(0);
});

test('what a score is of, and what it is worth, stand under it', async ({ page }) => {
  await openPage(page);
  await trainTo(page, 2);
  const findings = { retriever: 'cccccccccc', untrained: '00000000cc', tfidf: '0ccccccccc', bm25: 'cccccccccc' };
  const scores = { recallAt1: 1, chance: 0.14, tfidfRecallAt1: 0.9, bm25RecallAt1: 1, untrainedRecallAt1: 0.2 };
  await say(page, { type: 'evaluation', evaluation: { step: 2, ...scores, of: 'training', findings } });
  // Scored are the weights after both steps, and so is the batch that stays the same.
  const { batch, records } = inventedProbe([2]);
  await say(page, { type: 'probe', of: 'training', batch, record: records[0]! });
  await expect(page.getByRole('radio', { name: 'fixed batch' })).toBeChecked();
  const recall = page.getByRole('img', { name: /^Recall@1/ });
  await expect(recall).toHaveAccessibleName(
    /training text 1\.00, chance 0\.14, untrained 0\.20, TF-IDF 0\.90, BM25 1\.00/,
  );
  await expect(page.locator('p', { hasText: /^On the training text, 10 chunks at step 2:/ })).toContainText(
    'better than untrained (8 : 0)',
  );
  await expect(page.locator('.page')).not.toContainText(/held.?out/i);
});

test('a run that is not of what is chosen says whose it is, wherever it speaks', async ({ page }) => {
  await openPage(page);
  const sentence = page.locator('.sentence');
  const charts = page.getByRole('region', { name: 'What is happening' });
  await expect(sentence).not.toContainText('Recorded run');
  await expect(charts).not.toContainText('Recorded run');
  await page.getByRole('tab', { name: 'The kitchen' }).click();
  await expect(sentence).toContainText('Recorded run on Facts:');
  await expect(page.getByRole('status').first()).toContainText('Recorded run on Facts:');
  await expect(charts).toContainText('Recorded run on Facts');
  await page.getByRole('tab', { name: 'Facts' }).click();
  await expect(sentence).not.toContainText('Recorded run');
  // One's own run beside another text.
  await trainTo(page, 3);
  await page.getByRole('tab', { name: 'The shore' }).click();
  await expect(sentence).toContainText('The run on Facts:');
  await page.getByRole('tab', { name: 'Facts' }).click();
  await expect(sentence).not.toContainText('The run on');
});
