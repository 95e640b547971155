import { readFile } from 'node:fs/promises';
import { expect, test, type Download, type Page } from '@playwright/test';
import {
  answer,
  cells,
  commands,
  fail,
  openPage,
  openPanel,
  pause,
  progress,
  stepOf,
  trainTo,
  violations,
} from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const rows = (page: Page) => page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem');
const slider = (page: Page) => page.getByRole('slider', { name: 'Time' });

/** Trains a run of these settings to this step; what was there before is reset. Runs as long as each other look alike. */
async function runOf(page: Page, settings: string, steps = 8): Promise<void> {
  await page.evaluate((code) => (location.hash = `v=1&preset=facts${code}`), settings);
  await page.getByRole('button', { name: 'Reset', exact: true }).click();
  await expect.poll(() => stepOf(page)).toBe(0);
  await trainTo(page, steps);
  await pause(page);
}

/** Three runs: the defaults, 12 steps, then two settings changed, 10 and 8 steps. */
async function threeRuns(page: Page): Promise<void> {
  await openPage(page);
  await trainTo(page, 12);
  await pause(page);
  await runOf(page, '&temperature=0.02', 10);
  await runOf(page, '&attention=uniform', 8);
  await openPanel(page, 'Runs');
  await expect(rows(page)).toHaveCount(3);
}

/** How many runs have pictures in storage. */
async function picturesOf(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((done) => {
        const opening = indexedDB.open('revela-runs');
        opening.onsuccess = () => {
          const keys = opening.result.transaction('pictures').objectStore('pictures').getAllKeys();
          keys.onsuccess = () => {
            opening.result.close();
            // Those of the batch that stays the same stand beside the others of their run.
            done(new Set(keys.result.map((key) => (key as [string, number])[0].replace(/ probe$/, ''))).size);
          };
        };
      }),
  );
}

async function contentOf(download: Download): Promise<string> {
  return readFile(await download.path(), 'utf8');
}

async function downloadBy(page: Page, name: string): Promise<Download> {
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name, exact: true }).click();
  return waiting;
}

test.describe('time', () => {
  test('jumps to where the matrix changed most, and says what changed', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 55);
    await pause(page);
    await page.getByRole('button', { name: 'Previous change' }).click();
    const late = Number(await slider(page).inputValue());
    await expect(page.getByText(new RegExp(`^Around ${late}: attention on the same document .* → `))).toBeVisible();
    await page.getByRole('button', { name: 'Previous change' }).click();
    const early = Number(await slider(page).inputValue());
    expect(early).toBeLessThan(late);
    await page.getByRole('button', { name: 'Next change' }).click();
    await expect(slider(page)).toHaveValue(String(late));
  });

  test('shows the matrix at chosen steps side by side, and travels to one', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Timeline');
    const small = page.getByRole('list', { name: 'Matrices of chosen steps' }).getByRole('button');
    await expect(small.nth(5)).toBeVisible();
    expect(await small.count()).toBeLessThanOrEqual(12);
    await small.nth(3).click();
    const step = /Travel to (\d+)/.exec((await small.nth(3).getAttribute('aria-label')) ?? '')?.[1] ?? '';
    await expect(slider(page)).toHaveValue(step);
    await expect(small.nth(3)).toHaveAttribute('aria-current', 'step');
    await page.getByLabel('Around changes').check();
    await expect(page.getByRole('heading', { name: 'What changed most' })).toBeVisible();
    await page
      .getByRole('button', { name: /^Around \d+: / })
      .first()
      .click();
    expect(await slider(page).inputValue()).not.toBe(step);
  });
});

