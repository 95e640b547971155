import { expect, test, type Locator } from '@playwright/test';
import {
  cells,
  commands,
  fail,
  openPage,
  pause,
  playTo,
  say,
  stepOf,
  trainTo,
  violations,
} from './support/openPage.ts';

test.use({ viewport: { width: 1440, height: 900 } });

test.describe('first sight', () => {
  test('plays the recorded run before any work is done', async ({ page }) => {
    const complaints = await openPage(page);
    await expect(page.getByText('Recorded run on Facts', { exact: true })).toBeVisible();
    const before = await cells(page);
    expect(before).toHaveLength(64);
    await expect.poll(() => cells(page)).not.toEqual(before);
    await expect(page.getByRole('status')).toContainText(/chunk/i);
    expect(await commands(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test('names its controls by the words on them', async ({ page }) => {
    await openPage(page);
    for (const name of ['Train', 'Pause', 'Step', 'Reset']) {
      const button = page.getByRole('button', { name, exact: true });
      await expect(button).toHaveCount(1);
      await expect(button).toHaveText(name);
    }
    // The recorded run has steps of its own: no other number stands beside them.
    await expect(page.locator('.counter')).toHaveText('');
  });

  test('begins with an empty figure where there is no recorded run', async ({ page }) => {
    const complaints = await openPage(page, { recorded: '<!doctype html>' });
    await expect(page.getByRole('status')).toContainText('Press Train');
    expect(await cells(page)).toHaveLength(64);
    expect(complaints).toEqual([]);
  });

  test('stands still at the end for those who want no motion', async ({ page }) => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await openPage(page);
    await expect(page.getByRole('slider', { name: 'Time' })).toHaveValue('500');
    await expect(page.getByRole('button', { name: 'Play' })).toBeVisible();
  });
});

test.describe('a run', () => {
  test('trains, pauses, steps and starts anew', async ({ page }) => {
    const complaints = await openPage(page);
    await trainTo(page, 5);
    await expect(page.getByText('Recorded run on Facts', { exact: true })).toHaveCount(0);
    await expect(page.getByText(/steps\/s$/).first()).toBeVisible();
    const before = await cells(page);
    await playTo(page, 10);
    await expect.poll(() => cells(page)).not.toEqual(before);
    await pause(page);
    await page.getByRole('button', { name: 'Step' }).click();
    await expect.poll(() => stepOf(page)).toBe(11);
    await page.getByRole('button', { name: 'Reset' }).click();
    await expect.poll(() => stepOf(page)).toBe(0);
    expect((await commands(page)).map(({ type }) => type)).toEqual(['configure', 'train', 'pause', 'step', 'reset']);
    expect(complaints).toEqual([]);
  });

  test('moves nothing on the page while it trains', async ({ page }) => {
    await openPage(page);
    await page.evaluate(() => {
      const shifts: string[] = [];
      Object.assign(window, { shifts });
      interface Shift extends PerformanceEntry {
        readonly hadRecentInput: boolean;
        readonly sources: readonly { readonly node: Node | null }[];
      }
      new PerformanceObserver((list) => {
        for (const { hadRecentInput, sources } of list.getEntries() as Shift[]) {
          const moved = sources.map(({ node }) => (node instanceof Element ? node.outerHTML : node?.textContent));
          if (!hadRecentInput) shifts.push(moved.join(' and ').slice(0, 300));
        }
      }).observe({ type: 'layout-shift', buffered: false });
    });
    await trainTo(page, 60);
    await pause(page);
    expect(await page.evaluate(() => (window as unknown as { shifts: string[] }).shifts)).toEqual([]);
  });

  test('keeps a stream of steps drawn: charts and counter follow', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 400);
    await pause(page);
    const loss = page.getByRole('img', { name: /^Loss/ });
    await expect(loss).toHaveAccessibleName(/^Loss \(nats per token\) at 400: with context/);
  });

  test('travels in time by slider and by chart, and back to now', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 40);
    await pause(page);
    const now = await cells(page);
    const slider = page.getByRole('slider', { name: 'Time' });
    await slider.fill('5');
    await expect(page.getByRole('img', { name: /^Recall@1/ })).toHaveAccessibleName(/ at 5: /);
    await expect.poll(() => cells(page)).not.toEqual(now);
    await page.getByRole('img', { name: /^Loss/ }).click({ position: { x: 120, y: 60 } });
    expect(Number(await slider.inputValue())).toBeGreaterThan(5);
    await page.getByRole('button', { name: 'Back to now' }).click();
    await expect.poll(() => cells(page)).toEqual(now);
  });

  test('stands where there is a picture, also for who drags the slider between two', async ({ page }) => {
    await openPage(page);
    const slider = page.getByRole('slider', { name: 'Time' });
    await slider.fill('207');
    await expect(slider).toHaveValue('205');
    // Of the batches of steps fewer were kept.
    await page.getByRole('radio', { name: 'this step’s batch' }).check();
    await expect(slider).toHaveValue('200');
    await expect(page.locator('.key dl')).toContainText('step 200');
    await slider.press('ArrowRight');
    await expect(slider).toHaveValue('210');
    await slider.press('ArrowLeft');
    await expect(slider).toHaveValue('200');
  });

  test('shows the values of one step in all charts at once', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 40);
    await pause(page);
    await page.getByRole('img', { name: /^Loss/ }).hover({ position: { x: 100, y: 60 } });
    const names = await page
      .getByRole('img', { name: / at \d+: / })
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    const steps = new Set(names.map((name) => / at (\d+): /.exec(name ?? '')?.[1]));
    expect(names.length).toBeGreaterThanOrEqual(6);
    expect(steps.size).toBe(1);
    expect(Number([...steps][0])).toBeLessThan(40);
  });

  test('says what went wrong where the run is, and keeps the run', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 5);
    const before = await cells(page);
    const error = {
      kind: 'diverged',
      message: 'The loss is no number any more.',
      action: 'Lower the learning rate.',
    } as const;
    await say(page, { type: 'state', state: 'paused', detail: error.message });
    await fail(page, 'train', error);
    await expect(page.getByRole('alert')).toHaveText('The loss is no number any more. Lower the learning rate.');
    await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
    await expect.poll(() => cells(page)).toEqual(before);
  });

  test('begins a new history when the lab begins again', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 10);
    await pause(page);
    await say(page, { type: 'reset' });
    await page.getByRole('button', { name: 'Step' }).click();
    await expect(page.getByRole('img', { name: /^Loss/ })).toHaveAccessibleName(/ at \d+: with context \d/);
  });
});

