import { chromium, type FullConfig } from '@playwright/test';
import { pageAddress } from './pageAddress.ts';

/** What the first start of the browser and the page takes on a quiet machine with two cores, ms. */
const QUIET_START_MS = 1500;

/** Opens the page once, and from the time that takes says how patient the tests are to be (pace.ts). */
export default async function setup({ projects }: FullConfig): Promise<void> {
  const started = performance.now();
  const browser = await chromium.launch(projects[0]?.use.launchOptions);
  try {
    const page = await browser.newPage();
    await page.goto(pageAddress());
    await page.getByRole('button', { name: 'Train' }).waitFor();
    const pace = Math.max(1, (performance.now() - started) / QUIET_START_MS);
    process.env.REVELA_PACE = String(pace);
    console.log(`Browser for the page's tests: ${browser.version()}; patience: ${pace.toFixed(1)} times the usual`);
  } finally {
    await browser.close();
  }
}