test.describe('kept runs', () => {
  test('are all there, and outlive the page', async ({ page }) => {
    await threeRuns(page);
    await expect(rows(page).nth(2)).toContainText('Facts, small model');
    await expect(rows(page).nth(1)).toContainText('Temperature τ 0.02');
    await page.reload();
    await openPanel(page, 'Runs');
    await expect(rows(page)).toHaveCount(3);
    await expect(rows(page).nth(0)).toContainText('Facts, uniform control');
  });

  test('can be renamed, duplicated, deleted and had back', async ({ page }) => {
    await threeRuns(page);
    await rows(page).nth(2).getByRole('button').click();
    await page.getByRole('button', { name: 'Rename', exact: true }).click();
    await page.getByRole('textbox', { name: 'Name of the run' }).fill('My first');
    await page.keyboard.press('Enter');
    await expect(rows(page).nth(2)).toContainText('My first');
    await expect(rows(page).nth(2).getByRole('button')).toBeFocused();
    await page.getByRole('button', { name: 'Duplicate' }).click();
    await expect(rows(page)).toHaveCount(4);
    await expect(rows(page).nth(0)).toContainText('My first (copy)');
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(rows(page)).toHaveCount(3);
    await expect(page.getByRole('list', { name: 'Kept runs' })).toBeFocused();
    await page.getByRole('button', { name: 'Undo', exact: true }).click();
    await expect(rows(page).nth(0)).toContainText('My first (copy)');
    await expect(rows(page).nth(0).getByRole('button')).toBeFocused();
    await page.reload();
    await openPanel(page, 'Runs');
    await expect(rows(page)).toHaveCount(4);
  });

  test('go out as one file and come back; a file that is no run is refused and changes nothing', async ({ page }) => {
    await threeRuns(page);
    await rows(page).nth(1).getByRole('button').click();
    const download = await downloadBy(page, 'Export');
    expect(download.suggestedFilename()).toMatch(/\.run\.json$/);
    const content = await contentOf(download);
    const chooser = page.getByLabel('Run file');
    await chooser.setInputFiles({ name: 'back.json', mimeType: 'application/json', buffer: Buffer.from(content) });
    await expect(rows(page)).toHaveCount(4);
    await expect(rows(page).nth(0)).toContainText('Temperature τ 0.02');
    const hostile = content.replace(/"temperature":[\d.]+/, '"temperature":-5');
    await chooser.setInputFiles({ name: 'bad.json', mimeType: 'application/json', buffer: Buffer.from(hostile) });
    await expect(page.getByRole('alert')).toHaveText(/^bad\.json holds no run .*Temperature τ \(temperature\) takes/);
    await expect(rows(page)).toHaveCount(4);
  });

  test('are read beside the page: a monstrous file neither holds it up nor is it shown', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Runs');
    // The panel's code comes when it is opened.
    await page.getByLabel('Run file').waitFor({ state: 'attached' });
    await page.evaluate(() => {
      const run = {
        version: 1,
        configuration: Object.fromEntries(Array.from({ length: 1e6 }, (_, i) => [`k${i}`, i])),
      };
      const given = new DataTransfer();
      given.items.add(new File([JSON.stringify(run)], 'monster\u202enosj.json'));
      const input = document.querySelector<HTMLInputElement>('input[aria-label="Run file"]')!;
      input.files = given.files;
      // The page's own turns while the file is read: none, if reading it were the page's work.
      const turns = { whileRead: 0 };
      Object.assign(window, { turns });
      setInterval(() => {
        if (document.body.textContent.includes('Reading monster')) turns.whileRead++;
      }, 10);
      input.dispatchEvent(new Event('change', { bubbles: true }));
    });
    await expect(page.getByRole('alert')).toHaveText(
      'monsternosj.json holds no run that this page can read: configuration has more than 1000 fields. Your runs are as they were.',
      { timeout: 60_000 },
    );
    await expect(page.getByText(/^Reading monster/)).toHaveCount(0);
    const turns = await page.evaluate(() => (window as unknown as { turns: { whileRead: number } }).turns.whileRead);
    expect(turns).toBeGreaterThan(2);
  });

  test('are shown again like the recorded one, and the own run waits', async ({ page }) => {
    await threeRuns(page);
    const own = await cells(page);
    await rows(page).nth(2).getByRole('button').click();
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await expect(page.getByText('Kept run: Facts, small model', { exact: true })).toBeVisible();
    await expect.poll(() => cells(page)).not.toEqual(own);
    await page.getByRole('button', { name: 'Close Runs' }).click();
    await slider(page).fill('5');
    await expect(page.getByRole('img', { name: /^Loss/ })).toHaveAccessibleName(/ at 5: /);
    await page.getByRole('button', { name: 'Back to your run' }).click();
    await expect.poll(() => cells(page)).toEqual(own);
    expect(await stepOf(page)).toBe(8);
    await page.getByRole('button', { name: 'Step', exact: true }).click();
    await expect.poll(() => stepOf(page)).toBe(9);
  });

  test('are compared in every chart, labelled with what differs, and side by side', async ({ page }) => {
    await threeRuns(page);
    for (const place of [0, 1, 2]) await rows(page).nth(place).getByRole('checkbox').check();
    const lines = page.getByRole('list', { name: 'Lines' }).getByRole('listitem');
    await expect(lines).toHaveText([
      /1\s+Who is read: Uniform, Temperature τ 0.1/,
      /2\s+Who is read: Learned, Temperature τ 0.02/,
      /3\s+Who is read: Learned, Temperature τ 0.1/,
    ]);
    const comparison = page.getByRole('region', { name: 'Comparison' });
    const charts = comparison.getByRole('img', { name: / at \d+: 1 .*, 2 .*, 3 / });
    await expect(charts).toHaveCount(12);
    // Too short a run for held-out scores.
    await expect(comparison.getByRole('img', { name: 'Recall@1, scored batches: no values yet' })).toBeVisible();
    const dashes = await comparison
      .locator('figure')
      .first()
      .locator('path.line')
      .evaluateAll((all) =>
        all.map((one) => `${one.getAttribute('stroke-dasharray')} ${getComputedStyle(one).stroke}`),
      );
    expect(new Set(dashes).size).toBe(3);
    await charts.first().hover({ position: { x: 60, y: 60 } });
    const names = await charts.evaluateAll((all) => all.map((one) => / at (\d+):/.exec(one.ariaLabel ?? '')?.[1]));
    expect(new Set(names).size).toBe(1);
    await comparison.getByText('Matrices', { exact: true }).click();
    await comparison.getByRole('slider', { name: 'Moment of both runs' }).fill('5');
    await expect(comparison.locator('figcaption').getByText(/^(held-out batch, )?step 5$/)).toHaveCount(2);
    const table = comparison.getByRole('table', {
      name: /^Run 2, Who is read: Learned, .*: What each chunk reads most, .*step 5$/,
    });
    await expect(table.getByRole('row')).toHaveCount(9);
    await comparison.getByRole('application', { name: /^Matrix A of run 1, / }).focus();
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    const words = comparison.getByText(/^Chunk 2 reads chunk 4\. Run 1: A [\d.]+, S .*\. Run 2: A [\d.]+, S .*\.$/);
    await expect(words).toBeVisible();
    await expect(comparison.locator('rect.selected')).toHaveCount(2);
  });

  test('are six lines that can be told apart, with the numbers of the list', async ({ page }) => {
    await threeRuns(page);
    for (const place of [2, 3, 4]) {
      await rows(page).nth(place).getByRole('button').click();
      await page.getByRole('button', { name: 'Duplicate' }).click();
      await expect(rows(page)).toHaveCount(place + 2);
    }
    for (const place of [0, 1, 2, 3, 4, 5]) await rows(page).nth(place).getByRole('checkbox').check();
    const lines = page.getByRole('list', { name: 'Lines' }).getByRole('listitem');
    await expect(lines).toHaveCount(6);
    expect(new Set(await lines.allInnerTexts()).size).toBe(6);
    const comparison = page.getByRole('region', { name: 'Comparison' });
    const chart = comparison.getByRole('img', { name: / at \d+: 1 .*, 2 .*, 3 .*, 4 .*, 5 .*, 6 / }).first();
    const styles = await chart
      .locator('path.line')
      .evaluateAll((all) =>
        all.map((one) => `${one.getAttribute('stroke-dasharray')} ${getComputedStyle(one).stroke}`),
      );
    expect(new Set(styles).size).toBe(6);
    // The next run takes no line away.
    await runOf(page, '&seed=3');
    await expect(lines).toHaveCount(6);
    await expect(rows(page).nth(0).getByRole('checkbox')).toBeDisabled();
    await expect(rows(page).nth(1)).toContainText(/^\s*1/);
  });

  test('are missed with a word when storage is full, and training goes on', async ({ page }) => {
    await page.addInitScript(() => {
      IDBObjectStore.prototype.put = () => {
        throw new DOMException('full', 'QuotaExceededError');
      };
    });
    await openPage(page);
    await trainTo(page, 5);
    await pause(page);
    await page.getByRole('button', { name: 'This run is not kept' }).click();
    await expect(page.getByRole('alert')).toContainText('storage is full');
    await page.getByRole('button', { name: 'Step', exact: true }).click();
    await expect.poll(() => stepOf(page)).toBe(6);
  });

  test('are kept after all when another is deleted, and can be had as a file before', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 5);
    await pause(page);
    await openPanel(page, 'Runs');
    await expect(rows(page)).toHaveCount(1);
    // From now on there is no room, until something is deleted.
    await page.evaluate(() => {
      const put = Object.getOwnPropertyDescriptor(IDBObjectStore.prototype, 'put')?.value as (
        this: IDBObjectStore,
        value: { id: string },
      ) => IDBRequest<IDBValidKey>;
      const remove = Object.getOwnPropertyDescriptor(IDBObjectStore.prototype, 'delete')?.value as (
        this: IDBObjectStore,
        key: IDBValidKey | IDBKeyRange,
      ) => IDBRequest<undefined>;
      let isFull = true;
      IDBObjectStore.prototype.put = function (this: IDBObjectStore, value: { id: string }) {
        if (isFull && this.name === 'numbers') throw new DOMException('full', 'QuotaExceededError');
        return put.call(this, value);
      };
      IDBObjectStore.prototype.delete = function (this: IDBObjectStore, key: IDBValidKey | IDBKeyRange) {
        isFull = false;
        return remove.call(this, key);
      };
    });
    await runOf(page, '&temperature=0.02');
    await expect(page.getByRole('alert')).toContainText('storage is full: this run is not kept.');
    await expect(rows(page)).toHaveCount(2);
    await expect(rows(page).nth(0)).toContainText('not kept');
    expect(await picturesOf(page)).toBe(1);
    await rows(page).nth(0).getByRole('button').click();
    const download = await downloadBy(page, 'Export');
    expect(JSON.parse(await contentOf(download))).toMatchObject({ configuration: { temperature: 0.02 } });
    await rows(page).nth(1).getByRole('button').click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(rows(page)).toHaveCount(1);
    await expect(rows(page).nth(0)).not.toContainText('not kept');
    await expect(page.getByRole('button', { name: 'This run is not kept' })).toHaveCount(0);
    await page.reload();
    await openPanel(page, 'Runs');
    await expect(rows(page).nth(0)).toContainText('Temperature τ 0.02');
  });

  test('are added whole or not at all when storage becomes full between their pictures', async ({ page }) => {
    await threeRuns(page);
    await page.evaluate(() => {
      const put = Object.getOwnPropertyDescriptor(IDBObjectStore.prototype, 'put')?.value as (
        this: IDBObjectStore,
        value: { step?: number },
      ) => IDBRequest<IDBValidKey>;
      IDBObjectStore.prototype.put = function (this: IDBObjectStore, value: { step?: number }) {
        if ((value.step ?? 0) > 9) throw new DOMException('full', 'QuotaExceededError');
        return put.call(this, value);
      };
    });
    await rows(page).nth(2).getByRole('button').click();
    await page.getByRole('button', { name: 'Duplicate' }).click();
    await expect(page.getByRole('alert')).toHaveText(/storage is full: Facts, small model \(copy\) was not added\./);
    await expect(rows(page)).toHaveCount(3);
    expect(await picturesOf(page)).toBe(3);
    await expect(rows(page).nth(2).getByRole('button')).toHaveAttribute('aria-pressed', 'true');
  });

  test('leave nothing behind that no list shows', async ({ page }) => {
    await threeRuns(page);
    await page.evaluate(
      () =>
        new Promise<void>((done) => {
          const opening = indexedDB.open('revela-runs');
          opening.onsuccess = () => {
            const transaction = opening.result.transaction(['pictures', 'numbers'], 'readwrite');
            for (const step of [1, 2, 3]) transaction.objectStore('pictures').put({ run: 'aaa', step, record: {} });
            transaction.objectStore('numbers').put({ id: 'zzz' });
            transaction.oncomplete = () => (opening.result.close(), done());
          };
        }),
    );
    expect(await picturesOf(page)).toBe(4);
    await page.getByRole('button', { name: 'Close Runs' }).click();
    await openPanel(page, 'Runs');
    await expect.poll(() => picturesOf(page)).toBe(3);
    await rows(page).nth(2).getByRole('button').click();
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await expect(page.getByText('Kept run: Facts, small model', { exact: true })).toBeVisible();
  });

  test('of an older page are read, and one that is damaged is refused alone', async ({ page }) => {
    const complaints = await openPage(page);
    await trainTo(page, 5);
    await pause(page);
    await runOf(page, '&temperature=0.02');
    await page.reload();
    // The older run lacks a number and a setting; the newer one its steps.
    await page.evaluate(
      () =>
        new Promise<void>((done) => {
          const opening = indexedDB.open('revela-runs');
          opening.onsuccess = () => {
            const transaction = opening.result.transaction(['summaries', 'numbers'], 'readwrite');
            const edit = <Row>(name: string, change: (row: Row) => void): void => {
              const store = transaction.objectStore(name);
              const reading = store.getAll() as IDBRequest<Row[]>;
              reading.onsuccess = () => {
                for (const row of reading.result) {
                  change(row);
                  store.put(row);
                }
              };
            };
            const damaged = new Set<string>();
            edit('summaries', (row: { id: string; configuration: Record<string, unknown> }) => {
              if (row.configuration.temperature === 0.02) damaged.add(row.id);
              delete row.configuration.pooling;
            });
            edit('numbers', (row: { id: string; columns: Record<string, unknown> }) => {
              delete row.columns[damaged.has(row.id) ? 'step' : 'tokensPerSecond'];
            });
            transaction.oncomplete = () => (opening.result.close(), done());
          };
        }),
    );
    await openPanel(page, 'Runs');
    for (const place of [0, 1]) await rows(page).nth(place).getByRole('checkbox').click();
    await expect(rows(page).nth(1).getByRole('checkbox')).toBeChecked();
    await expect(rows(page).nth(0).getByRole('checkbox')).not.toBeChecked();
    await rows(page).nth(0).getByRole('button').click();
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await expect(page.getByRole('alert')).toHaveText(/^This run cannot be read .*columns\.step is missing/);
    await rows(page).nth(1).getByRole('button').click();
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await expect(page.getByText('Kept run: Facts, small model', { exact: true })).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
    expect(complaints).toEqual([]);
  });

  test('last as long as the page where the browser keeps nothing', async ({ page }) => {
    await page.addInitScript(() => Object.defineProperty(window, 'indexedDB', { value: undefined }));
    const complaints = await openPage(page);
    await trainTo(page, 5);
    await pause(page);
    await page.getByRole('button', { name: 'This run is not kept' }).click();
    await expect(page.getByRole('alert')).toHaveText(/does not let the page keep runs .* the one before it, until/);
    await expect(rows(page)).toHaveCount(1);
    await rows(page).nth(0).getByRole('button').click();
    const content = await contentOf(await downloadBy(page, 'Export'));
    const chooser = page.getByLabel('Run file');
    await chooser.setInputFiles({ name: 'back.json', mimeType: 'application/json', buffer: Buffer.from(content) });
    await expect(page.getByRole('alert').last()).toHaveText(/: back\.json was not added\.$/);
    await expect(rows(page)).toHaveCount(1);
    expect(complaints).toEqual([]);
  });

  test('come back after a Reset at a press', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 10);
    await pause(page);
    const before = await cells(page);
    await page.getByRole('button', { name: 'Reset', exact: true }).click();
    await page.getByRole('button', { name: 'Bring it back' }).click();
    await expect.poll(() => cells(page)).toEqual(before);
    await expect(page.getByText(/^Kept run: /).first()).toBeVisible();
    await page.getByRole('button', { name: 'Back to your run' }).click();
    await expect.poll(() => stepOf(page)).toBe(0);
  });
});

