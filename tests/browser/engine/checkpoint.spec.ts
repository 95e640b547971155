import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { unzipSync } from 'fflate';
import { folderRepository, startFakeHub, type FakeHub } from '../../harness/fakeHub.ts';
import { budget } from '../support/pace.ts';
import { openRealPage, set } from '../support/realPage.ts';
import { pause, stepOf } from '../support/openPage.ts';

// A checkpoint from a hub to a trained retriever and back again, with nothing replaced but the hub's address.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(900_000));
const WITH_COMPILING = { timeout: budget(500_000) };
const REPOSITORY = 'tests/tiny-qwen';

let folder: string;
let hub: FakeHub;
test.beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'revela-checkpoint-'));
  const made = join(folder, 'tiny');
  execFileSync(process.execPath, [
    'scripts/run.mjs',
    'cli',
    'make-checkpoint',
    made,
    '--config',
    'tiny',
    '--seed',
    '1',
  ]);
  hub = await startFakeHub({ [REPOSITORY]: await folderRepository(made) });
});
test.afterAll(async () => {
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

async function openPanel(page: Page, name: string): Promise<void> {
  const tab = page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true });
  if ((await tab.getAttribute('aria-current')) !== 'true') await tab.click();
}

async function download(page: Page): Promise<void> {
  await openPanel(page, 'Model');
  await page.getByText('Another hub').click();
  await page.getByRole('textbox', { name: 'Address of a mirror' }).fill(hub.url);
  await page.keyboard.press('Tab');
  await page.getByRole('textbox', { name: /repository/i }).fill(REPOSITORY);
  expect(hub.requests, 'nothing is fetched before it is asked for').toHaveLength(0);
  await page.getByRole('button', { name: 'Look up', exact: true }).click();
  const offer = page.getByRole('article', { name: `What ${REPOSITORY} costs` });
  await expect(offer.getByText('2 layers of width 64')).toBeVisible();
  const weights = () => hub.requests.filter(({ file, sent }) => file === 'model.safetensors' && sent > 100_000);
  expect(weights(), 'nothing but sizes and the configuration').toHaveLength(0);
  await offer.getByRole('button', { name: /^Download/ }).click();
  await expect(page.getByRole('button', { name: `Delete ${REPOSITORY}` })).toBeVisible();
  expect(weights()).not.toHaveLength(0);
}

test('a checkpoint is fetched, trained with adapters, searched, taken home, and goes on after a reload', async ({
  page,
}) => {
  const misdeeds = await openRealPage(page);
  await download(page);
  await page.getByRole('combobox', { name: 'Preset' }).selectOption({ label: 'Pretrained, gentle' });
  await expect(page.getByText('in use', { exact: true })).toBeVisible();
  await set(page, {
    'Chunks per batch': 4,
    'Chunk length': 32,
    'LoRA rank': 4,
    'Held-out batches': 1,
    'Evaluate every': 1000,
    'Save every': 2,
  });
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(3);
  await pause(page);

  await openPanel(page, 'Search');
  await page.getByRole('searchbox', { name: 'Search the text' }).fill('How is bread baked?');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: /before/i })).toBeVisible(WITH_COMPILING);

  await openPanel(page, 'Take home');
  const zip = page.waitForEvent('download');
  await page.getByRole('button', { name: /^Download adapters/ }).click();
  const archive = unzipSync(new Uint8Array(readFileSync(await (await zip).path())));
  const config = JSON.parse(new TextDecoder().decode(archive['retriever/adapter_config.json'])) as Record<
    string,
    unknown
  >;
  expect(config).toMatchObject({ peft_type: 'LORA', r: 4, base_model_name_or_path: REPOSITORY });
  // Its language model stays as it is; its embeddings are centred.
  expect(Object.keys(archive)).toContain('retriever/centre.safetensors');
  expect(Object.keys(archive)).not.toContain('language-model/adapter_model.safetensors');

  await page.getByRole('button', { name: 'Save now' }).click();
  const steps = await stepOf(page);
  // The run saved itself before; this is the later one.
  await expect(page.getByText(new RegExp(`Last at step ${steps}\\.$`))).toBeVisible();
  hub.requests.length = 0;
  await page.reload();
  await openPanel(page, 'Runs');
  const rows = page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem');
  await expect(rows).toHaveCount(1);
  await rows.getByRole('button').click();
  await page.getByRole('button', { name: 'Go on', exact: true }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBe(steps);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(() => stepOf(page), WITH_COMPILING).toBe(steps + 1);
  expect(hub.requests, 'the stored copy is used').toHaveLength(0);
  expect(misdeeds.errors).toEqual([]);
  // The hub answers from two addresses of this machine, as the real one does.
  expect(misdeeds.requests.filter((url) => new URL(url).hostname !== '127.0.0.1')).toEqual([]);
});
