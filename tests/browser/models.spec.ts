import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { STOPPED } from '../../src/lab/door/labError.ts';
import { configure } from '../../src/settings/configuration.ts';
import type { DownloadView, ModelsView } from '../../src/lab/door/views.ts';
import { inventedRun } from './support/inventedRun.ts';
import {
  answer,
  commands,
  fail,
  openPage,
  openPanel,
  pause,
  playTo,
  progress,
  refuse,
  say,
  stepOf,
  stopped,
  trainTo,
  violations,
} from './support/openPage.ts';
import {
  asked,
  found,
  list,
  model,
  offer,
  openModels,
  plan,
  QWEN,
  resumed,
  savedRun,
} from './support/scriptedModels.ts';

test.use({ viewport: { width: 1440, height: 900 } });

const GENTLE = 'Pretrained, gentle';

function view(changes: Partial<DownloadView> = {}): DownloadView {
  const rate = { bytesPerSecond: 11.3e6, secondsLeft: 51 };
  const amount = { doneBytes: 412e6, totalBytes: 995.1e6 };
  return { id: QWEN, state: 'downloading', file: 'config.json', ...amount, ...rate, ...changes };
}

const arrive = (page: Page, changes: Partial<DownloadView> = {}) => progress(page, 'downloadModel', view(changes));
const announce = (page: Page, models: ModelsView) => say(page, { type: 'models', models });

async function choose(page: Page, preset: string): Promise<void> {
  await page.getByRole('combobox', { name: 'Preset' }).selectOption(preset);
}

