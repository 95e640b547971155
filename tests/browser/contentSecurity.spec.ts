import { expect, test, type Page } from '@playwright/test';
import { openPage, openPanel, PANELS, pause, trainTo } from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

/** What the policy has refused so far, in the page. */
async function refusals(page: Page): Promise<string[]> {
  return page.evaluate(() => (window as unknown as { refused: string[] }).refused);
}

test.beforeEach(async ({ page }) => {
  await page.addInitScript(() => {
    const refused: string[] = [];
    Object.assign(window, { refused });
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
      refused.push(`${effectiveDirective}: ${blockedURI}`),
    );
  });
});

test('the page does all it does within its policy: every panel, training, a download, a picture', async ({ page }) => {
  const complaints = await openPage(page);
  await trainTo(page, 4);
  await pause(page);
  for (const name of PANELS) await openPanel(page, name);
  await page.getByRole('button', { name: 'Settings', exact: true }).first().click();
  await page.keyboard.press('Escape');
  await openPanel(page, 'Runs');
  await page.getByRole('list', { name: 'Kept runs' }).getByRole('listitem').first().getByRole('button').first().click();
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export', exact: true }).click();
  expect((await downloading).suggestedFilename()).toMatch(/\.run\.json$/);
  expect(await refusals(page)).toEqual([]);
  expect(complaints).toEqual([]);
});

test('nothing else runs or is reached: foreign scripts, inline ones, other servers', async ({ page }) => {
  await openPage(page);
  const outcome = await page.evaluate(async () => {
    const inline = document.createElement('script');
    inline.textContent = 'window.broken = true';
    document.head.append(inline);
    const handler = document.createElement('a');
    handler.setAttribute('onclick', 'window.broken = true');
    document.body.append(handler);
    handler.click();
    const foreign = document.createElement('script');
    foreign.src = 'https://a.example/script.js';
    const failed = new Promise((done) => (foreign.onerror = () => done('refused')));
    document.head.append(foreign);
    return {
      broken: 'broken' in window,
      foreign: await failed,
      fetched: await fetch('https://a.example/').then(
        () => 'reached',
        () => 'refused',
      ),
    };
  });
  expect(outcome).toMatchObject({ broken: false, foreign: 'refused', fetched: 'refused' });
  expect(await page.evaluate(() => 'broken' in window)).toBe(false);
  const refused = (await refusals(page)).join('\n');
  for (const one of [/script-src-elem: inline/, /script-src-attr: inline/, /connect-src: https:\/\/a\.example/])
    expect(refused).toMatch(one);
});

test('a preview says so in its headers, and serves neither reports of its build nor a page without licences', async ({
  request,
}) => {
  const page = await request.get('./');
  expect(page.headers()).toMatchObject({ 'x-content-type-options': 'nosniff' });
  const html = await page.text();
  const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? '';
  expect(policy).toMatch(/^default-src 'none'; script-src 'self' 'sha256-[\w+/=]+'; style-src 'self';/);
  const [script] = /assets\/index-[\w-]+\.js/.exec(html) ?? [];
  const served = await request.get(`./${script}`);
  expect(served.headers()['content-security-policy']).toMatch(
    /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
  );
  // What is not there is answered with the page.
  for (const path of ['.vite/manifest.json', '.vite/license.md'])
    expect(await (await request.get(`./${path}`)).text()).not.toContain('isEntry');
  const licences = await (await request.get('./LICENSES.txt')).text();
  for (const name of ['svelte', 'pdfjs-dist', '@huggingface/tokenizers', 'Python Software Foundation'])
    expect(licences).toContain(name);
});
