import { expect, test } from '@playwright/test';
import { cropRecord, finds, runOf } from '../ui/records.ts';
import { openPage, violations } from './support/openPage.ts';

const records = Array.from({ length: 40 }, (_, i) =>
  cropRecord(i + 1, i < 20 ? {} : { attention: finds([0, 1, 2, 2]), infoNceLoss: 0.6, cropAccuracy: 0.75 }),
);
const scores = { recallAt1: 0.25, chance: 1 / 3, tfidfRecallAt1: 0.9, infoNceLoss: 0.7, cropAccuracy: 0.7 };
const recorded = JSON.stringify({
  ...runOf(records, { objective: 'infoNce', chunks: 4 }),
  evaluations: [{ step: 40, ...scores }],
});

test('a run on crops is shown as what it is: nobody reads, and the diagonal is right', async ({ page }) => {
  const complaints = await openPage(page, { recorded, matrix: 'Crops against crops' });
  await expect(page.getByRole('status').filter({ hasText: '3 of 4 query crops' })).toBeVisible();

  await expect(page.getByRole('radio', { name: 'Probability P' })).toBeChecked();
  await expect(page.locator('path.slash')).toHaveCount(0);
  const table = page.getByRole('table', { name: /^Which passage crop each query crop takes/ });
  await expect(table.getByRole('row', { name: '1 1 0.70 itself' })).toHaveCount(1);
  await page.getByRole('radio', { name: 'Similarity S' }).check();
  // Out of sight where the window is low.
  await expect(page.locator('.key .help')).toContainText('cosine of the embeddings of the two crops');

  await expect(page.getByRole('img', { name: /^Loss \(nats per row\) at 40: InfoNCE 0\.60/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Recall@1 .*held-out 0\.25, chance 0\.33, TF-IDF 0\.90/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Crops matched .*matched 0\.75/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^Gradient norm at 40: retriever 0\.1$/ })).toBeVisible();
  await expect(page.getByText('Tokens below: gain in nats')).toHaveCount(0);
  await expect(page.locator('footer')).toContainText('InfoNCE on crops · τ 0.05');
  await expect(page.locator('footer')).not.toContainText('who is read');

  await page.getByRole('button', { name: 'Inside', exact: true }).click();
  await expect(page.getByText(/^This run is trained for InfoNCE on crops: no chunk reads another/)).toBeVisible();
  await page.getByRole('button', { name: 'Timeline', exact: true }).click();
  await expect(page.getByText(/^Around 21: probability on the right crop 0\.25 → 0\.55/).first()).toBeVisible();
  expect(await violations(page)).toEqual([]);
  expect(complaints).toEqual([]);
});
