import type { CDPSession, Page } from 'playwright';
import { amountOf, withBuiltPage } from './builtPage.ts';
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

async function report(page: Page, probe: () => Promise<Memory>, minutes: number): Promise<string> {
  const { heap, buffers, workerHeap, workerBuffers, nodes, listeners } = await probe();
  const step = await page.locator('.counter').innerText();
  return (
    `${minutes.toFixed(1).padStart(5)} min  ${step.replace(/\s+/g, ' ')}` +
    `  page ${formatBytes(heap)} + ${formatBytes(buffers)}  worker ${formatBytes(workerHeap)} + ${formatBytes(workerBuffers)}` +
    `  nodes ${nodes}  listeners ${listeners}`
  );
}

/** In bytes: objects on the heap, and array buffers beside it; and how many nodes and listeners the page holds. */
interface Memory {
  heap: number;
  buffers: number;
  workerHeap: number;
  workerBuffers: number;
  nodes: number;
  listeners: number;
}

/** Reads the memory of the page and of its workers, each after a collection, over the browser's debugging protocol. */
async function memoryProbe(page: Page): Promise<() => Promise<Memory>> {
  const session = await page.context().newCDPSession(page);
  const workers = new Set<string>();
  session.on('Target.attachedToTarget', ({ sessionId, targetInfo }) => {
    if (targetInfo.type === 'worker') workers.add(sessionId);
  });
  session.on('Target.detachedFromTarget', ({ sessionId }) => workers.delete(sessionId));
  await session.send('Performance.enable');
  await session.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: false });
  return async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize } = await session.send('Runtime.getHeapUsage');
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? NaN;
    const memory = {
      heap: usedSize,
      buffers: backingStorageSize,
      workerHeap: 0,
      workerBuffers: 0,
      nodes: of('Nodes'),
      listeners: of('JSEventListeners'),
    };
    for (const worker of workers) {
      await ask(session, worker, 'HeapProfiler.collectGarbage');
      const usage = (await ask(session, worker, 'Runtime.getHeapUsage')) as HeapUsage;
      memory.workerHeap += usage.usedSize;
      memory.workerBuffers += usage.backingStorageSize;
    }
    return memory;
  };
}

type HeapUsage = { usedSize: number; backingStorageSize: number };

/** Sends a command to a worker, which is reached through the page's session only, and waits for its answer. */
function ask(session: CDPSession, worker: string, method: string): Promise<unknown> {
  return new Promise((resolve) => {
    const listen = ({ sessionId, message }: { sessionId: string; message: string }): void => {
      const answer = JSON.parse(message) as { id?: number; result?: unknown };
      if (sessionId !== worker || answer.id !== 1) return;
      session.off('Target.receivedMessageFromTarget', listen);
      resolve(answer.result);
    };
    session.on('Target.receivedMessageFromTarget', listen);
    void session.send('Target.sendMessageToTarget', { sessionId: worker, message: JSON.stringify({ id: 1, method }) });
  });
}