test.describe('text', () => {
  test('is pasted, counted and shown', async ({ page }) => {
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    await page.getByRole('textbox', { name: 'Your text' }).fill('Some pages of text. '.repeat(200));
    await expect(page.getByText('1 document, 2 chunks; each has a partner.')).toBeVisible();
    await expect(page.getByText('A notice about the text.')).toBeVisible();
    const configure = (await commands(page)).find(({ type }) => type === 'configure');
    expect(configure).toMatchObject({ title: 'Pasted text', configuration: { source: 'text' } });
  });

  test('that is no text is refused, and what was there is kept', async ({ page }) => {
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    const own = page.getByRole('textbox', { name: 'Your text' });
    await own.fill('What I had before.');
    await expect(page.getByText('1 document, 1 chunk; none has a partner.')).toBeVisible();
    await page
      .getByLabel('Text files')
      .setInputFiles({ name: 'picture.png', mimeType: 'image/png', buffer: Buffer.from([137, 80, 0, 1]) });
    await expect(page.getByRole('alert')).toContainText('picture.png is not plain text.');
    await expect(own).toHaveValue('What I had before.');
    await page.getByLabel('Text files').setInputFiles([
      { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('first') },
      { name: 'b.md', mimeType: 'text/markdown', buffer: Buffer.from('second') },
    ]);
    const files = page.getByRole('list', { name: 'Files of the text' });
    await expect(files.getByRole('listitem')).toHaveText([/^a\.txt/, /^b\.md/]);
    await expect(page.getByText(/^2 documents, 2 chunks/)).toBeVisible();
    await page.getByRole('button', { name: 'Bring back what you typed before' }).click();
    await expect(own).toHaveValue('What I had before.');
    await expect(page.getByRole('alert')).toHaveCount(0);
  });

  test('is dropped on the panel', async ({ page }) => {
    await openPage(page);
    const files = await page.evaluateHandle(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['A dropped file.'], 'notes.md', { type: 'text/markdown' }));
      return transfer;
    });
    await page.getByRole('region', { name: 'Text', exact: true }).dispatchEvent('drop', { dataTransfer: files });
    await expect(page.getByRole('textbox', { name: 'Your text' })).toHaveValue('A dropped file.');
  });

  test('is not replaced by a word that is moved within it', async ({ page }) => {
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    const own = page.getByRole('textbox', { name: 'Your text' });
    await own.fill('alpha beta gamma\n\n\n');
    await own.dblclick({ position: { x: 20, y: 18 } });
    await page.mouse.down();
    await own.hover({ position: { x: 60, y: 30 } });
    await own.hover({ position: { x: 60, y: 76 } });
    await page.mouse.up();
    await expect(own).not.toHaveValue(/^alpha beta/);
    await expect(own).toHaveValue(/beta gamma/);
    await expect(own).toHaveValue(/alpha/);
  });

  test('comes from elsewhere when words are dropped beside its field', async ({ page }) => {
    await openPage(page);
    const dropWords = async (text: string, on: Locator): Promise<void> => {
      const words = await page.evaluateHandle((content) => {
        const transfer = new DataTransfer();
        transfer.setData('text/plain', content);
        return transfer;
      }, text);
      await on.dispatchEvent('drop', { dataTransfer: words });
    };
    const panel = page.getByRole('region', { name: 'Text', exact: true });
    const own = page.getByRole('textbox', { name: 'Your text' });
    await dropWords('From another window.', panel);
    await expect(own).toHaveValue('From another window.');
    // Words of a field stay with the field, and words of this page are no new text.
    await dropWords('window', own);
    await page.getByRole('heading', { name: 'Batch attention' }).dispatchEvent('dragstart');
    await dropWords('Batch attention', panel);
    await expect(own).toHaveValue('From another window.');
  });

  test('that cannot be trained on starts no run on something else', async ({ page }) => {
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    await page.getByRole('textbox', { name: 'Your text' }).fill('\0 broken');
    await expect(page.getByRole('alert')).toContainText('is not plain text');
    await page.getByRole('button', { name: 'Train' }).click();
    await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
    await expect(page.getByRole('alert')).toHaveCount(1);
    expect((await commands(page)).map(({ type }) => type)).not.toContain('train');
  });

  test('that was deleted comes back: by the field’s own undo, and by a press after the field was left', async ({
    page,
  }) => {
    const text = 'Two sentences of mine. They took me a while. ';
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    const own = page.getByRole('textbox', { name: 'Your text' });
    await own.click();
    await page.keyboard.insertText(text);
    await expect(page.getByText(/^1 document, 2 chunks/)).toBeVisible();
    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.press('Delete');
    const back = page.getByRole('button', { name: 'Bring back what you typed before' });
    await expect(back).toBeVisible();
    await own.focus();
    await page.keyboard.press('ControlOrMeta+z');
    await expect(own).toHaveValue(text);
    await expect(back).toHaveCount(0);

    await page.keyboard.press('ControlOrMeta+a');
    await page.keyboard.insertText('Something else.');
    await page.getByRole('tab', { name: 'Facts' }).click();
    await page.getByRole('tab', { name: 'Your text' }).click();
    await expect(own).toHaveValue('Something else.');
    await back.click();
    await expect(own).toHaveValue(text);
  });

  test('that is unreadable in the browser’s storage does not keep the page from starting', async ({ page }) => {
    await page.addInitScript(() => localStorage.setItem('revela.text', '{"title":1}'));
    const complaints = await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    await expect(page.getByRole('textbox', { name: 'Your text' })).toHaveValue('');
    expect(complaints).toEqual([]);
  });

  test('is kept over a reload', async ({ page }) => {
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    await page.getByRole('textbox', { name: 'Your text' }).fill('Do not lose me.');
    await expect(page.getByText(/^1 document, 1 chunk/)).toBeVisible();
    await page.reload();
    await expect(page.getByRole('textbox', { name: 'Your text' })).toHaveValue('Do not lose me.');
  });
});

