import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import type { KernelsView, TilesView } from '../../src/lab/door/views.ts';
import type { DeviceReport } from '../../src/run/deviceBench/report.ts';
import type { MeasuredChoice, PrecisionReport } from '../../src/run/precision/report.ts';
import type { ScalingReport } from '../../src/run/scaling/report.ts';
import { configure } from '../../src/settings/configuration.ts';
import {
  answer,
  commands,
  openPage,
  pause,
  playTo,
  progress,
  stepOf,
  stopped,
  trainTo,
  violations,
} from './support/openPage.ts';

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

/** Tests that axe finds nothing in what is shown, that nothing runs over and no caption is cut, at such widths and in such colours. */
function testAt(
  show: (page: Page) => Promise<void>,
  sizes: readonly (readonly [width: number, colorScheme: 'light' | 'dark'])[] = [
    [1440, 'light'],
    [390, 'dark'],
  ],
): void {
  for (const [width, colorScheme] of sizes)
    test(`axe finds nothing at ${width} px, ${colorScheme}, and nothing runs over`, async ({ page }) => {
      await page.setViewportSize({ width, height: 844 });
      await page.emulateMedia({ colorScheme });
      await show(page);
      expect(await violations(page)).toEqual([]);
      const over = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(over).toBeLessThanOrEqual(0);
      const cut = await page
        .locator('.measured caption')
        .evaluateAll((captions) =>
          captions.map(
            (caption) =>
              caption.getBoundingClientRect().right - caption.closest('.wide')!.getBoundingClientRect().right,
          ),
        );
      for (const px of cut) expect(px).toBeLessThanOrEqual(0.5);
    });
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

test.describe('how cost grows', () => {
  /** What the lab measured of Revela over B, at two points. */
  function costs(points: number): ScalingReport {
    const all = [4, 8, 16].slice(0, points).map((value) => ({
      value,
      stepMs: 10 * value,
      range: [9 * value, 11 * value] as const,
      peakBytes: 3e6 * value,
      workingBytes: 2e6 * value,
      flops: 1e8 * value,
      tokens: 16 * value,
    }));
    const fit = points > 1 ? { exponent: 1, interval: [0.97, 1.03] as const, coefficient: 10 } : undefined;
    return {
      device: 'Invented GPU',
      software: false,
      configuration: configure({}),
      warmUp: 2,
      steps: 5,
      curves: [
        {
          method: 'sharp',
          label: 'Revela, sharp A (τ 0.0001)',
          axis: 'chunks',
          claim: 1,
          points: all,
          omissions: points > 2 ? [{ value: 32, why: 'It needs 9 GB.' }] : [],
          fits: { stepMs: fit, workingBytes: fit, flops: fit },
        },
      ],
    };
  }

  async function openCosts(page: Page): Promise<string[]> {
    const complaints = await openPage(page);
    await open(page);
    await page.getByRole('radio', { name: 'How cost grows' }).check();
    return complaints;
  }

  test('is measured with progress, drawn, tabled and handed out', async ({ page }) => {
    const complaints = await openCosts(page);
    const part = page.getByRole('region', { name: 'How cost grows' });
    await part.getByRole('button', { name: 'Measure', exact: true }).click();
    const asked = (await commands(page)).find(({ type }) => type === 'measureScaling');
    expect(asked).toMatchObject({ axes: ['chunks'], configuration: configure({}) });
    await progress(page, 'measureScaling', { done: 1, total: 3, now: 'Revela, chunks 8', report: costs(1) });
    await expect(part.getByRole('status')).toHaveText('1 of 3 measured; now Revela, chunks 8.');
    await expect(part.getByRole('row')).toHaveCount(2);
    await answer(page, 'measureScaling', costs(3));
    await expect(part.getByRole('img', { name: 'Training steps on Invented GPU' })).toBeVisible();
    await expect(part.getByRole('row')).toHaveCount(1 + 3 + 1 + 1);
    await expect(part.getByRole('row').last()).toContainText('exponent, claimed 1');
    await expect(part.getByRole('row').last()).toContainText('1.00 (0.97 to 1.03)');
    await expect(part).toContainText('left out: It needs 9 GB.');
    for (const [ending, holds] of [
      ['SVG', '<svg'],
      ['TSV', 'sharp\tchunks\t4\t40'],
      ['JSON', '"device":"Invented GPU"'],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        part.getByRole('button', { name: `Measured costs as ${ending}` }).click(),
      ]);
      expect(await readFile(await download.path(), 'utf8')).toContain(holds);
    }
    expect(complaints).toEqual([]);
  });

  test('waits for no run, and gives way to one; what was measured stays', async ({ page }) => {
    await openCosts(page);
    const part = page.getByRole('region', { name: 'How cost grows' });
    const measure = part.getByRole('button', { name: 'Measure', exact: true });
    await measure.click();
    await progress(page, 'measureScaling', { done: 2, total: 3, now: 'more', report: costs(2) });
    await trainTo(page, 2);
    expect(await stopped(page)).toContain('measureScaling');
    await answer(page, 'measureScaling', costs(2));
    await expect(part.getByRole('status')).toHaveText('Stopped, since training began: times would have been of both.');
    await expect(measure).toBeDisabled();
    await expect(part.getByRole('row')).toHaveCount(1 + 2 + 1);
    await pause(page);
    await expect(measure).toBeEnabled();
  });

  testAt(
    async (page) => {
      await openPage(page);
      await page.getByRole('button', { name: 'Kernels', exact: true }).click();
      await page.getByRole('radio', { name: 'How cost grows' }).check();
      await page.getByRole('button', { name: 'Measure', exact: true }).click();
      await answer(page, 'measureScaling', costs(3));
      await expect(page.getByRole('img', { name: 'Training steps on Invented GPU' })).toBeVisible();
    },
    [
      [1440, 'light'],
      [1280, 'dark'],
      [390, 'light'],
      [390, 'dark'],
    ],
  );
});

