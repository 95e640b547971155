import { chromium, type CDPSession, type Page } from 'playwright';
import { build, preview } from 'vite';
import { findBrowser } from '../scripts/browser.mjs';
import { browserEnvironment } from './browserEnvironment.ts';
import { formatBytes } from './table.ts';

const USAGE = `Usage: npm run bench:browser-memory -- [--minutes N]

Trains the small preset in the built page for N minutes (default 30), opening one panel of the drawer after the other, and
prints the page's JavaScript heap after a collection, its nodes and listeners, ten times.
`;

/** How long each panel stays open. */
const PANEL_MS = 8000;

/** Entry of `npm run bench:browser-memory`. */
export async function main(args: readonly string[]): Promise<number> {
  const [flag, count = '30'] = args;
  const minutes = Number(count);
  if ((flag !== undefined && flag !== '--minutes') || !(minutes > 0)) {
    process.stderr.write(USAGE);
    return 2;
  }
  await build({ logLevel: 'error' });
  const server = await preview({ preview: { host: '127.0.0.1', port: 0, open: false } });
  const { executablePath, args: flags, env, version } = await findBrowser();
  const browser = await chromium.launch({ executablePath, args: flags, env: { ...browserEnvironment(), ...env } });
  try {
    process.stdout.write(`${version}, ${minutes} minutes\n`);
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const { port } = server.httpServer.address() as { port: number };
    await page.goto(`http://127.0.0.1:${port}/`);
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.getByText(/^step [1-9]\d*$/).waitFor({ timeout: 600_000 });
    const started = performance.now();
    for (let tenth = 0; tenth <= 10; tenth++) {
      await panelsUntil(page, started + (60_000 * minutes * tenth) / 10);
      process.stdout.write(`${await report(page, session, (performance.now() - started) / 60_000)}\n`);
    }
    return 0;
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Opens the panels in turn until the time has come. */
async function panelsUntil(page: Page, end: number): Promise<void> {
  const tabs = page.getByRole('navigation', { name: 'Panels' }).getByRole('button');
  for (let i = 0; performance.now() < end; i++) {
    await tabs.nth(i % (await tabs.count())).click();
    await page.waitForTimeout(Math.min(PANEL_MS, Math.max(0, end - performance.now())));
  }
}

async function report(page: Page, session: CDPSession, minutes: number): Promise<string> {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? NaN;
  const step = await page.locator('.counter').innerText();
  return (
    `${minutes.toFixed(1).padStart(5)} min  ${step.replace(/\s+/g, ' ')}  heap ${formatBytes(of('JSHeapUsedSize'))}` +
    `  nodes ${of('Nodes')}  listeners ${of('JSEventListeners')}`
  );
}