test.describe('settings', () => {
  test('complain where the value stands, and say what would do', async ({ page }) => {
    await openPage(page);
    await page.getByRole('button', { name: 'Settings' }).click();
    const rate = page.getByRole('textbox', { name: 'Learning rate' });
    await rate.fill('NaN');
    await expect(rate).toHaveAttribute('aria-invalid', 'true');
    await expect(page.getByRole('dialog').getByRole('alert')).toContainText('takes a number from');
    await page.getByRole('button', { name: 'default: 0.001' }).click();
    await expect(rate).toHaveValue('0.001');
    await expect(page.getByRole('dialog').getByRole('alert')).toHaveCount(0);
  });

  test('take several things at once, but one at least', async ({ page }) => {
    await openPage(page);
    await page.getByRole('button', { name: 'Settings' }).click();
    const targets = page.getByRole('group', { name: 'LoRA targets' });
    await expect(targets.getByRole('checkbox', { name: 'q', exact: true })).toBeDisabled();
    await page.getByRole('combobox', { name: 'Train', exact: true }).selectOption('LoRA adapters');
    for (const name of ['k', 'v', 'o', 'gate', 'up', 'down'])
      await targets.getByRole('checkbox', { name, exact: true }).uncheck();
    await expect(targets.getByRole('checkbox', { name: 'q', exact: true })).toBeDisabled();
    await expect(targets.getByRole('checkbox', { name: 'q', exact: true })).toBeChecked();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'default: q, k, v, o, gate, up, down' }).click();
    await expect(targets.getByRole('checkbox', { checked: true })).toHaveCount(7);
  });

  test('that contradict each other name the one to change', async ({ page }) => {
    await openPage(page);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('textbox', { name: 'Query heads' }).fill('3');
    await expect(page.getByRole('dialog').getByRole('alert')).toContainText('must split into 3 heads');
    await page.keyboard.press('Escape');
    await expect(page.getByRole('button', { name: 'Train' })).toBeDisabled();
    await expect(page.getByRole('alert')).toContainText('must split into 3 heads');
  });

  test('wait for the next run while one is on, and Reset begins it', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 5);
    await pause(page);
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByRole('textbox', { name: 'Temperature τ' }).fill('1e-4');
    await page.getByRole('combobox', { name: 'Who is read' }).selectOption('Uniform');
    await expect(page.getByText('This control has no temperature.')).toBeVisible();
    await expect(page.getByRole('dialog')).toContainText('2 changes waiting');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Reset' }).click();
    await expect.poll(() => stepOf(page)).toBe(0);
    const sent = await commands(page);
    expect(sent.at(-1)).toMatchObject({
      type: 'configure',
      configuration: { temperature: 1e-4, attention: 'uniform' },
    });
  });

  test('of another preset are what Train trains; the header names the run that is on until then', async ({ page }) => {
    await openPage(page);
    await trainTo(page, 5);
    await page.getByRole('combobox', { name: 'Preset' }).selectOption('Facts, uniform control');
    await expect(page.locator('.counter')).toContainText('of Facts, small model');
    await expect(page.getByText('waiting for the next run')).toBeVisible();
    await pause(page);
    await trainTo(page, 3);
    await expect(page.getByText('waiting for the next run')).toHaveCount(0);
    await expect(page.locator('.counter')).not.toContainText('of ');
    const sent = await commands(page);
    expect(sent.map(({ type }) => type)).toEqual(['configure', 'train', 'pause', 'configure', 'train']);
    expect(sent[3]).toMatchObject({ configuration: { attention: 'uniform' } });
    await pause(page);
    await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name: 'Runs', exact: true }).click();
    await expect(page.locator('#panel')).toContainText('Facts, small model');
    await expect(page.locator('#panel')).toContainText('5 steps');
  });

  test('of a preset are taken whole, and an own mixture says so', async ({ page }) => {
    await openPage(page);
    const presets = page.getByRole('combobox', { name: 'Preset' });
    await presets.selectOption('Facts, uniform control');
    await page.getByRole('button', { name: 'Settings' }).click();
    await expect(page.getByRole('combobox', { name: 'Who is read' })).toHaveValue('uniform');
    await page.getByRole('textbox', { name: 'Seed' }).fill('7');
    await page.keyboard.press('Escape');
    await expect(presets).toHaveValue('own');
  });
});