test.describe('this device', () => {
  const REPORT: DeviceReport = {
    version: 1,
    date: '2026-03-04',
    host: 'A browser',
    adapter: { vendor: 'acme', architecture: 'anvil', description: '', software: true },
    limits: { maxBufferSize: 1 },
    sizes: 'small',
    roundTripMs: 0.4,
    launchUs: 12,
    peak: { gflops: 3456, gbytes: 98 },
    works: ['forward', 'gradient of the input'].map((way) => ({
      kind: 'product',
      model: 'Qwen2.5-0.5B',
      what: `gate, up, ${way}`,
      shape: '2560 × 9728, K 896, bf16',
      ms: 12.3,
      gflops: 1500,
      gbytes: 20,
      share: 0.434,
      deviation: 0,
    })),
    steps: [{ what: 'a step of the default preset', ms: 8, range: [7, 10], steps: 5, tokens: 96, gflops: 70 }],
    leftOut: ['Qwen2.5-0.5B: o, forward: no time was left.'],
  };

  async function openDevice(page: Page): Promise<string[]> {
    const complaints = await openPage(page);
    await open(page);
    await page.getByRole('radio', { name: 'This device' }).check();
    return complaints;
  }

  test('is measured with progress, tabled and copied; another run of the page ends it', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const complaints = await openDevice(page);
    const part = page.getByRole('region', { name: 'This device' });
    const measure = part.getByRole('button', { name: 'Measure', exact: true });
    await measure.click();
    const asked = (await commands(page)).find(({ type }) => type === 'measureDevice');
    expect(asked).toMatchObject({ host: await page.evaluate(() => navigator.userAgent) });
    await progress(page, 'measureDevice', { done: 3, total: 40, now: 'small: o, forward' });
    await expect(part.getByRole('status')).toHaveText('3 of 40 measured; now small: o, forward.');
    await answer(page, 'measureDevice', REPORT);
    await expect(part.getByRole('row')).toHaveCount(3);
    await expect(part.getByRole('row').last()).toContainText('43 %');
    await expect(part).toContainText('This is no GPU');
    await part.getByText('Left out or smaller (1)').click();
    await expect(part.getByText('no time was left')).toBeVisible();
    await part.getByRole('button', { name: 'Copy as JSON' }).click();
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toContain('"gflops": 3456');
    expect(JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))).toEqual(REPORT);

    await measure.click();
    await trainTo(page, 2);
    expect(await stopped(page)).toContain('measureDevice');
    await answer(page, 'measureDevice', REPORT);
    await expect(part.getByRole('status')).toHaveText('Stopped, since training began: times would have been of both.');
    await expect(measure).toBeDisabled();
    expect(complaints).toEqual([]);
  });

  testAt(async (page) => {
    await openPage(page);
    await page.getByRole('button', { name: 'Kernels', exact: true }).click();
    await page.getByRole('radio', { name: 'This device' }).check();
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await answer(page, 'measureDevice', REPORT);
    await expect(page.getByRole('group', { name: 'Measured kernels' })).toBeVisible();
  });
});

