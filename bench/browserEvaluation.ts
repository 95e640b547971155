import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright';
import { MOST_DOCUMENTS } from '../src/evaluation/collections/collection.ts';
import { textFile, zipChunks } from '../src/files/formats/zipWriter.ts';
import { withBuiltPage } from './builtPage.ts';
import { madeCollection, QUERIES } from './madeCollection.ts';
import { memoryProbe, type PageMemory } from './pageMemory.ts';
import { takeTimes, watchTimes } from './pageTimes.ts';
import { spreadOf } from './spread.ts';
import { formatBytes, formatTable, type Row } from './table.ts';

const COLUMNS = [
  { key: 'name', title: 'what' },
  { key: 'seconds', title: 's' },
  { key: 'input', title: 'input to frame: median, worst, ms' },
  { key: 'gap', title: 'longest between two frames, ms' },
  { key: 'tasks', title: 'tasks of the page over 50 ms' },
  { key: 'processor', title: 'processor, page, s' },
  { key: 'page', title: 'page' },
  { key: 'worker', title: 'worker' },
  { key: 'most', title: 'worker at most, uncollected' },
];

/** Between two inputs: about as fast as people click. */
const EVERY_MS = 150;
const PATIENCE = { timeout: 900_000 };

/**
 * Drops a collection of the largest size on the built page, measures BM25 and TF-IDF and looks at queries, while the matrix is clicked:
 * `npm run bench:browser-evaluation`. Tells for each the time, how soon the page answered meanwhile, and the memory of the page and of its
 * worker after a collection. Where others use the machine too, the processor time of the page's main thread says what of that is its own doing.
 */
export async function main(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'revela-collection-'));
  try {
    const path = join(folder, 'made-up.zip');
    const files = Object.entries(await madeCollection()).map(([name, text]) => textFile(name, text));
    await writeFile(path, zipChunks(files));
    await withBuiltPage(async (page, version) => {
      process.stdout.write(`${version}; ${MOST_DOCUMENTS} documents, ${QUERIES} queries\n`);
      process.stdout.write(`${formatTable(COLUMNS, await measured(page, path))}\n`);
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return 0;
}

async function measured(page: Page, zip: string): Promise<Row[]> {
  await page.getByRole('application').waitFor();
  const stop = page.getByRole('button', { name: 'Stop', exact: true });
  if (await stop.isVisible()) await stop.click();
  await page
    .getByRole('navigation', { name: 'Panels' })
    .getByRole('button', { name: 'Evaluation', exact: true })
    .click();
  const panel = page.getByRole('group', { name: 'Evaluation on labelled queries' });
  const probes = { memory: await memoryProbe(page), processor: await processorProbe(page) };
  await watchTimes(page);
  const rows: Row[] = [];
  const watched = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    rows.push({ name, ...(await watchedWork(page, probes, work)) });
  };
  await watched('nothing, for 5 s', () => page.waitForTimeout(5000));
  await watched('drop and read', async () => {
    await drop(page, panel, zip);
    await panel.getByRole('heading', { name: 'made-up.zip' }).waitFor(PATIENCE);
  });
  const measure = (name: string, id: string) => async (): Promise<void> => {
    for (const other of ['BM25', 'TF-IDF', 'Retriever, untrained', 'Retriever, now'])
      await panel.getByRole('checkbox', { name: other, exact: true }).setChecked(other === name);
    await panel.getByRole('button', { name: 'Measure 1 system' }).click();
    await panel
      .getByRole('rowheader')
      .filter({ hasText: new RegExp(`^\\s*${id}\\s`) })
      .waitFor(PATIENCE);
    await panel.getByText(`${id} is measured.`).waitFor(PATIENCE);
  };
  await watched('BM25: count words, rank, measure', measure('BM25', 'bm25'));
  await watched('TF-IDF, and compare the two', measure('TF-IDF', 'tfidf'));
  await watched('list the queries, and one with its documents', async () => {
    await panel.getByRole('button', { name: /^all [(]/ }).click();
    const queries = panel.getByRole('region', { name: 'Queries' });
    await queries.getByRole('rowheader').first().getByRole('button').click();
    await panel.getByRole('region', { name: 'What bm25 found' }).waitFor(PATIENCE);
  });
  return rows;
}

/** Clicks on the matrix until the work is done, and tells how that went. */
async function watchedWork(
  page: Page,
  probes: { readonly memory: (collect?: boolean) => Promise<PageMemory>; readonly processor: () => Promise<number> },
  work: () => Promise<unknown>,
): Promise<Omit<Row, 'name'>> {
  const box = await page.getByRole('application').boundingBox();
  if (!box) throw new Error('The matrix is not on the page.');
  await takeTimes(page);
  let isDone = false;
  let most = 0;
  const processorBefore = await probes.processor();
  const started = performance.now();
  const working = work().finally(() => (isDone = true));
  const clicking = async (): Promise<void> => {
    for (let i = 0; !isDone; i++) {
      await page.mouse.click(box.x + (i % 2 === 0 ? 0.4 : 0.8) * box.width, box.y + 0.6 * box.height);
      const { workerHeap, workerBuffers } = await probes.memory(false);
      most = Math.max(most, workerHeap + workerBuffers);
      await page.waitForTimeout(EVERY_MS);
    }
  };
  await Promise.all([working, clicking()]);
  const seconds = (performance.now() - started) / 1000;
  const processor = (await probes.processor()) - processorBefore;
  const { responses, frames, longTasks } = await takeTimes(page);
  const { heap, buffers, workerHeap, workerBuffers } = await probes.memory();
  const { median, worst } = spreadOf(responses);
  return {
    seconds: seconds.toFixed(1),
    input: `${median.toFixed(0)}, ${worst.toFixed(0)} (${responses.length})`,
    gap: Math.max(...frames).toFixed(0),
    tasks: longTasks.length,
    processor: processor.toFixed(1),
    page: formatBytes(heap + buffers),
    worker: formatBytes(workerHeap + workerBuffers),
    most: formatBytes(most),
  };
}

/** Seconds of processor time that tasks of the page's main thread have taken. */
async function processorProbe(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN;
  };
}

/** Drops a file of this machine on a panel, as from the desktop. */
async function drop(page: Page, panel: Locator, path: string): Promise<void> {
  const input = await page.evaluateHandle(() => Object.assign(document.createElement('input'), { type: 'file' }));
  await input.setInputFiles(path);
  const dataTransfer = await input.evaluateHandle(({ files }) => {
    const data = new DataTransfer();
    for (const file of files ?? []) data.items.add(file);
    return data;
  });
  await panel.dispatchEvent('drop', { dataTransfer });
}