test.describe('links', () => {
  test('hold the settings, and set them where they are opened', async ({ page, context }) => {
    await openPage(page);
    await page.getByRole('combobox', { name: 'Preset' }).selectOption({ label: 'Facts, as sharp as the paper' });
    await expect(page).toHaveURL(/#v=1&preset=facts-sharp$/);
    const other = await context.newPage();
    await openPage(other);
    await other.goto('./#v=1&preset=facts&temperature=0.03&seed=9');
    await other.reload();
    await trainTo(other, 1);
    const configured = (await commands(other)).find(({ type }) => type === 'configure');
    expect(configured).toMatchObject({ configuration: { temperature: 0.03, seed: 9, attention: 'learned' } });
  });

  test('follow the back and forward buttons', async ({ page }) => {
    await openPage(page);
    const preset = page.getByRole('combobox', { name: 'Preset' });
    await preset.selectOption({ label: 'Facts, uniform control' });
    await expect(page).toHaveURL(/preset=facts-uniform/);
    await preset.selectOption({ label: 'Facts, as sharp as the paper' });
    await expect(page).toHaveURL(/preset=facts-sharp/);
    await page.goBack();
    await expect(preset).toHaveValue('facts-uniform');
    await page.goBack();
    await expect(preset).toHaveValue('facts');
    await page.goForward();
    await expect(preset).toHaveValue('facts-uniform');
  });

  test('that are hostile are refused with a word, and leave the page as it is', async ({ page }) => {
    const complaints = await openPage(page);
    for (const [code, said] of [
      ['v=1&preset=facts&temperature=-1', /Temperature τ \(temperature\) takes a number/],
      ['v=9&preset=facts', /version "9"/],
      ['v=1&preset=facts&<img src=x onerror=alert(1)>=1', /no setting called|not encoded/],
      ['v=1&preset=facts&__proto__=1', /__proto__/],
    ] as const) {
      await page.evaluate((fragment) => (location.hash = fragment), code);
      await expect(page.getByRole('alert')).toContainText(said);
      await expect(page.getByRole('combobox', { name: 'Preset' })).toHaveValue('facts');
    }
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await trainTo(page, 2);
    expect(complaints).toEqual([]);
  });

  test('are copied at a press, and never hold text', async ({ page, context }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    await page.getByLabel('Your text', { exact: true }).last().fill('A secret that nobody else may read. '.repeat(20));
    await page.getByRole('combobox', { name: 'Text' }).focus();
    await expect(page).toHaveURL(/source=text/);
    await openPanel(page, 'Share');
    await page.getByRole('button', { name: 'Copy link', exact: true }).click();
    await expect(page.getByRole('button', { name: 'Copy link', exact: true })).toHaveText(/Copied/);
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain('source=text');
    expect(copied).not.toContain('secret');
    expect(page.url()).not.toContain('secret');
  });
});

test.describe('exports', () => {
  test('are the matrix and the charts as pictures, and the metrics with units', async ({ page }) => {
    await openPage(page);
    await page.emulateMedia({ colorScheme: 'dark' });
    await trainTo(page, 20);
    await pause(page);
    await openPanel(page, 'Share');
    for (const what of ['Matrix', 'Charts']) {
      const svg = await downloadBy(page, `${what} as SVG`);
      expect(svg.suggestedFilename()).toMatch(/^facts-small-model-(matrix-A-\d+|charts)\.svg$/);
      const content = await contentOf(svg);
      expect(content).toContain('fill="#fcfbf8"');
      const parsed = await page.evaluate((text) => {
        const document = new DOMParser().parseFromString(text, 'image/svg+xml');
        return [document.querySelector('parsererror') === null, document.querySelectorAll('rect').length];
      }, content);
      expect(parsed).toEqual([true, expect.any(Number)]);
      const png = await readFile(await (await downloadBy(page, `${what} as PNG`)).path());
      expect(png.subarray(1, 4).toString()).toBe('PNG');
      expect(png.readUInt32BE(16)).toBeGreaterThan(1500);
    }
    const csv = (await contentOf(await downloadBy(page, 'Metrics as CSV'))).trimEnd().split('\r\n');
    // The names, the fixed batch before the first step, and the steps.
    expect(csv).toHaveLength(22);
    expect(csv[0]).toContain('loss with context (nats/token)');
    expect(csv.slice(1, 3).map((row) => row.split(',')[0])).toEqual(['0', '1']);
    const json = JSON.parse(await contentOf(await downloadBy(page, 'Metrics as JSON'))) as { metrics: unknown[] };
    expect(json.metrics).toHaveLength(20);
  });

  test('ask the lab for embeddings, and hand over what it gives', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 3);
    await pause(page);
    await openPanel(page, 'Share');
    await page.getByRole('button', { name: 'Embeddings as .npy' }).click();
    await expect(page.getByRole('progressbar', { name: 'Embedding' })).toBeVisible();
    expect((await commands(page)).at(-1)).toEqual({ type: 'exportEmbeddings', format: 'npy' });
    await progress(page, 'exportEmbeddings', 0.5);
    await expect(page.getByRole('progressbar', { name: 'Embedding' })).toHaveJSProperty('value', 0.5);
    const waiting = page.waitForEvent('download');
    await answer(page, 'exportEmbeddings', { name: 'embeddings.npy', bytes: Uint8Array.of(1, 2, 3) });
    expect((await waiting).suggestedFilename()).toBe('embeddings.npy');
    await expect(page.getByText('Saved as embeddings.npy.')).toBeVisible();
    await page.getByRole('button', { name: 'Embeddings as .tsv' }).click();
    const error = {
      kind: 'badInput',
      message: 'No chunks.',
      action: 'Choose a text.',
    } as const;
    await fail(page, 'exportEmbeddings', error);
    await expect(page.getByRole('alert')).toHaveText('No chunks. Choose a text.');
  });
});