test.describe('a checkpoint', () => {
  test('that is not here leads to where it comes from, and costs nothing before it is asked for', async ({ page }) => {
    const complaints = await openPage(page);
    await choose(page, GENTLE);
    await asked(page, 'listModels');
    await answer(page, 'listModels', list([]));
    const panel = page.getByRole('region', { name: 'Model', exact: true });
    await expect(panel).toContainText(`${QWEN} is not here yet. Look up what it costs`);
    await expect(panel.getByRole('radio', { name: GENTLE })).toBeChecked();
    expect((await commands(page)).map(({ type }) => type)).not.toContain('configure');
    await panel.getByRole('button', { name: 'Look it up' }).click();
    expect(await asked(page, 'describeModel')).toEqual({ type: 'describeModel', id: QWEN });
    await answer(page, 'describeModel', offer());
    const card = panel.getByRole('article');
    await expect(card).toContainText('24 layers of width 896');
    await expect(card).toContainText('995 MB to download and to store; 32.0 GB are free for this page.');
    await card.getByText('4 files').click();
    await expect(card).toContainText('tokenizer.json7.0 MB');
    const { configuration } = await asked(page, 'plan');
    expect(configuration).toMatchObject({ base: 'checkpoint', checkpoint: QWEN, chunks: 8 });
    await answer(page, 'plan', plan(configuration));
    await expect(panel).toContainText('1.6 GB at most of 4.0 GB that it may take');
    expect((await commands(page)).map(({ type }) => type)).not.toContain('downloadModel');
    expect(complaints).toEqual([]);
  });

  test('is downloaded with amount, rate and time left, pauses, goes on, and is trained on', async ({ page }) => {
    await openPage(page, { lastStep: 3 });
    await choose(page, GENTLE);
    await openPanelWhenLed(page);
    await answer(page, 'describeModel', offer());
    await page.getByRole('button', { name: 'Download 995 MB' }).click();
    expect(await asked(page, 'downloadModel')).toEqual({ type: 'downloadModel', id: QWEN });
    await arrive(page);
    await arrive(page, { file: 'model.safetensors' });
    const section = page.getByRole('region', { name: 'Download' });
    await expect(section).toContainText('412 MB of 995 MB · 11.3 MB/s · 51 s left');
    await section.getByText('Files', { exact: true }).click();
    await expect(section.getByRole('listitem').filter({ hasText: 'config.json' }).first()).toContainText('done');
    await expect(section.getByRole('listitem').filter({ hasText: 'model.safetensors' })).toContainText('now');
    await section.getByRole('button', { name: 'Pause' }).click();
    await expect.poll(() => stopped(page)).toContain('downloadModel');
    await arrive(page, { state: 'paused', bytesPerSecond: undefined, secondsLeft: undefined });
    await announce(page, list([model({ state: 'partial', doneBytes: 412e6 })]));
    await fail(page, 'downloadModel', STOPPED);
    await expect(section).toContainText('Paused. What is there is kept');
    await section.getByRole('button', { name: 'Resume' }).click();
    await asked(page, 'downloadModel', 2);
    await arrive(page, { state: 'waiting' });
    await expect(section).toContainText('The connection broke; it is tried again by itself');
    await arrive(page, { state: 'complete', doneBytes: 995.1e6 });
    await announce(page, list([model()]));
    await answer(page, 'downloadModel', undefined);
    await expect(page.getByText('Everything is here. Press Train.')).toBeVisible();
    await page.getByRole('button', { name: 'Train on it' }).click();
    await expect.poll(() => stepOf(page)).toBe(3);
    const sent = await commands(page);
    expect(sent.find(({ type }) => type === 'configure')).toMatchObject({
      configuration: { base: 'checkpoint', checkpoint: QWEN, contextGate: 0.25 },
    });
  });

  test('says what went wrong with it where it was asked for, and keeps what is there', async ({ page }) => {
    await openPage(page);
    await openModels(page);
    await page.getByRole('textbox', { name: 'Repository' }).fill('nobody/nothing');
    await page.getByRole('textbox', { name: 'Revision' }).fill('v2');
    await page.keyboard.press('Enter');
    expect(await asked(page, 'describeModel')).toMatchObject({ id: 'nobody/nothing@v2' });
    const missing = {
      kind: 'network',
      message: 'The hub has no nobody/nothing.',
      action: 'Check the name.',
    } as const;
    await fail(page, 'describeModel', missing);
    await expect(page.getByRole('alert')).toHaveText('The hub has no nobody/nothing. Check the name.');
    await page.getByRole('button', { name: QWEN }).click();
    await asked(page, 'describeModel', 2);
    await expect(page.getByRole('alert')).toHaveCount(0);
    await answer(page, 'describeModel', offer());
    await page.getByRole('button', { name: 'Download 995 MB' }).click();
    await arrive(page);
    const full = {
      kind: 'storage',
      message: 'This browser’s storage is full.',
      action: 'Delete something.',
    } as const;
    await arrive(page, { state: 'failed' });
    await fail(page, 'downloadModel', full);
    await announce(page, list([model({ state: 'partial', doneBytes: 412e6 })]));
    const section = page.getByRole('region', { name: 'Download' });
    await expect(section.getByRole('alert')).toHaveText('This browser’s storage is full. Delete something.');
    await expect(section).toContainText('Stopped. What is there is kept');
    await expect(section.getByRole('button', { name: 'Resume the download' })).toBeEnabled();
    await expect(page.getByRole('button', { name: 'Train', exact: true })).toBeEnabled();
  });

  test('too large for the room there is cannot be begun', async ({ page }) => {
    await openPage(page);
    await openModels(page);
    await announce(page, list([], 500e6));
    await page.getByRole('button', { name: QWEN }).click();
    await answer(page, 'describeModel', offer());
    await expect(page.getByRole('article', { name: /costs$/ })).toContainText(
      'but only 500 MB are free for this page. Delete something first.',
    );
    await expect(page.getByRole('button', { name: 'Download 995 MB' })).toBeDisabled();
  });

  test('is listed, used, and deleted only when that is confirmed', async ({ page }) => {
    await openPage(page);
    await openModels(page, [model(), model({ id: 'local@mine', bytes: 3e8 })]);
    const stored = page.getByRole('region', { name: 'In this browser' });
    await expect(stored).toContainText('1.3 GB of 32.0 GB that this page may store.');
    await stored.getByRole('button', { name: 'Use mine' }).click();
    await expect(page.getByRole('radio', { name: 'Pretrained checkpoint' })).toBeChecked();
    expect(await asked(page, 'configure')).toMatchObject({ configuration: { checkpoint: 'mine', contextGate: 0.25 } });
    await expect(stored.getByText('in use')).toBeVisible();
    await stored.getByRole('button', { name: `Delete ${QWEN}` }).click();
    await expect(stored).toContainText('Delete 988 MB?');
    await page.keyboard.press('Escape');
    await expect(stored).not.toContainText('Delete 988 MB?');
    await expect(stored.getByRole('button', { name: `Delete ${QWEN}` })).toBeFocused();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    expect(await asked(page, 'deleteModel')).toMatchObject({ id: model().id });
    await announce(page, list([model({ id: 'local@mine', bytes: 3e8 })]));
    await answer(page, 'deleteModel', undefined);
    await expect(stored.getByRole('listitem')).toHaveCount(1);
  });

  test('comes from a folder that is chosen or dropped', async ({ page }) => {
    await openPage(page);
    await openModels(page);
    await page.getByLabel('Model files').setInputFiles([
      { name: 'config.json', mimeType: 'application/json', buffer: Buffer.from('{}') },
      { name: 'model.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.alloc(1000) },
    ]);
    await page.getByRole('textbox', { name: 'Call it' }).fill('My model (new)');
    await page.getByRole('checkbox', { name: 'keep a copy' }).check();
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    const first = await asked(page, 'openFolder');
    expect([first.name, first.keep, first.files.map(({ path }) => path)]).toEqual([
      'My-model-new',
      true,
      ['config.json', 'model.safetensors'],
    ]);
    const error = {
      kind: 'badInput',
      message: 'tokenizer.json is missing.',
      action: 'Add it.',
    } as const;
    await fail(page, 'openFolder', error);
    await expect(page.getByRole('alert')).toHaveText('tokenizer.json is missing. Add it.');
    const transfer = await page.evaluateHandle(() => {
      const files = new DataTransfer();
      files.items.add(new File(['{}'], 'config.json'));
      return files;
    });
    await page.locator('#panel .panel').dispatchEvent('drop', { dataTransfer: transfer });
    await expect(page.getByText('1 file, 2 B')).toBeVisible();
    await page.getByRole('button', { name: 'Forget it' }).click();
    const folder = join(await mkdtemp(join(tmpdir(), 'revela-')), 'Qwen tiny');
    await mkdir(folder);
    await writeFile(join(folder, 'config.json'), '{}');
    await page.getByLabel('Model folder').setInputFiles(folder);
    await expect(page.getByRole('textbox', { name: 'Call it' })).toHaveValue('Qwen-tiny');
    await page.getByRole('textbox', { name: 'Call it' }).fill('dropped');
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    expect((await asked(page, 'openFolder', 2)).files.map(({ path }) => path)).toEqual(['Qwen tiny/config.json']);
    await announce(page, list([model({ id: 'dropped', state: 'open', bytes: 2 })]));
    await answer(page, 'openFolder', { id: 'dropped' });
    expect(await asked(page, 'configure')).toMatchObject({
      configuration: { base: 'checkpoint', checkpoint: 'dropped' },
    });
    await expect(page.getByRole('textbox', { name: 'Call it' })).toHaveCount(0);
  });

  test('that is missing when Train is pressed says where to get it', async ({ page }) => {
    await openPage(page);
    await openModels(page);
    await page.getByRole('radio', { name: 'Pretrained checkpoint' }).check();
    await page.keyboard.press('Escape');
    const error = {
      kind: 'badSetting',
      setting: 'checkpoint',
      message: `${QWEN} is not in this browser yet.`,
      action: 'Get it first.',
    } as const;
    await refuse(page, error);
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.getByRole('button', { name: 'Open Model' }).click();
    await expect(page.getByRole('region', { name: 'Model', exact: true })).toBeVisible();
  });
});

/** A preset with nothing here opens the panel; says so, and that there is room. */
async function openPanelWhenLed(page: Page): Promise<void> {
  await asked(page, 'listModels');
  await answer(page, 'listModels', list([]));
  await asked(page, 'listModels', 2);
  await answer(page, 'listModels', list([]));
  await page.getByRole('button', { name: 'Look it up' }).click();
  await asked(page, 'describeModel');
}

test.describe('the memory plan', () => {
  test('follows the settings, refuses what cannot fit, and applies the nearest that does', async ({ page }) => {
    await openPage(page);
    await openModels(page, [model()]);
    await page.getByRole('radio', { name: 'Pretrained checkpoint' }).check();
    await page.getByText('Settings that decide it').click();
    await page.getByRole('textbox', { name: 'Chunks per batch' }).fill('32');
    await expect.poll(async () => (await asked(page, 'plan')).configuration.chunks).toBe(32);
    const { configuration } = await asked(page, 'plan');
    const refusal = 'This run needs 9.0 GB, but may take 4.0 GB.';
    await answer(
      page,
      'plan',
      plan(configuration, { refusal, peak: 9e9, activations: 8e9, nearest: { chunks: 12, precision: 'int8' } }),
    );
    const section = page.getByRole('region', { name: 'GPU memory it will take' });
    await expect(section.getByRole('alert')).toContainText(refusal);
    await expect(page.getByText('but the run needs more memory than it may take')).toBeVisible();
    await expect(section).toContainText('Chunks per batch 32 → 12, Base weights as As stored → int8');
    await section.getByRole('button', { name: 'Take it' }).click();
    await expect(page.getByRole('textbox', { name: 'Chunks per batch' })).toHaveValue('12');
    await expect.poll(async () => (await asked(page, 'plan')).configuration.precision).toBe('int8');
    await answer(page, 'plan', plan((await asked(page, 'plan')).configuration));
    await expect(section.getByRole('alert')).toHaveCount(0);
  });

  test('shows how far int8 weights are from the stored ones', async ({ page }) => {
    await openPage(page);
    await openModels(page, [model()]);
    await page.getByRole('radio', { name: 'Pretrained checkpoint' }).check();
    await page.getByText('Settings that decide it').click();
    await page.getByRole('combobox', { name: 'Base weights as' }).selectOption('int8');
    await page.keyboard.press('Escape');
    await trainTo(page, 2);
    await pause(page);
    await say(page, { type: 'quantised', worstError: 0.00712 });
    await openPanel(page, 'Model');
    await expect(page.getByText('differ from the stored ones by at most 0.71 %')).toBeVisible();
  });
});

test.describe('search', () => {
  test('teaches, embeds with progress, ranks, and shows what training moved', async ({ page }) => {
    const complaints = await openPage(page);
    await trainTo(page, 3);
    await pause(page);
    await openPanel(page, 'Search');
    await expect(page.getByRole('searchbox')).toBeFocused();
    await page.getByRole('searchbox').fill('how to bake bread');
    await page.keyboard.press('Enter');
    expect(await asked(page, 'search')).toEqual({ type: 'search', query: 'how to bake bread', limit: 10 });
    await progress(page, 'search', 0.4);
    await expect(page.getByText('Embedding the chunks: 40 %')).toBeVisible();
    await answer(page, 'search', found('how to bake bread', 3));
    const after = page.getByRole('region', { name: 'After training' });
    await expect(after.getByRole('listitem')).toHaveCount(5);
    await expect(after.getByRole('listitem').first()).toContainText('rank 5 before training');
    await expect(page.getByRole('region', { name: 'Before training' }).getByRole('listitem').last()).toContainText(
      '▲4',
    );
    await expect(page.getByRole('region', { name: 'BM25' }).getByRole('listitem')).toHaveCount(2);
    const right = page.getByRole('status', { name: 'The right answer' });
    await expect(right).toContainText('Click a chunk that answers the query');
    await after.getByRole('button', { name: /Salt early/ }).click();
    await expect(page.getByRole('button', { name: /Salt early/, expanded: true })).toHaveCount(2);
    await expect(right).toHaveText(
      'The first chunk of “Salt”, which you chose: rank 3 after training, rank 3 before training, not found by BM25, not found by TF-IDF.',
    );
    await page.getByRole('button', { name: 'for numpy' }).click();
    expect(await asked(page, 'exportEmbeddings')).toMatchObject({ format: 'npy' });
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Step' }).click();
    await openPanel(page, 'Search');
    await page.getByRole('button', { name: 'Search again' }).click();
    await asked(page, 'search', 2);
    expect(complaints).toEqual([]);
  });

  test('is stopped, and works before any training', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Search');
    await expect(page.getByText('The retriever has learnt nothing yet')).toBeVisible();
    await page.locator('.empty').getByRole('button').first().click();
    await asked(page, 'search');
    expect((await commands(page)).map(({ type }) => type)).toEqual(['configure', 'search']);
    await page.getByRole('search').getByRole('button', { name: 'Stop' }).click();
    await expect.poll(() => stopped(page)).toEqual(['search']);
    await fail(page, 'search', STOPPED);
    await expect(page.getByText('Stopped. The next search embeds the rest.')).toBeVisible();
    await page.getByRole('search').getByRole('button', { name: 'Search' }).click();
    await asked(page, 'search', 2);
    const error = {
      kind: 'outOfMemory',
      message: 'The GPU has no room.',
      action: 'Take shorter chunks.',
    } as const;
    await fail(page, 'search', error);
    await expect(page.getByRole('alert')).toHaveText('The GPU has no room. Take shorter chunks.');
    await expect(page.getByRole('search').getByRole('button', { name: 'Search' })).toBeEnabled();
  });
});