test.describe('a link to settings', () => {
  test('leaves a way back to the reader’s own', async ({ page }) => {
    await page.addInitScript(() => localStorage.setItem('revela.settings', '{"seed":7}'));
    await openPage(page, { fragment: 'v=1&preset=facts&temperature=0.03' });
    const note = page.getByRole('complementary', { name: 'Settings of a link' });
    await expect(note).toBeVisible();
    expect(await violations(page)).toEqual([]);
    await note.getByRole('button', { name: 'Bring back yours' }).click();
    await expect(note).toHaveCount(0);
    await expect(page).toHaveURL(/seed=7/);
    expect(page.url()).not.toContain('temperature');
    await page.goBack();
    await expect(page).toHaveURL(/temperature=0\.03/);
  });

  test('that is misspelt or escaped is complained about', async ({ page }) => {
    await openPage(page, { fragment: 'V=1&preset=facts&seed=9' });
    await expect(page.getByRole('alert')).toContainText('Links to settings begin with #v=1');
    await page.getByRole('button', { name: 'Dismiss' }).click();
    await page.evaluate(() => (location.hash = 'v%3D1%26preset%3Dfacts'));
    await expect(page.getByRole('alert')).toContainText('Links to settings begin with #v=1');
  });
});

test.describe('keyboard', () => {
  test('trains, pauses and steps', async ({ page }) => {
    await openPage(page, { lastStep: 3 });
    await page.keyboard.press('Space');
    await expect.poll(() => stepOf(page)).toBe(3);
    await page.keyboard.press('Space');
    await expect(page.getByRole('button', { name: 'Train' })).toBeEnabled();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => stepOf(page)).toBe(4);
  });

  test('moves the selected cell and reads it out', async ({ page }) => {
    await openPage(page);
    await page.getByRole('button', { name: 'Stop' }).click();
    const matrix = page.getByRole('application');
    await matrix.focus();
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key);
    await expect(page.locator('#matrix-cell')).toContainText('Chunk 2 reads chunk 5: A 0.');
    for (let i = 0; i < 9; i++) await page.keyboard.press('ArrowUp');
    await expect(page.locator('#matrix-cell')).toContainText('Chunk 1 reads chunk 5');
    expect(await commands(page)).toEqual([]);
  });

  test('reads a cell out while the picture stands still only', async ({ page }) => {
    await openPage(page);
    const spoken = page.locator('#matrix-cell');
    await expect(page.getByRole('button', { name: 'Stop' })).toBeVisible();
    await expect(spoken).toHaveAttribute('aria-live', 'off');
    await page.getByRole('button', { name: 'Stop' }).click();
    await expect(spoken).toHaveAttribute('aria-live', 'polite');
    await trainTo(page, 5);
    await expect(spoken).toHaveAttribute('aria-live', 'off');
    await pause(page);
    await expect(spoken).toHaveAttribute('aria-live', 'polite');
    await page.getByRole('application').focus();
    await page.keyboard.press('ArrowDown');
    await expect(spoken).toContainText('Chunk 2');
  });

  test('lists its keys, and leaves what is open', async ({ page }) => {
    await openPage(page);
    await page.keyboard.press('?');
    await expect(page.getByRole('dialog')).toContainText('train, or pause');
    // Nothing is kept here: these tests let no service worker in.
    await expect(page.getByRole('dialog')).toContainText('computed on this machine, on WebGPU.');
    await expect(page.getByRole('dialog')).not.toContainText('without a network');
    await page.keyboard.press('Space');
    expect(await commands(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });

  test('leaves the keys to fields that need them', async ({ page }) => {
    await openPage(page);
    await page.getByRole('tab', { name: 'Your text' }).click();
    await page.getByRole('textbox', { name: 'Your text' }).focus();
    await page.keyboard.type('a b?');
    await expect(page.getByRole('textbox', { name: 'Your text' })).toHaveValue('a b?');
    await expect(page.getByRole('dialog')).toHaveCount(0);
  });
});

