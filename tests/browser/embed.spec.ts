import { expect, test, type FrameLocator, type Page } from '@playwright/test';
import { inventedRun } from './support/inventedRun.ts';
import { openPage, openPanel, violations } from './support/openPage.ts';
import { scriptLab, type ScriptedWindow } from './support/scriptedLab.ts';

const RECORDED = JSON.stringify(inventedRun());

/** A page of somebody else's that holds the playground in a frame. */
async function host(page: Page, query: string): Promise<FrameLocator> {
  await serve(page);
  await page.route('**/article.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<title>An article</title><h1>An article</h1><iframe src="./${query}" width="800" height="460" title="Revela playground"></iframe>`,
    }),
  );
  await page.goto('./article.html');
  return page.frameLocator('iframe');
}

async function serve(page: Page): Promise<void> {
  await page.route('**/recorded/facts.json', (route) =>
    route.fulfill({ contentType: 'application/json', body: RECORDED }),
  );
  await scriptLab(page);
}

test('another page shows the run in a frame, without header, columns and panels', async ({ page }) => {
  const frame = await host(page, '?embed=live&theme=dark');
  await expect(frame.locator('rect.cell')).toHaveCount(64);
  await expect(frame.getByText(/^Recorded run on Facts, step \d+ of 500$/)).toBeVisible();
  await expect(frame.getByRole('navigation')).toHaveCount(0);
  await expect(frame.getByRole('button', { name: 'Settings' })).toHaveCount(0);
  await expect(frame.getByRole('link', { name: 'Whole page' })).toHaveAttribute('target', '_blank');
  expect(await frame.locator('html').getAttribute('data-theme')).toBe('dark');
  const box = await frame.locator('body').evaluate(({ scrollWidth, scrollHeight }) => [scrollWidth, scrollHeight]);
  expect(box[0]).toBeLessThanOrEqual(800);
  expect(box[1]).toBeLessThanOrEqual(460);
});

test('what is in the frame can be trained, and leaves what the reader has kept alone', async ({ page }) => {
  await page.addInitScript(() => localStorage.setItem('revela.theme', '"light"'));
  const frame = await host(page, '?embed=live&theme=dark#v=1&preset=facts&temperature=0.03');
  await frame.getByRole('button', { name: 'Train' }).click();
  await expect(frame.getByText(/^The run on Facts, step 60 of 60$/)).toBeVisible();
  const configured = await frame.locator('html').evaluate(() => {
    const sent = (window as unknown as ScriptedWindow).commands.find(({ type }) => type === 'configure');
    return sent?.type === 'configure' ? sent.configuration.temperature : undefined;
  });
  expect(configured).toBe(0.03);
  await frame.getByRole('button', { name: 'Pause' }).click();
  await expect(frame.getByRole('button', { name: 'Train' })).toBeVisible();
  const kept = await frame.locator('html').evaluate(() => Object.fromEntries(Object.entries(localStorage)));
  expect(kept).toEqual({ 'revela.theme': '"light"' });
});

test('the story plays in a frame and is stepped through', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const frame = await host(page, '?embed=story');
  const controls = frame.getByRole('group', { name: 'Story' });
  await expect(controls).toBeVisible();
  const heading = frame.locator('.heading');
  await expect(heading).toContainText('step 0 of 500');
  const first = await heading.innerText();
  await controls.getByRole('button', { name: 'Next chapter' }).click();
  await expect(heading).not.toHaveText(first);
  await expect(frame.getByRole('button', { name: 'Train' })).toHaveCount(0);
});

test('what there is not to embed is said', async ({ page }) => {
  await serve(page);
  await page.goto('./?embed=else');
  await expect(page.getByText('There is nothing called “else” to embed')).toBeVisible();
  expect(await violations(page)).toEqual([]);
});

for (const [width, height] of [
  [800, 460],
  [390, 760],
] as const) {
  for (const kind of ['story', 'live'] as const) {
    for (const theme of ['light', 'dark'] as const) {
      test(`axe finds nothing in ${kind}, ${theme}, ${width} px, and nothing runs over`, async ({ page }) => {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ reducedMotion: 'reduce' });
        await serve(page);
        await page.goto(`./?embed=${kind}&theme=${theme}`);
        await expect(page.locator('rect.cell')).toHaveCount(64);
        await expect(page.getByText(kind === 'story' ? 'step 0 of 500' : 'step 500 of 500')).toBeVisible();
        expect(await violations(page)).toEqual([]);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(wide).toBeLessThanOrEqual(width);
      });
    }
  }
}

for (const width of [1440, 390])
  test(`the Share panel at ${width} px gives the snippet, and shows what comes of it`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    const complaints = await openPage(page);
    await openPanel(page, 'Share');
    await page.getByLabel('What to embed').selectOption('live');
    await page.getByLabel('Theme of the frame').selectOption('dark');
    const snippet = await page.getByRole('textbox', { name: 'Snippet' }).inputValue();
    expect(snippet).toMatch(/^<iframe src="http:\/\/127\.0\.0\.1:\d+\/\?embed=live&amp;theme=dark"/);
    await page.getByRole('button', { name: 'Preview', exact: true }).click();
    const preview = page.frameLocator('iframe[title="Preview of the embedded page"]');
    await expect(preview.locator('rect.cell')).toHaveCount(64);
    expect(await violations(page)).toEqual([]);
    // The panel scrolls, the page does not.
    if (width === 1440)
      expect(await page.evaluate(() => document.documentElement.scrollHeight - innerHeight)).toBeLessThanOrEqual(0);
    expect(complaints).toEqual([]);
  });
