import { expect, test, type Page } from '@playwright/test';
import type { KernelsView } from '../../src/lab/door/views.ts';
import { answer, commands, openPage, pause, playTo, stepOf, trainTo, violations } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const SOURCE =
  '// Adds two tensors:\n//   c = a + b\n// One thread per element.\n\n@compute @workgroup_size(64)\nfn main() {\n  let x = 1.5; // once\n}\n';

function kernels(measured: boolean): KernelsView {
  return {
    step: 7,
    measured,
    gpuMs: 12.5,
    rows: [
      { kernel: 'rmsNorm/forward', calls: 40, ms: 6, flops: 2.4e9, bytes: 3.2e7 },
      { kernel: 'inBatchAttention/forward.direct', calls: 2, ms: 3, flops: 4e8, bytes: 2e6 },
      { kernel: 'add/forward', calls: 90, ms: 1, flops: 1e6, bytes: 1.2e7 },
    ],
  };
}

async function open(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Kernels' }).click();
  await expect(page.getByRole('heading', { name: 'Kernels' })).toBeVisible();
}

/** Opens the panel of a page whose lab tells this of its steps, and has one watched. */
async function watch(page: Page, view: KernelsView): Promise<string[]> {
  const complaints = await openPage(page, { kernels: view });
  await open(page);
  await page.getByRole('button', { name: 'Make a step and watch it' }).click();
  await expect.poll(() => stepOf(page)).toBe(1);
  await expect(page.locator('#panel tbody tr')).toHaveCount(view.rows.length);
  return complaints;
}

function firstColumn(page: Page): Promise<string[]> {
  return page.locator('#panel tbody th').allInnerTexts();
}

test('a step is made and watched, and its kernels are listed by their time', async ({ page }) => {
  const complaints = await openPage(page, { kernels: kernels(true) });
  await open(page);
  await expect(page.getByText('A training step is a few hundred launches')).toBeVisible();
  await page.getByRole('button', { name: 'Make a step and watch it' }).click();
  await expect
    .poll(async () => (await commands(page)).map(({ type }) => type))
    .toEqual(['profileStep', 'configure', 'step']);
  await expect(page.locator('#panel tbody tr')).toHaveCount(3);
  expect(await firstColumn(page)).toEqual(['rmsNorm/forward', 'inBatchAttention/forward.direct', 'add/forward']);
  const row = page.getByRole('row', { name: /^rmsNorm/ });
  await expect(row).toContainText('40');
  await expect(row).toContainText('60.0 %');
  await expect(row).toContainText('400');
  await expect(page.getByText('132 launches of 3 kernels')).toBeVisible();
  await expect(page.getByText('the GPU’s own timestamps')).toBeVisible();
  expect(complaints).toEqual([]);
});

test('estimated times are called so, and no rates are made of them', async ({ page }) => {
  await watch(page, kernels(false));
  await expect(page.getByText('Estimated times:')).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'GPU ms (est.)' })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'GFLOP/s' })).toHaveCount(0);
});

test('can be sorted by every column', async ({ page }) => {
  await watch(page, kernels(true));
  await page.getByRole('button', { name: 'Launches' }).click();
  expect(await firstColumn(page)).toEqual(['add/forward', 'rmsNorm/forward', 'inBatchAttention/forward.direct']);
  await expect(page.getByRole('columnheader', { name: 'Launches' })).toHaveAttribute('aria-sort', 'descending');
  await page.getByRole('button', { name: 'Kernel', exact: true }).click();
  expect(await firstColumn(page)).toEqual(['add/forward', 'inBatchAttention/forward.direct', 'rmsNorm/forward']);
});

test('a kernel is read: its formula, and its code in colours', async ({ page }) => {
  await watch(page, kernels(true));
  await page.getByRole('button', { name: 'add/forward', exact: true }).click();
  await expect.poll(async () => (await commands(page)).at(-1)).toEqual({ type: 'kernelSource', name: 'add/forward' });
  await answer(page, 'kernelSource', { code: SOURCE });
  const source = page.getByRole('region', { name: 'Source of add' });
  await expect(source.locator('.formula')).toHaveText('c = a + b');
  await expect(source.locator('.keyword')).toHaveText(['fn', 'let']);
  await expect(source.locator('.comment')).toHaveText('// once');
  await expect(source.locator('code')).not.toContainText('Adds two tensors');
});

test('while training a step is watched now and again; what was seen stays when the panel is closed', async ({
  page,
}) => {
  await openPage(page, { kernels: kernels(true) });
  await trainTo(page, 3);
  await open(page);
  const asked = async (): Promise<number> => (await commands(page)).filter(({ type }) => type === 'profileStep').length;
  await expect.poll(asked).toBe(1);
  await playTo(page, 4);
  await expect(page.locator('#panel tbody tr')).toHaveCount(3);
  await expect.poll(asked).toBe(2);
  await pause(page);
  await page.keyboard.press('Escape');
  await expect(page.locator('#panel')).toHaveCount(0);
  await open(page);
  expect(await firstColumn(page)).toHaveLength(3);
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`axe finds nothing at ${width}, ${colorScheme}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await watch(page, kernels(true));
      await page.getByRole('button', { name: 'add/forward', exact: true }).click();
      await answer(page, 'kernelSource', { code: SOURCE });
      await expect(page.getByRole('region', { name: 'Source of add' })).toBeVisible();
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    });
  }
}