test('without WebGPU it says why and how to get it, and still replays', async ({ page }) => {
  const complaints = await openPage(page, { withoutWebGpu: true });
  await expect(page.getByText('This browser has no WebGPU')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Train' })).toBeDisabled();
  const before = await cells(page);
  await expect.poll(() => cells(page)).not.toEqual(before);
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThanOrEqual(900);
  expect(complaints).toEqual([]);
});

test('the matrix and the charts have words for those who do not see them', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openPage(page);
  const table = page.getByRole('table', { name: 'What each chunk reads most' });
  await expect(table.getByRole('row')).toHaveCount(9);
  await expect(table.getByRole('row').nth(1)).toContainText('yes');
  await page.getByRole('radio', { name: 'Similarity S' }).check({ force: true });
  const similar = page.getByRole('table', { name: 'What each chunk is most similar to, held-out batch, step 500' });
  await expect(similar.getByRole('columnheader', { name: 'S', exact: true })).toHaveCount(1);
  await expect(page.getByRole('img', { name: /held-out 0\.99, chance 0\.14, TF-IDF 0\.94/ })).toHaveCount(1);
});

test.describe('layout', () => {
  const charts = { name: 'What is happening' };

  for (const [width, height] of [
    [1920, 1080],
    [1440, 900],
  ] as const) {
    test(`fits ${width} × ${height} without scrolling`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await openPage(page);
      const size = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.scrollHeight,
      ]);
      expect(size).toEqual([width, height]);
      const hidden = await page
        .locator('.charts, .matrix-panel')
        .evaluateAll((all) => all.filter((one) => one.scrollHeight > one.clientHeight + 1).length);
      expect(hidden).toBe(0);
    });
  }

  test('leaves words out of the key before they run over the time line', async ({ page }) => {
    await openPage(page);
    for (let height = 1000; height >= 720; height -= 10) {
      await page.setViewportSize({ width: 1440, height });
      const over = await page.evaluate(() => {
        const bottom = (one: Element | null): number => one?.getBoundingClientRect().bottom ?? NaN;
        const parts = [...document.querySelectorAll('.key > *')].filter((one) => one.getClientRects().length > 0);
        return Math.max(...parts.map(bottom)) - bottom(document.querySelector('.figure'));
      });
      expect(over, `at ${height}`).toBeLessThanOrEqual(0.5);
    }
  });

  test('puts the charts under the matrix at 1024', async ({ page }) => {
    await page.setViewportSize({ width: 1024, height: 768 });
    await openPage(page);
    const matrix = await page.getByRole('application').boundingBox();
    const below = await page.getByRole('region', charts).boundingBox();
    expect(below?.y).toBeGreaterThan((matrix?.y ?? 0) + (matrix?.height ?? 0));
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1024);
  });

  test('is one column at 390, matrix first, controls at the bottom, text in a sheet', async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await openPage(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    const matrix = await page.getByRole('application').boundingBox();
    const below = await page.getByRole('region', charts).boundingBox();
    const train = await page.getByRole('button', { name: 'Train' }).boundingBox();
    expect(matrix?.width).toBeGreaterThan(350);
    expect(below?.y).toBeGreaterThan((matrix?.y ?? 0) + (matrix?.height ?? 0));
    expect((train?.y ?? 0) + (train?.height ?? 0)).toBeGreaterThan(830);
    expect(train?.height).toBeGreaterThanOrEqual(44);
    await page.getByRole('button', { name: 'Text' }).click();
    await expect(page.getByRole('dialog').getByRole('tab', { name: 'Facts' })).toBeVisible();
  });

  test('has controls large enough to hit', async ({ page }) => {
    for (const [width, least] of [
      [1440, 32],
      [390, 44],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await openPage(page);
      const heights = await page
        .locator('.button:visible, select:visible, [role=tab]:visible')
        .evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height));
      expect(Math.min(...heights)).toBeGreaterThanOrEqual(least);
    }
  });
});

