import type { Page } from 'playwright';
import { amountOf, withBuiltPage } from './builtPage.ts';
import { memoryProbe, type PageMemory } from './pageMemory.ts';
import { formatBytes } from './table.ts';

const USAGE = `Usage: npm run bench:browser-memory -- [--minutes N]

Trains the small preset in the built page for N minutes (default 30) with a pair of chunks chosen, opening one panel of the
page after the other, and prints ten times the JavaScript heaps of the page and of the engine's worker after a collection,
their array buffers, and the page's nodes and listeners. The page keeps every picture of the first 200 steps and thins them
from then on.
`;

/** How long each panel stays open. */
const PANEL_MS = 8000;

/** Entry of `npm run bench:browser-memory`. */
export async function main(args: readonly string[]): Promise<number> {
  const minutes = amountOf('--minutes', args, 30, USAGE);
  if (minutes === undefined) return 2;
  await withBuiltPage(async (page, version) => {
    process.stdout.write(`${version}, ${minutes} minutes\n`);
    await page.getByRole('application').waitFor();
    const probe = await memoryProbe(page);
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page
      .locator('.counter')
      .getByText(/step [1-9]\d*$/)
      .waitFor({ timeout: 600_000 });
    await page.getByRole('application').click();
    const started = performance.now();
    for (let tenth = 0; tenth <= 10; tenth++) {
      await panelsUntil(page, started + (60_000 * minutes * tenth) / 10);
      process.stdout.write(`${await report(page, probe, (performance.now() - started) / 60_000)}\n`);
    }
  });
  return 0;
}

/** Opens the panels in turn until the time has come. */
async function panelsUntil(page: Page, end: number): Promise<void> {
  const tabs = page.getByRole('navigation', { name: 'Panels' }).getByRole('button');
  for (let i = 0; performance.now() < end; i++) {
    await tabs.nth(i % (await tabs.count())).click();
    await page.waitForTimeout(Math.min(PANEL_MS, Math.max(0, end - performance.now())));
  }
}

async function report(page: Page, probe: () => Promise<PageMemory>, minutes: number): Promise<string> {
  const { heap, buffers, workerHeap, workerBuffers, nodes, listeners } = await probe();
  const step = await page.locator('.counter').innerText();
  return (
    `${minutes.toFixed(1).padStart(5)} min  ${step.replace(/\s+/g, ' ')}` +
    `  page ${formatBytes(heap)} + ${formatBytes(buffers)}  worker ${formatBytes(workerHeap)} + ${formatBytes(workerBuffers)}` +
    `  nodes ${nodes}  listeners ${listeners}`
  );
}