test.describe('taking home', () => {
  test('hands files to the browser, named by what they are', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Take home');
    await expect(page.getByRole('button', { name: 'Download models' })).toBeDisabled();
    await page.keyboard.press('Escape');
    await trainTo(page, 3);
    await pause(page);
    await openPanel(page, 'Take home');
    await page.getByRole('button', { name: 'Download models' }).click();
    await asked(page, 'exportAdapters');
    const saving = page.waitForEvent('download');
    await answer(page, 'exportAdapters', { name: 'revela-step-3.zip', bytes: Uint8Array.of(80, 75, 3, 4) });
    expect((await saving).suggestedFilename()).toBe('revela-step-3.zip');
    await expect(page.getByText('Handed to the browser: revela-step-3.zip (4 B).')).toBeVisible();
    await expect(page.getByRole('region', { name: 'Python code' })).toContainText('AutoModel.from_pretrained(folder)');
  });

  test('hands the run over with batches for as many steps as asked, and says why it cannot', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 3);
    await pause(page);
    await openPanel(page, 'Take home');
    const part = page.getByRole('region', { name: 'Go on in PyTorch' });
    const [steps, button] = [part.getByLabel('Batches for'), part.getByRole('button')];
    await steps.fill('0');
    await expect(part.getByRole('alert')).toHaveText('Choose a whole number of steps from 1 to 100,000.');
    await expect(button).toBeDisabled();
    await steps.fill('250');
    await button.click();
    expect(await asked(page, 'handOver')).toEqual({ type: 'handOver', steps: 250 });
    await fail(page, 'handOver', {
      kind: 'badInput',
      message: 'REPLUG cannot be handed over.',
      action: 'Train it here.',
    });
    await expect(part.getByRole('alert')).toHaveText('REPLUG cannot be handed over. Train it here.');
    await button.click();
    await asked(page, 'handOver', 2);
    const saving = page.waitForEvent('download');
    await answer(page, 'handOver', { name: 'revela-handover-step-3.zip', bytes: Uint8Array.of(80, 75, 3, 4) });
    expect((await saving).suggestedFilename()).toBe('revela-handover-step-3.zip');
    await expect(part.getByRole('status')).toHaveText('Handed to the browser: revela-handover-step-3.zip (4 B).');
    await expect(part.getByRole('alert')).toHaveCount(0);
  });

  test('says how far the job is, and stops it when told', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 3);
    await pause(page);
    await openPanel(page, 'Take home');
    const part = page.getByRole('region', { name: 'Go on in PyTorch' });
    await part.getByRole('button', { name: 'Download job' }).click();
    await asked(page, 'handOver');
    await progress(page, 'handOver', { detail: 'Writing batches', fraction: 0.425 });
    await expect(part.getByRole('status')).toHaveText('Writing batches: 42 % …');
    await expect(part.getByRole('progressbar')).toHaveAttribute('value', '0.425');
    await part.getByRole('button', { name: 'Stop' }).click();
    expect(await stopped(page)).toEqual(['handOver']);
    await expect(part.getByRole('status')).toHaveText('Stopped. The run is as it was.');
    await fail(page, 'handOver', STOPPED);
    await expect(part.getByRole('alert')).toHaveCount(0);
    await part.getByRole('button', { name: 'Download job' }).click();
    await asked(page, 'handOver', 2);
    await expect(part.getByRole('status')).toHaveText('Looking at the next step …');
    expect(await violations(page)).toEqual([]);
  });

  test('takes adapters back, and says why it cannot', async ({ page }) => {
    await openPage(page);
    await openModels(page, [model()]);
    await page.getByRole('radio', { name: 'Pretrained checkpoint' }).check();
    await page.keyboard.press('Escape');
    await openPanel(page, 'Take home');
    const zip = { name: 'adapters.zip', mimeType: 'application/zip', buffer: Buffer.from([80, 75, 3, 4]) };
    await page.getByLabel('Adapter files').setInputFiles(zip);
    expect((await asked(page, 'importAdapters')).files.map(({ path }) => path)).toEqual(['adapters.zip']);
    const error = {
      kind: 'badInput',
      message: 'It has rank 4, but this run has rank 16.',
      action: 'Set the rank to 4.',
      settings: { trained: 'lora', rank: 4, alpha: 8, loraTargets: 'q,v' },
    } as const;
    await fail(page, 'importAdapters', error);
    await expect(page.getByRole('alert')).toContainText('It has rank 4, but this run has rank 16. Set the rank to 4.');
    await page.getByRole('button', { name: 'Begin a run with rank 4, alpha 8 on q, v' }).click();
    expect((await asked(page, 'importAdapters', 2)).files.map(({ path }) => path)).toEqual(['adapters.zip']);
    expect((await commands(page)).findLast(({ type }) => type === 'configure')).toMatchObject({
      configuration: error.settings,
    });
    await answer(page, 'importAdapters', { detail: 'Adapters of the retriever are loaded.' });
    await expect(page.getByText('Adapters of the retriever are loaded.')).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(page.getByText('They have learnt nothing here yet: train first.')).toBeVisible();
    await openPanel(page, 'Search');
    await expect(page.getByText('The retriever has the adapters that were put under it')).toBeVisible();
    await page.getByRole('searchbox').fill('bread');
    await page.keyboard.press('Enter');
    await asked(page, 'search');
    await answer(page, 'search', found('bread', 0));
    await expect(page.getByText('step 0, on adapters put under the run')).toBeVisible();
    // Others take their place: what was found before is not of them.
    await openPanel(page, 'Take home');
    await page.getByLabel('Adapter files').setInputFiles(zip);
    await asked(page, 'importAdapters', 3);
    await answer(page, 'importAdapters', { detail: 'Adapters of the retriever are loaded.' });
    await openPanel(page, 'Search');
    await expect(page.getByText('Found at step 0; the retriever has other adapters since.')).toBeVisible();
    // A run that begins anew has none of them.
    await say(page, { type: 'opened', id: 'run-2' });
    await openPanel(page, 'Take home');
    await expect(page.getByText('Nothing has been learnt yet: train first.')).toBeVisible();
    await expect(page.getByText('Adapters of the retriever are loaded.')).toHaveCount(0);
  });

  test('saves runs, lists them, and offers the last one on the next visit', async ({ page }) => {
    await openPage(page);
    expect(await commands(page)).toEqual([]);
    await trainTo(page, 3);
    await pause(page);
    await openPanel(page, 'Take home');
    await page.getByRole('button', { name: 'Save now' }).click();
    await asked(page, 'saveRun');
    const own = savedRun({ id: 'run-1', name: 'Small models on Facts', step: 3, bytes: 2e6 });
    await say(page, { type: 'saved', run: own });
    await answer(page, 'saveRun', { step: 3 });
    await expect(page.getByText('Last at step 3.')).toBeVisible();
    await page.getByRole('region', { name: 'The whole run' }).getByRole('button', { name: 'Runs' }).click();
    await asked(page, 'listSavedRuns');
    await answer(page, 'listSavedRuns', [own, savedRun()]);
    const rows = page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem');
    await expect(rows.nth(0)).toContainText(/Facts, small model.* · goes on at step 3 \(2\.0 MB\)/);
    await expect(rows.nth(1)).toContainText('4 Mar, 12:30 · no record · goes on at step 120 (106 MB)');
    await expect(rows.nth(1).getByRole('checkbox')).toBeDisabled();
    await page.reload();
    await asked(page, 'listSavedRuns');
    await answer(page, 'listSavedRuns', [savedRun()]);
    await expect(page.getByText('The kitchen on Qwen2.5-0.5B, step 120.')).toBeVisible();
    await page.getByRole('button', { name: 'Go on with it' }).click();
    expect(await asked(page, 'resumeRun')).toEqual({ type: 'resumeRun', id: 'one' });
    await say(page, { type: 'opened', id: 'one' });
    await answer(page, 'resumeRun', resumed(120));
    await say(page, { type: 'state', state: 'paused', detail: 'Paused' });
    await expect.poll(() => stepOf(page)).toBe(120);
    await page.getByRole('button', { name: 'What is happening' }).click();
    await expect(page.getByRole('img', { name: /^Loss/ })).toHaveAccessibleName(/ at 120: /);
    await openPanel(page, 'Runs');
    // It has a record from now on, and stands once in the list.
    await expect(rows).toHaveText([/Facts, small model/, /The kitchen on Qwen2\.5-0\.5B.*this run · 120 steps/]);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Settings' }).click();
    await expect(page.getByRole('textbox', { name: 'Seed' })).toHaveValue('7');
    await expect(page.getByText('waiting')).toHaveCount(0);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Step', exact: true }).click();
    expect((await commands(page)).map(({ type }) => type)).not.toContain('configure');
  });

  test('says so when a run cannot be put back, or cannot be saved, and the run goes on', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Runs');
    await asked(page, 'listSavedRuns');
    await answer(page, 'listSavedRuns', [savedRun()]);
    await page.getByRole('button', { name: /^The kitchen/ }).click();
    await page.getByRole('button', { name: 'Go on', exact: true }).click();
    await asked(page, 'resumeRun');
    const broken = {
      kind: 'badInput',
      message: 'The saved run is cut short.',
      action: 'Delete it.',
    } as const;
    await fail(page, 'resumeRun', broken);
    await asked(page, 'listSavedRuns', 2);
    await answer(page, 'listSavedRuns', [savedRun()]);
    await expect(page.getByRole('alert')).toHaveText('The saved run is cut short. Delete it.');
    await page.keyboard.press('Escape');
    await trainTo(page, 3);
    const full = {
      kind: 'storage',
      message: 'The storage is full.',
      action: 'Delete something.',
    } as const;
    await say(page, { type: 'notSaved', error: full });
    await expect(page.getByRole('alert')).toContainText(
      'The run goes on, but could not be saved. The storage is full.',
    );
    await playTo(page, 6);
    await say(page, { type: 'saved', run: savedRun({ id: 'run-1', step: 20 }) });
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('hands out a run with its weights, and deletes it when told twice', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Runs');
    await asked(page, 'listSavedRuns');
    await answer(page, 'listSavedRuns', [savedRun()]);
    await page.getByRole('button', { name: /^The kitchen/ }).click();
    await expect(page.getByRole('button', { name: 'Open', exact: true })).toBeDisabled();
    await page.getByRole('button', { name: 'Export with weights' }).click();
    expect(await asked(page, 'exportSavedRun')).toEqual({ type: 'exportSavedRun', id: 'one' });
    const saving = page.waitForEvent('download');
    await answer(page, 'exportSavedRun', { name: 'revela-run-step-120.safetensors', bytes: Uint8Array.of(1, 2) });
    expect((await saving).suggestedFilename()).toBe('revela-run-step-120.safetensors');
    const deleting = page.getByRole('button', { name: /^Delete The kitchen/ });
    await deleting.click();
    await expect(page.getByText('Its weights cannot be had back. Delete it?')).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(deleting).toBeFocused();
    await deleting.click();
    await deleting.click();
    expect(await asked(page, 'deleteSavedRun')).toEqual({ type: 'deleteSavedRun', id: 'one' });
    await answer(page, 'deleteSavedRun', []);
    await expect(page.getByText('No run yet.')).toBeVisible();
    await expect(page.getByRole('region', { name: 'Kept in this browser' })).toBeFocused();
  });

  test('opens a run file, which brings its settings and text', async ({ page }) => {
    await openPage(page);
    await openPanel(page, 'Take home');
    await page
      .getByLabel('Run file')
      .setInputFiles({ name: 'run.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.alloc(8) });
    await asked(page, 'importRun');
    const configuration = configure({ source: 'text', chunks: 16, groupSize: 4, seed: 3 });
    await answer(page, 'importRun', {
      id: 'new',
      isCopy: false,
      without: undefined,
      configuration,
      text: { files: [{ name: 'Mine', text: 'Once I was here.' }] },
      title: 'Mine',
      step: 40,
      run: undefined,
      corpus: inventedRun(1).corpus,
    });
    await say(page, { type: 'state', state: 'paused', detail: 'Paused' });
    await expect.poll(() => stepOf(page)).toBe(40);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('textbox', { name: 'Your text' })).toHaveValue('Once I was here.');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await asked(page, 'train');
    expect((await commands(page)).map(({ type }) => type)).not.toContain('configure');
  });
});