test.describe('tiles', () => {
  const VIEW: TilesView = {
    tiles: ['large', 'medium', 'small'],
    measured: [
      {
        layout: 'NT',
        m: 2560,
        n: 9728,
        k: 896,
        dtype: 'bf16',
        tile: 'medium',
        byRule: 'large',
        times: { large: 8, medium: 6.5, small: 17 },
      },
      { layout: 'TN', m: 896, n: 896, k: 2560, dtype: 'f32', tile: 'small', byRule: 'small', times: { small: 0.4 } },
    ],
    from: 'kept',
    left: 3,
    byClock: true,
    workgroups: 48,
    isByRule: false,
  };

  async function openTiles(page: Page, view: TilesView): Promise<string[]> {
    const complaints = await openPage(page);
    await open(page);
    await page.getByRole('radio', { name: 'Tiles' }).check();
    await expect.poll(async () => (await commands(page)).some(({ type }) => type === 'listTiles')).toBe(true);
    await answer(page, 'listTiles', view);
    return complaints;
  }

  test('what is known is tabled; it is measured anew or given up, and gives way to a run', async ({ page }) => {
    const complaints = await openTiles(page, VIEW);
    const part = page.getByRole('region', { name: 'Tiles' });
    await expect(part.getByRole('status')).toContainText('Measured here before');
    await expect(part.getByRole('status')).toContainText('3 more kinds of products of this run go by rule');
    await expect(part.getByRole('row')).toHaveCount(3);
    await expect(part.getByRole('row').nth(1)).toContainText('x · Wᵀ, forward');
    await expect(part.getByRole('row').nth(1).getByRole('cell')).toHaveText([
      /^2.560 × 9.728, K 896, bf16$/,
      'large',
      'medium',
      '8.00',
      '6.50',
      '17.00',
    ]);
    // A tile that was not measured has no time.
    await expect(part.getByRole('row').nth(2).getByRole('cell').nth(3)).toHaveText('–');

    await expect(part.getByRole('status')).toContainText('takes 48 workgroups to keep this device busy, as measured.');
    const byRule = part.getByRole('checkbox', { name: 'always by rule' });
    await byRule.check();
    expect((await commands(page)).at(-1)).toEqual({ type: 'chooseTiles', byRule: true });
    await answer(page, 'chooseTiles', { ...VIEW, isByRule: true });
    await expect(part.getByRole('status')).toContainText('By rule, as chosen, here and at other visits');
    await expect(part.getByRole('status')).toContainText('what was measured is not used');
    await byRule.uncheck();
    await answer(page, 'chooseTiles', VIEW);
    await expect(part.getByRole('status')).toContainText('Measured here before');

    const measure = part.getByRole('button', { name: 'Measure anew' });
    await measure.click();
    const asked = (await commands(page)).find(({ type }) => type === 'tuneTiles');
    expect(asked).toMatchObject({ anew: true, configuration: configure({}) });
    await expect(part.getByRole('status')).toHaveText('Measuring, for 5 s at most…');
    await answer(page, 'tuneTiles', { ...VIEW, from: 'measured', left: 0 });
    await expect(part.getByRole('status')).toContainText('Measured in this visit.');

    await measure.click();
    await trainTo(page, 2);
    expect(await stopped(page)).toContain('tuneTiles');
    await answer(page, 'tuneTiles', VIEW);
    await expect(part.getByRole('status')).toContainText('Stopped, since training began');
    await expect(measure).toBeDisabled();
    expect(complaints).toEqual([]);
  });

  test('with one tile nothing is to be measured', async ({ page }) => {
    await openTiles(page, { ...VIEW, tiles: ['direct'], measured: [], from: 'rule', left: 0, workgroups: undefined });
    const part = page.getByRole('region', { name: 'Tiles' });
    await expect(part.getByRole('status')).toHaveText(
      'This device has one tile to choose from, so there is nothing to measure.',
    );
    await expect(part.getByRole('button', { name: 'Measure anew' })).toBeDisabled();
  });

  testAt(async (page) => {
    await openTiles(page, VIEW);
    await expect(page.getByRole('group', { name: 'Measured tiles' })).toBeVisible();
  });
});