test.describe('theme', () => {
  test('follows the system until one is chosen, and remembers', async ({ page }) => {
    const paper = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: 'dark' });
    await openPage(page);
    const dark = await paper();
    await page.getByRole('button', { name: 'Theme: system' }).click();
    const light = await paper();
    expect(light).not.toBe(dark);
    await page.reload();
    expect(await paper()).toBe(light);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1440, 1024, 390]) {
      test(`is free of accessibility faults: ${colorScheme}, ${width}`, async ({ page }) => {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width, height: 844 });
        await openPage(page);
        await expect(page.getByRole('status')).toContainText('Chunk');
        expect(await violations(page)).toEqual([]);
        await page.getByRole('button', { name: 'Settings' }).click();
        await page.getByRole('textbox', { name: 'Learning rate' }).fill('many');
        expect(await violations(page)).toEqual([]);
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Help' }).click();
        expect(await violations(page)).toEqual([]);
      });
    }
  }
});

test('hovering a row shows its text, each token coloured by what reading gained it', async ({ page }) => {
  await openPage(page);
  await trainTo(page, 40);
  await pause(page);
  const pair = page.getByRole('region', { name: /two chunks of the selected cell/ });
  const titles: string[] = [];
  for (const row of [2, 5]) {
    const cell = page.locator('rect.cell').nth(8 * row + 7);
    // Its number, once it is drawn, lies over the middle.
    await cell.hover({ position: { x: 8, y: 8 } });
    await expect(pair.getByRole('heading', { name: new RegExp(`^Chunk ${row + 1} `) })).toBeVisible();
    const tokens = pair.locator('article').first().locator('[title*="gain"]');
    titles.push((await tokens.evaluateAll((all) => all.map((one) => one.getAttribute('title')))).join());
    const seen = await tokens.evaluateAll((all) =>
      all.map((one) => ({
        gain: Number(/gain (\S+) nats/.exec((one.getAttribute('title') ?? '').replace('−', '-'))?.[1]),
        tint: parseFloat((one as HTMLElement).style.getPropertyValue('--tint')),
      })),
    );
    seen.sort((one, other) => one.gain - other.gain);
    expect(seen.at(-1)?.gain).toBeGreaterThan(0);
    expect(seen.at(-1)?.tint, 'what gained most is darkest').toBe(Math.max(...seen.map(({ tint }) => tint)));
    expect(seen.at(-1)?.tint).toBeGreaterThan(seen[0]?.tint ?? NaN);
  }
  expect(titles[0]).not.toBe(titles[1]);
});