test.describe('for everybody', () => {
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`axe finds nothing at ${width} in ${colorScheme}`, async ({ page }) => {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await openPage(page);
        await openModels(page, [model(), model({ id: 'a/b@main', state: 'partial', doneBytes: 1e8 })]);
        await page.getByRole('radio', { name: 'Pretrained checkpoint' }).check();
        await page.getByRole('button', { name: 'Look up HuggingFaceTB/SmolLM2-135M' }).click();
        await answer(page, 'describeModel', offer({ id: 'HuggingFaceTB/SmolLM2-135M' }));
        const other = 'HuggingFaceTB/SmolLM2-135M';
        await expect.poll(async () => (await asked(page, 'plan')).configuration.checkpoint).toBe(other);
        const { configuration } = await asked(page, 'plan');
        await answer(page, 'plan', plan(configuration, { refusal: 'Too much.', nearest: { chunks: 4 } }));
        await page.getByText('Settings that decide it').click();
        expect(await violations(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        await page.keyboard.press('Escape');
        await openPanel(page, 'Search');
        await page.getByRole('searchbox').fill('bread');
        await page.keyboard.press('Enter');
        await asked(page, 'search');
        await answer(page, 'search', found('bread', 0));
        await page
          .getByRole('button', { name: /Salt early/ })
          .first()
          .click();
        expect(await violations(page)).toEqual([]);
        await page.keyboard.press('Escape');
        await openPanel(page, 'Take home');
        expect(await violations(page)).toEqual([]);
        await page.keyboard.press('Escape');
        await openPanel(page, 'Runs');
        await asked(page, 'listSavedRuns');
        await answer(page, 'listSavedRuns', [savedRun()]);
        await page.getByRole('button', { name: /^The kitchen/ }).click();
        await page.getByRole('button', { name: /^Delete The kitchen/ }).click();
        expect(await violations(page)).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      });
    }
  }
});
