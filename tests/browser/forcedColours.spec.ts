import { expect, test, type Locator } from '@playwright/test';
import { openPage, openPanel, pause, trainTo } from './support/openPage.ts';

/** What an element is drawn with. */
const style = (locator: Locator, property: string): Promise<string> =>
  locator.evaluate((element, name) => getComputedStyle(element).getPropertyValue(name), property);

for (const colorScheme of ['light', 'dark'] as const) {
  test(`in colours that the reader forces (${colorScheme}), what is chosen can still be told from what is not`, async ({
    page,
  }) => {
    await page.setViewportSize({ width: 1280, height: 720 });
    await page.emulateMedia({ forcedColors: 'active', colorScheme, reducedMotion: 'reduce' });
    await openPage(page);
    await trainTo(page, 12);
    await pause(page);

    const panels = page.getByRole('navigation', { name: 'Panels' });
    const paper = await style(page.locator('body'), 'background-color');
    const edge = (name: string) => style(panels.getByRole('button', { name, exact: true }), 'border-bottom-color');
    expect(await edge('Runs')).toBe(paper);
    expect(await edge('What is happening')).not.toBe(paper);
    await openPanel(page, 'Runs');
    expect(await edge('Runs')).not.toBe(paper);
    expect(await edge('What is happening')).toBe(paper);
    const sideTab = (name: string) => style(page.getByRole('tab', { name, exact: true }), 'border-bottom-color');
    expect(await sideTab('Text')).not.toBe(await sideTab('Lessons'));
    expect(await sideTab('Facts')).not.toBe(await sideTab('The kitchen'));

    const train = page.getByRole('button', { name: 'Train', exact: true });
    expect(await style(train, 'color')).not.toBe(await style(train, 'background-color'));
    // No plate of the paper's colour behind its word, which would have that colour too.
    expect(await style(train, 'forced-color-adjust')).toBe('none');

    const modes = page.locator('.modes label');
    const [chosen, other] = [
      await style(modes.first(), 'background-color'),
      await style(modes.nth(1), 'background-color'),
    ];
    expect(chosen).not.toBe(other);
    expect(await style(modes.first(), 'color')).not.toBe(chosen);

    await page.getByRole('button', { name: 'Close Runs' }).click();
    await page.getByText('Speed and memory', { exact: true }).click();
    await expect(page.getByText('GPU memory', { exact: true })).toBeVisible();
    const parts = page.locator('figure:has-text("GPU memory") .bar span');
    const shades = await parts.evaluateAll((all) => all.map((one) => getComputedStyle(one).backgroundColor));
    expect(new Set(shades).size).toBe(shades.length);
    expect(shades.length).toBeGreaterThan(2);

    const tints = page.locator('.matrix-panel .pair .tokens span');
    const shown = await tints.evaluateAll((all) => all.map((one) => getComputedStyle(one).backgroundColor));
    expect(new Set(shown).size).toBeGreaterThan(1);
  });
}
