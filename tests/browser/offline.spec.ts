import { expect, test, type Page } from '@playwright/test';

test.use({ serviceWorkers: 'allow', viewport: { width: 1440, height: 900 } });

async function visit(page: Page): Promise<void> {
  await page.goto('./');
  await expect(page.getByText('works offline', { exact: true })).toBeVisible();
}

test('after the first visit the page, its panels and its worker need no network', async ({ page, context }) => {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await visit(page);
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog')).toContainText('kept here too, and works without a network.');
  await page.keyboard.press('Escape');
  await context.setOffline(true);
  await page.reload();
  const isRefused = () =>
    page.evaluate(() =>
      fetch('./', { method: 'HEAD', cache: 'no-store' }).then(
        () => false,
        () => true,
      ),
    );
  expect(await isRefused(), 'nothing comes over the network').toBe(true);
  await expect(page.getByText('no network: works offline')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
  await expect(page.getByText('Recorded run on Facts', { exact: true })).toBeVisible();
  // Parts that the first visit never asked for.
  for (const name of ['Model', 'Runs', 'Kernels', 'Share']) {
    await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name, exact: true }).click();
    await expect(page.locator('#panel .body > *').first()).toBeVisible();
    await expect(page.getByText('could not be loaded')).toHaveCount(0);
  }
  await page.keyboard.press('Escape');
  await page.getByRole('tab', { name: 'Lessons' }).click();
  await page.getByRole('button', { name: /^2\. / }).click();
  await expect(page.locator('.katex').first()).toBeVisible();
  await page.getByRole('tab', { name: 'Text', exact: true }).click();
  // The lab's worker cuts the text.
  await page.getByRole('tab', { name: 'The kitchen' }).click();
  await expect(page.getByText(/\d+ documents, \d+ chunks/)).toBeVisible();
  expect(errors).toEqual([]);
  expect(await isRefused(), 'nor has anything come since').toBe(true);
  await context.setOffline(false);
  await page.reload();
  await expect(page.getByText('works offline', { exact: true })).toBeVisible();
  expect(await isRefused()).toBe(false);
});

test('only the page’s own files are kept', async ({ page }) => {
  await visit(page);
  const kept = await page.evaluate(async () => {
    const names = await caches.keys();
    const urls = await Promise.all(
      names.map(async (name) => (await (await caches.open(name)).keys()).map(({ url }) => url)),
    );
    return { names, urls: urls.flat() };
  });
  expect(kept.names).toHaveLength(1);
  const home = new URL('./', page.url()).href;
  expect(kept.urls).toContain(home);
  expect(kept.urls.length).toBeGreaterThan(5);
  const others = kept.urls.filter(
    (url) => url !== home && !/^(assets\/[^/]+|recorded\/[^/]+\.json|favicon\.svg)$/.test(url.slice(home.length)),
  );
  expect(others).toEqual([]);
});

test('works under a path below the root', async ({ page, context, baseURL }) => {
  // The same server, seen through another path: a page that used absolute addresses would ask beside it.
  await context.route(/\/below\/the\/root\//, async (route) => {
    const url = route.request().url().replace('/below/the/root/', '/');
    await route.fulfill({ response: await route.fetch({ url }) });
  });
  await page.goto(`${baseURL}below/the/root/`);
  await expect(page.getByRole('button', { name: 'Train' })).toBeVisible();
  await expect(page.getByText('Recorded run on Facts', { exact: true })).toBeVisible();
  const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  expect(scope).toBe(`${baseURL}below/the/root/`);
});
