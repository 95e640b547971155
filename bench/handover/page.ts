import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import type { Download, Locator, Page } from 'playwright';
import { memorySource } from '../../src/files/formats/byteSource.ts';
import type { RunRecord } from '../../src/run/record.ts';
import { readRun } from '../../src/run/saving.ts';
import { stepOf, waitForStep } from '../../tests/browser/support/counter.ts';
import { withoutStory } from '../../tests/browser/support/withoutStory.ts';

/** Loading and compiling on a software GPU take long. */
const PATIENCE_MS = 300_000;

/** What a query finds, best first. */
export interface Found {
  readonly query: string;
  readonly chunks: readonly string[];
}

/** Uses the page as somebody would who hands a run over and takes it back: by its buttons, and by dropping files from a folder. */
export class HandoverPage {
  /** @param code the settings of the run, as links have them */
  constructor(
    private readonly page: Page,
    private readonly code: string,
  ) {
    page.setDefaultTimeout(PATIENCE_MS);
  }

  /** Opens the page anew, at step 0 of a run on the checkpoint in a folder. */
  async open(checkpoint: string): Promise<void> {
    const { page } = this;
    await withoutStory(page);
    // Another address each time, so that the page is loaded again; what it keeps is of its origin.
    await page.goto(`${new URL('./', page.url()).href}?${Date.now()}#${this.code}`);
    await this.openPanel('Model');
    await this.drop(page.getByRole('heading', { name: 'From a folder of yours' }), checkpoint);
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.getByText('Everything is here. Press Train.').waitFor();
  }

  /** Single steps up to a step. */
  async stepTo(step: number): Promise<void> {
    for (let at = (await stepOf(this.page)) || 0; at < step; at++) {
      await this.page.getByRole('button', { name: 'Step', exact: true }).click();
      await waitForStep(this.page, at + 1, PATIENCE_MS);
    }
  }

  /** Downloads the job and unpacks it. Returns how many files it has. */
  async handOver(steps: number, folder: string): Promise<number> {
    await this.openPanel('Take home');
    const part = this.page.getByRole('region', { name: 'Go on in PyTorch' });
    await part.getByLabel('Batches for').fill(String(steps));
    const files = unzipSync(await this.download(part.getByRole('button', { name: 'Download job' })));
    await rm(folder, { recursive: true, force: true });
    for (const [name, bytes] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), bytes);
    }
    return Object.keys(files).length;
  }

  /** What the run was, from the file that it is taken home as. */
  async record(): Promise<RunRecord> {
    await this.openPanel('Take home');
    const bytes = await this.download(this.page.getByRole('button', { name: 'Download run', exact: true }));
    const { record } = await readRun(memorySource('run.safetensors', bytes));
    if (!record) throw new Error('The run that was taken home has no record.');
    return record;
  }

  /** What the retriever as it is finds for each query. */
  async search(queries: readonly string[]): Promise<Found[]> {
    const { page } = this;
    await this.openPanel('Search');
    const found: Found[] = [];
    for (const query of queries) {
      await page.getByRole('searchbox', { name: 'Search the text' }).fill(query);
      await page.keyboard.press('Enter');
      await page.getByText(`ranked for “${query}”`).waitFor();
      const hits = page.getByRole('region', { name: /^After training/ }).locator('li .text');
      found.push({ query, chunks: await hits.allTextContents() });
    }
    return found;
  }

  /** Puts what came back under the run. Returns what the page says of it. */
  async dropAdapters(folder: string): Promise<string> {
    await this.openPanel('Take home');
    const part = this.page.getByRole('region', { name: 'Adapters', exact: true });
    await this.drop(part, folder);
    const said = part.getByText(/^Adapters of /);
    await said.waitFor();
    return said.innerText();
  }

  /** Drops the log on the page and compares it with the page's own run. Returns the runs kept, and how many charts draw both. */
  async compareWithLog(log: string): Promise<{ readonly runs: readonly string[]; readonly charts: number }> {
    const { page } = this;
    await this.drop(page.getByRole('heading', { level: 1 }), log);
    const rows = page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem');
    await rows.filter({ hasText: 'handed over' }).waitFor();
    for (const tick of await rows.getByRole('checkbox').all()) await tick.check();
    const comparison = page.getByRole('region', { name: 'Comparison' });
    await comparison.locator('path.line').first().waitFor();
    const lines = await comparison
      .locator('figure')
      .evaluateAll((all) =>
        all.map((one) =>
          [...one.querySelectorAll('path.line')].filter((line) => line.getAttribute('d')?.includes('L')),
        ),
      )
      .then((all) => all.map(({ length }) => length));
    const runs = await rows.locator('.name').allInnerTexts();
    return {
      runs: runs.map((name) => name.replace(/\s+/g, ' ').trim()),
      charts: lines.filter((n) => n === runs.length).length,
    };
  }

  private async openPanel(name: string): Promise<void> {
    const tab = this.page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true });
    if ((await tab.getAttribute('aria-current')) !== 'true') await tab.click();
  }

  private async download(button: Locator): Promise<Uint8Array<ArrayBuffer>> {
    const coming: Promise<Download> = this.page.waitForEvent('download');
    await button.click();
    return new Uint8Array(await readFile(await (await coming).path()));
  }

  /** Drops a file or folder of this machine, as out of a window of folders. */
  private async drop(target: Locator, path: string): Promise<void> {
    await target.scrollIntoViewIfNeeded();
    const box = await target.boundingBox();
    if (!box) throw new Error(`Nothing can be dropped on ${String(target)}: it is not to be seen.`);
    const devtools = await this.page.context().newCDPSession(this.page);
    const where = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const data = { items: [], files: [path], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
      await devtools.send('Input.dispatchDragEvent', { type, ...where, data });
    await devtools.detach();
  }
}
