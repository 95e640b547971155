import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import type { ComparisonEntry, ComparisonReport } from '../../src/lab/door/comparisonViews.ts';
import { asked } from './support/answers.ts';
import { answer, fail, openPage, openPanel, progress, stopped, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const PLAN = {
  title: 'Revela, InfoNCE on crops',
  contenders: ['Revela', 'InfoNCE on crops'],
  runs: 6,
  flops: 3e12,
  words: '2 compared, 6 runs: about 3 TFLOP in all, besides looking at them.',
};
const AXES = ['steps', 'flops', 'chunks', 'seconds'] as const;

function report(done: number): ComparisonReport {
  const at = (steps: number) => ({ steps, flops: steps * 1e9, chunks: 8 * steps, seconds: steps / 10 });
  const curve = (contender: string, ends: number) => ({
    contender,
    points: [0, 50, 100].map((steps) => ({ spent: at(steps), score: { mean: 0.1 + (ends * steps) / 100, sd: 0.02 } })),
  });
  return {
    id: 'comparison-1-a',
    title: PLAN.title,
    score: 'ndcg@10',
    done,
    of: 6,
    budget: 'steps',
    tables: AXES.map((axis) => ({
      axis,
      head: ['ndcg@10', 'rate', ...AXES, 'difference', 'p (seeds)', 'p (queries)'],
      rows: [
        {
          name: 'Revela',
          cells: ['0.600 ± 0.020', '0.001', '100', '100 GFLOP', '800', '10.0', '', '', ''],
          verdict: 'The others are compared with this.',
        },
        {
          name: 'InfoNCE on crops',
          cells: ['0.400 ± 0.020', '0.001', '100', '100 GFLOP', '800', '10.0', '−0.200', '0.012', '< 0.001'],
          verdict: 'Lower: more than seeds and queries would differ by chance.',
        },
      ],
      notes: [`Mean ± standard deviation over 3 seeds, at 100 ${axis} each; on a scripted adapter.`],
    })),
    curves: [curve('Revela', 0.5), curve('InfoNCE on crops', 0.3)],
    beside: [{ name: 'BM25', value: 0.35 }],
  };
}

const entry = (changes: Partial<ComparisonEntry> = {}): ComparisonEntry => ({
  id: 'comparison-1-a',
  title: PLAN.title,
  begun: 1,
  done: 6,
  of: 6,
  isRunning: false,
  canGoOn: false,
  ...changes,
});

const area = (page: Page) => page.locator('details.fair');
/** Says what is kept, as soon as the page asks: it does so again once it has heard what became of something else. */
async function answerList(page: Page, kept: readonly ComparisonEntry[]): Promise<void> {
  await expect(() => answer(page, 'comparisons', kept)).toPass();
}

const start = (page: Page) => area(page).getByRole('button', { name: 'Start' });

/** Opens the runs with what is kept; the form is open. */
async function openFair(page: Page, kept: readonly ComparisonEntry[] = []): Promise<string[]> {
  const complaints = await openPage(page);
  await openPanel(page, 'Runs');
  await answerList(page, kept);
  if (!kept.some(({ canGoOn }) => canGoOn)) await area(page).locator('summary').click();
  await expect.poll(async () => (await asked(page, 'planComparison')).length).toBeGreaterThan(0);
  await answer(page, 'planComparison', PLAN);
  return complaints;
}

const told = (number: number, share: number) => ({
  id: 'comparison-1-a',
  number,
  of: 6,
  contender: 'Revela',
  seed: 1,
  learningRate: 0.001,
  isChoosing: false,
  share,
  score: 0.41,
});

test('from the choice over progress to table, chart and files', async ({ page }) => {
  const complaints = await openFair(page);
  await expect(area(page).getByRole('status', { name: 'What it costs' })).toHaveText(PLAN.words);
  await start(page).click();
  const [{ definition } = { definition: undefined }] = await asked(page, 'compare');
  expect(definition).toMatchObject({
    title: 'Revela, InfoNCE on crops',
    variants: [
      { name: 'Revela', settings: { objective: 'revela' } },
      { name: 'InfoNCE on crops', settings: { objective: 'infoNce' } },
    ],
    seeds: [1, 2, 3],
    budget: { steps: 100 },
    collection: 'facts',
  });
  await progress(page, 'compare', told(3, 0.5));
  const status = area(page).getByRole('status', { name: 'The comparison under way' });
  await expect(status).toContainText('Run 3 of 6: Revela, seed 1, rate 0.001; 50 % of its budget, score 0.41');
  await expect(status.getByRole('progressbar')).toHaveJSProperty('value', 2.5 / 6);
  await progress(page, 'compare', { ...told(3, 1), report: report(3) });
  await expect(area(page)).toContainText('3 runs of 6 so far');
  await answer(page, 'compare', report(6));
  await answerList(page, [entry()]);

  const table = area(page).getByRole('table');
  await expect(table.getByRole('row', { name: 'InfoNCE on crops' })).toContainText('−0.200');
  await expect(table).toContainText('Lower: more than seeds and queries would differ by chance.');
  await expect(area(page).getByRole('img', { name: /^ndcg@10 by steps: Revela 0[.]60 at the end/ })).toBeVisible();
  await area(page).getByLabel('Compared at equal').selectOption('operations');
  await expect(area(page).getByRole('img', { name: /^ndcg@10 by operations/ })).toBeVisible();
  await expect(area(page)).toContainText('at 100 flops each');
  expect(await violations(page)).toEqual([]);

  const download = page.waitForEvent('download');
  await area(page).getByRole('button', { name: 'the chart (.svg)' }).click();
  expect((await asked(page, 'exportComparison')).at(-1)).toMatchObject({ format: 'svg', axis: 'flops' });
  await page.evaluate(() =>
    (window as unknown as { reply(type: string, what: unknown): void }).reply('exportComparison', {
      kind: 'answer',
      answer: { name: 'chart.svg', bytes: new TextEncoder().encode('<svg/>') },
    }),
  );
  expect(await readFile(await (await download).path(), 'utf8')).toBe('<svg/>');
  expect(complaints).toEqual([]);
});

test('what was stopped, or cut off by a reload, can go on', async ({ page }) => {
  await openFair(page, [entry({ done: 2, canGoOn: true })]);
  const row = area(page).getByRole('list', { name: 'Kept comparisons' }).getByRole('listitem');
  await expect(row).toContainText('2 of 6 runs');
  await row.getByRole('button', { name: 'Go on' }).click();
  expect(await asked(page, 'resumeComparison')).toMatchObject([{ id: 'comparison-1-a' }]);
  await progress(page, 'resumeComparison', told(3, 0.5));
  await expect(area(page).getByRole('status', { name: 'The comparison under way' })).toContainText('Run 3 of 6');
  await area(page).getByRole('button', { name: 'Stop' }).click();
  expect(await stopped(page)).toContain('resumeComparison');
  const error = { kind: 'stopped', message: 'It was stopped.', action: 'It is kept, and can go on.' } as const;
  await fail(page, 'resumeComparison', error);
  await answerList(page, [entry({ done: 3, canGoOn: true })]);
  await expect(row).toContainText('3 of 6 runs');
  await expect(area(page).getByRole('alert')).toHaveCount(0);

  await row.getByRole('button', { name: 'Show' }).click();
  await answer(page, 'readComparison', report(3));
  await expect(area(page).getByRole('table')).toBeVisible();
  await row.getByRole('button', { name: /^Delete/ }).click();
  await row.getByRole('button', { name: /^Delete/ }).click();
  await answer(page, 'deleteComparison', []);
  await expect(row).toHaveCount(0);
  await expect(area(page).getByRole('table')).toHaveCount(0);
});

test('too few, a bad file, and what the lab refuses are said where they were asked for', async ({ page }) => {
  await openFair(page);
  const cost = area(page).getByRole('status', { name: 'What it costs' });
  await area(page).getByRole('checkbox', { name: 'InfoNCE on crops' }).uncheck();
  await expect(cost).toHaveText('Choose at least 2 to compare.');
  await expect(start(page)).toBeDisabled();
  await area(page).getByRole('button', { name: 'Add the settings as they are now' }).click();
  await expect
    .poll(async () => (await asked(page, 'planComparison')).at(-1)?.definition)
    .toMatchObject({
      variants: [{ name: 'Revela' }, { name: 'Settings 1', settings: {} }],
    });
  const error = {
    kind: 'badInput',
    message: 'budget.steps must be above 0.',
    action: 'What was there before is kept.',
  };
  await fail(page, 'planComparison', { ...error, kind: 'badInput' });
  await expect(area(page).getByRole('alert')).toContainText('budget.steps must be above 0.');
  await expect(start(page)).toBeDisabled();

  const chooser = area(page).getByLabel('File of a comparison');
  await chooser.setInputFiles({ name: 'bad.json', mimeType: 'application/json', buffer: Buffer.from('{') });
  await expect(area(page).getByRole('alert').filter({ hasText: 'bad.json is no JSON' })).toBeVisible();
  const file = { title: 'From a file', seeds: [1, 2, 3], budget: { steps: 5 }, grid: { chunks: [4, 8] } };
  const good = { name: 'good.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(file)) };
  await chooser.setInputFiles(good);
  await expect(area(page)).toContainText('As good.json says');
  await expect.poll(async () => (await asked(page, 'planComparison')).at(-1)?.definition).toEqual(file);
  await answer(page, 'planComparison', PLAN);
  await start(page).click();
  expect((await asked(page, 'compare')).at(-1)?.definition).toEqual(file);
  await fail(page, 'compare', { kind: 'badInput', message: 'A run is training.', action: 'Pause it first.' });
  await answerList(page, []);
  await expect(area(page).getByRole('alert').filter({ hasText: 'A run is training. Pause it first.' })).toBeVisible();
});

for (const [scheme, width] of [
  ['light', 1440],
  ['dark', 390],
] as const)
  test(`nothing is cut off, ${scheme}, ${width} px wide`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height: 900 });
    await openFair(page, [entry({ id: 'comparison-2-b', done: 2, canGoOn: true })]);
    await area(page).getByRole('button', { name: 'Show' }).click();
    await answer(page, 'readComparison', report(6));
    await expect(area(page).getByRole('table')).toBeVisible();
    const beyond = await area(page).evaluate((element) => element.scrollWidth - element.clientWidth);
    expect(beyond).toBeLessThanOrEqual(0);
    expect(await violations(page)).toEqual([]);
  });
