import { defineConfig } from '@playwright/test';
import { findBrowser } from './scripts/browser.mjs';
import { budget } from './tests/browser/support/pace.ts';
import { pageAddress } from './tests/browser/support/pageAddress.ts';

const { executablePath, args, env } = await findBrowser('npm');

/** Tests in which the page computes: a software GPU uses all cores of the machine for one page. */
const ENGINE = '**/engine/*.spec.ts';

export default defineConfig({
  testDir: 'tests/browser',
  projects: [
    { name: 'engine', testMatch: ENGINE, workers: 1 },
    { name: 'page', testMatch: '**/*.spec.ts', testIgnore: ENGINE },
  ],
  workers: 2,
  fullyParallel: true,
  retries: 0,
  forbidOnly: true,
  outputDir: 'test-results',
  webServer: {
    command: 'npx vite build --logLevel error && npx vite preview --host 127.0.0.1 --port 0',
    // Port 0 asks the system for a free one.
    wait: { stdout: /http:\/\/127\.0\.0\.1:(?<revela_page_port>\d+)/ },
    timeout: 300_000,
  },
  globalSetup: './tests/browser/support/globalSetup.ts',
  // What waits for something names the line and what it waited for, before the test's own time is up.
  timeout: budget(180_000),
  expect: { timeout: budget(30_000) },
  use: {
    baseURL: pageAddress(),
    actionTimeout: budget(30_000),
    navigationTimeout: budget(30_000),
    // It would answer what the tests answer in the server's place; offline.spec.ts allows it.
    serviceWorkers: 'block',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath, args, env: { ...(process.env as Record<string, string>), ...env } },
  },
});
