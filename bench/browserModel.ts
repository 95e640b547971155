import { readdir, readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Page } from 'playwright';
import { folderRepository, startFakeHub } from '../tests/harness/fakeHub.ts';
import { withBuiltPage } from './builtPage.ts';
import { formatBytes } from './table.ts';

const USAGE = `Usage: npm run bench:browser -- DIR [--steps N]

Serves a checkpoint's folder as a hub on this machine, opens the built page in a browser, and there looks the model up,
downloads it, and trains N steps (default 1; 0: only loads) of 2 chunks of 32 tokens with adapters of rank 8. Prints times,
losses and the memory of the page's process. A full-size step on a software GPU takes many minutes.
`;

/** How often the page's memory is looked at. */
const SAMPLE_MS = 250;
const PATIENCE_MS = 3_600_000;

/** Entry of `npm run bench:browser`. */
export async function main(args: readonly string[]): Promise<number> {
  const [folder, flag, count = '1'] = args;
  const steps = Number(count);
  if (folder === undefined || (flag !== undefined && flag !== '--steps') || !Number.isInteger(steps) || steps < 0) {
    process.stderr.write(USAGE);
    return 2;
  }
  const id = `bench/${basename(resolve(folder))}`;
  const hub = await startFakeHub({ [id]: await folderRepository(resolve(folder)) });
  try {
    await withBuiltPage(async (page, version) => {
      say(`${version}, ${id}`);
      page.setDefaultTimeout(PATIENCE_MS);
      await measured('looked up', page, () => lookUp(page, hub.url, id));
      await measured('downloaded', page, () => download(page, id));
      await configure(page);
      await measured('loaded and trained', page, () => train(page, steps));
    });
    return 0;
  } finally {
    await hub.close();
  }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Runs a part and tells how long it took and how much the page's process grew at most meanwhile. */
async function measured(what: string, page: Page, work: () => Promise<string>): Promise<void> {
  const started = performance.now();
  const before = await rendererBytes();
  let peak = before;
  let peakGpu = 0;
  const timer = setInterval(() => {
    void rendererBytes().then((bytes) => (peak = Math.max(peak, bytes)));
    void gpuBytes().then((bytes) => (peakGpu = Math.max(peakGpu, bytes)));
  }, SAMPLE_MS);
  try {
    const said = await Promise.race([work(), failure(page)]);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(
      `${what} in ${seconds} s${said}; page's process ${formatBytes(before)}, at most ${formatBytes(peak)} (+${formatBytes(peak - before)}); GPU process at most ${formatBytes(peakGpu)}`,
    );
  } finally {
    clearInterval(timer);
  }
}

/** Rejects with the first alert that the page shows. */
async function failure(page: Page): Promise<never> {
  const alert = page.getByRole('alert').first();
  await alert.waitFor({ state: 'visible' });
  throw new Error(await alert.innerText());
}

async function openPanel(page: Page, name: string): Promise<void> {
  const tab = page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true });
  if ((await tab.getAttribute('aria-current')) !== 'true') await tab.click();
}

async function lookUp(page: Page, hub: string, id: string): Promise<string> {
  await openPanel(page, 'Model');
  await page.getByText('Another hub').click();
  await page.getByRole('textbox', { name: 'Address of a mirror' }).fill(hub);
  await page.keyboard.press('Tab');
  await page.getByRole('textbox', { name: 'Repository' }).fill(id);
  await page.getByRole('button', { name: 'Look up', exact: true }).click();
  const offer = page.getByRole('article', { name: `What ${id} costs` });
  await offer.waitFor();
  return `: ${(await offer.innerText()).replace(/\s+/g, ' ').slice(0, 200)}`;
}

async function download(page: Page, id: string): Promise<string> {
  await page
    .getByRole('article', { name: `What ${id} costs` })
    .getByRole('button', { name: /^Download/ })
    .click();
  await page.getByRole('button', { name: new RegExp(`^Delete ${id}`) }).waitFor();
  return '';
}

async function configure(page: Page): Promise<void> {
  await page.getByRole('combobox', { name: 'Preset' }).selectOption({ label: 'Pretrained, gentle' });
  await page.getByText('in use', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Settings' }).click();
  const values = { 'Chunks per batch': 2, 'Chunk length': 32, 'LoRA rank': 8, 'Held-out batches': 1, 'Save every': 0 };
  for (const [label, value] of Object.entries(values))
    await page.getByRole('textbox', { name: label, exact: true }).fill(String(value));
  await page.keyboard.press('Escape');
}

async function train(page: Page, steps: number): Promise<string> {
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  // Loading is done when something is computed, or compiled for that.
  await page.getByText(/^(Compiling kernels|Computing the first update)/).waitFor();
  if (steps === 0) return ' (loaded; no step was wanted)';
  for (let step = 1; step <= steps; step++) {
    if (step > 1) await page.getByRole('button', { name: 'Step', exact: true }).click();
    await page
      .locator('.counter')
      .getByText(new RegExp(`step ${step}$`))
      .waitFor();
  }
  return `: ${(await page.getByRole('region', { name: 'What is happening' }).innerText()).replace(/\s+/g, ' ').slice(0, 160)}`;
}

const rendererBytes = (): Promise<number> => processBytes('--type=renderer');
const gpuBytes = (): Promise<number> => processBytes('--type=gpu-process');

/** Largest resident memory among the browser's processes of a kind (Linux; 0 elsewhere). */
async function processBytes(kind: string): Promise<number> {
  let largest = 0;
  for (const entry of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue;
    const command = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    if (!command.includes(kind)) continue;
    const status = await readFile(`/proc/${entry}/status`, 'utf8').catch(() => '');
    // Anonymous memory: mapped files (the browser itself) are not the page's.
    largest = Math.max(largest, 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0));
  }
  return largest;
}