test.describe('precision', () => {
  const choice = (label: string, changes: Partial<MeasuredChoice>): MeasuredChoice => ({
    matmulPrecision: 'f32',
    reductions: 'subgroups',
    label,
    ms: 9.5,
    usualMs: 10,
    steps: 15,
    deviation: { loss: 0, gradientNorm: 0, gradient: 0, worst: '' },
    ...changes,
  });
  const REPORT: PrecisionReport = {
    device: 'Invented GPU',
    software: false,
    holdsHalf: false,
    measured: [
      choice('16-bit matrix products', {
        matmulPrecision: 'f16',
        reductions: 'memory',
        ms: 7.5,
        deviation: { loss: 0.0002, gradientNorm: 0.001, gradient: 0.012, worst: 'retriever: layers.1.qkv.loraA' },
      }),
      choice('Sums within subgroups', {}),
    ],
    leftOut: ['Both: stopped.'],
  };

  async function openPrecision(page: Page): Promise<string[]> {
    const complaints = await openPage(page);
    await open(page);
    await page.getByRole('radio', { name: 'Precision' }).check();
    return complaints;
  }

  test('choices are measured for the run that is chosen, tabled with what they change, and taken', async ({ page }) => {
    const complaints = await openPrecision(page);
    const part = page.getByRole('region', { name: 'Precision' });
    const measure = part.getByRole('button', { name: 'Measure', exact: true });
    await measure.click();
    expect((await commands(page)).find(({ type }) => type === 'measurePrecision')).toMatchObject({
      configuration: configure({}),
    });
    await expect(part.getByRole('status')).toHaveText('Opening the GPU…');
    await answer(page, 'measurePrecision', REPORT);
    await expect(part).toContainText('It pays here: “16-bit matrix products” takes 25 % less time a step.');
    await expect(part).toContainText('Kernels cannot hold numbers of 16 bits here');
    await expect(part).toContainText('Both: stopped.');
    await expect(part.getByRole('row')).toHaveCount(3);
    await expect(part.getByRole('row').nth(1).getByRole('cell')).toHaveText([
      '7.50',
      '10.00',
      '15',
      '0.02 %',
      '0.1 %',
      '1 %',
      'retriever: layers.1.qkv.loraA',
    ]);
    await expect(part.getByRole('row').nth(2).getByRole('cell').nth(3)).toHaveText('nothing');

    await part.getByRole('button', { name: 'Take “16-bit matrix products” for the next run' }).click();
    await expect(part.getByRole('row').nth(1)).toContainText('(chosen)');
    await measure.click();
    expect((await commands(page)).filter(({ type }) => type === 'measurePrecision').at(-1)).toMatchObject({
      configuration: configure({ matmulPrecision: 'f16' }),
    });
    await part.getByRole('button', { name: 'Stop' }).click();
    expect(await stopped(page)).toContain('measurePrecision');
    await answer(page, 'measurePrecision', REPORT);
    await part.getByRole('button', { name: 'Back to the usual' }).click();
    await expect(part.getByRole('button', { name: 'Back to the usual' })).toHaveCount(0);

    await measure.click();
    await trainTo(page, 2);
    await answer(page, 'measurePrecision', REPORT);
    await expect(part.getByRole('status')).toContainText('Stopped, since training began');
    await expect(measure).toBeDisabled();
    expect(complaints).toEqual([]);
  });

  testAt(async (page) => {
    await openPrecision(page);
    await page.getByRole('button', { name: 'Measure', exact: true }).click();
    await answer(page, 'measurePrecision', REPORT);
    await expect(page.getByRole('group', { name: 'Measured choices' })).toBeVisible();
  });
});