test.describe('undo and dropping', () => {
  const typed = 'What was typed by hand stays to be had. '.repeat(10);
  const field = (page: Page) => page.locator('#own-text');

  async function dropFile(page: Page, name: string, content: string): Promise<void> {
    await page.evaluate(
      ([file, text]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([text], file));
        document
          .querySelector('.matrix-panel')
          ?.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      },
      [name, content] as const,
    );
  }

  test('typed text outlives another source and a dropped file', async ({ page }) => {
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    await field(page).fill(typed);
    await page.getByRole('tab', { name: 'Facts' }).click();
    await page.getByRole('tab', { name: 'Your text' }).click();
    await expect(field(page)).toHaveValue(typed);
    await dropFile(page, 'notes.md', '# Notes\n\nFrom a file. '.repeat(10));
    await expect(field(page)).toHaveValue(/From a file/);
    await page.getByRole('button', { name: 'Bring back what you typed before' }).click();
    await expect(field(page)).toHaveValue(typed);
    await page.getByRole('button', { name: 'Bring back notes.md' }).click();
    await expect(field(page)).toHaveValue(/From a file/);
  });

  test('a run dropped anywhere goes to the runs', async ({ page }) => {
    await threeRuns(page);
    await rows(page).nth(0).getByRole('button').click();
    const content = await contentOf(await downloadBy(page, 'Export'));
    await page.getByRole('button', { name: 'Close Runs' }).click();
    await dropFile(page, 'dropped.json', content);
    await expect(rows(page)).toHaveCount(4);
    await dropFile(page, 'dropped.json', '{}');
    await expect(page.getByRole('alert')).toContainText('dropped.json holds no run');
  });
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`panels are free of accessibility faults: ${colorScheme}, ${width}`, async ({ page }) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      await openPage(page);
      await trainTo(page, 30);
      await pause(page);
      await runOf(page, '&seed=4', 30);
      await openPanel(page, 'Timeline');
      expect(await violations(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await openPanel(page, 'Runs');
      for (const place of [0, 1]) await rows(page).nth(place).getByRole('checkbox').check();
      await rows(page).nth(1).getByRole('button').click();
      expect(await violations(page)).toEqual([]);
      await page.getByText('Matrices', { exact: true }).click();
      expect(await violations(page)).toEqual([]);
      await page.getByRole('button', { name: 'Open', exact: true }).click();
      await page.keyboard.press('Escape');
      await openPanel(page, 'Share');
      expect(await violations(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    });
  }
}
