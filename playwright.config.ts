import { defineConfig } from '@playwright/test';

/** What scripts/test.mjs found and started: the page's address and a browser. */
const { REVELA_PAGE, REVELA_BROWSER } = process.env;
if (!REVELA_PAGE || !REVELA_BROWSER) {
  throw new Error('Start the browser tests with: node scripts/test.mjs tests/browser (it builds and serves the page).');
}
const browser = JSON.parse(REVELA_BROWSER) as { executablePath: string; args: string[]; env: Record<string, string> };

export default defineConfig({
  testDir: 'tests/browser',
  testMatch: '**/*.spec.ts',
  // A software adapter uses all cores of the machine for one page.
  workers: 1,
  retries: 0,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  outputDir: 'test-results',
  use: {
    baseURL: REVELA_PAGE,
    // It would answer what the tests answer in the server's place; offline.spec.ts allows it.
    serviceWorkers: 'block',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: browser.executablePath,
      args: browser.args,
      env: { ...(process.env as Record<string, string>), ...browser.env },
    },
  },
});
