import { expect, test, type Page } from '@playwright/test';
import type { LabError } from '../../src/lab/door/labError.ts';
import { StorageFullError } from '../../src/files/store/fileStore.ts';
import { openPage, pause, say, trainTo, violations } from './support/openPage.ts';
import { unreachable } from './support/reach.ts';
import { savedRun } from './support/scriptedModels.ts';

// What a reader sees of a fault under their run: true words, whole, and one thing to press.

const SIZES = [
  [1440, 900],
  [390, 844],
] as const;
const LOST: LabError = {
  kind: 'deviceLost',
  message: 'The GPU was lost: A valid external Instance reference no longer exists.',
  action: 'Your text and settings are kept. Press Reset to start on a fresh device; a smaller batch needs less memory.',
};
const { kind, message, action } = new StorageFullError('The saved run', 2e6, 1.2e6, 'Delete stored models or runs.');
const FULL: LabError = { kind, message, action };

const saved = (page: Page): Promise<void> =>
  say(page, { type: 'saved', run: savedRun({ id: 'run-1', name: 'Small models on Facts', step: 3 }) });
const lose = (page: Page, error: LabError): Promise<void> => say(page, { type: 'lost', error });

interface Fault {
  readonly happens: (page: Page) => Promise<void>;
  readonly words: RegExp;
  /** What there is to press beside the words. */
  readonly button?: string;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'the GPU is lost': {
    happens: async (page) => {
      await saved(page);
      await lose(page, LOST);
    },
    words: /The GPU was lost: .*Saved .* step 3\./s,
    button: 'Go on with it',
  },
  'the GPU is lost before anything was saved': {
    happens: (page) => lose(page, LOST),
    words: /The GPU was lost: .* Press Reset/s,
  },
  'the worker is silent': {
    happens: (page) => say(page, { type: 'silent', isSilent: true }),
    words: /has not answered for half a minute/,
    button: 'End it',
  },
  'a silent worker was ended': {
    happens: async (page) => {
      await saved(page);
      await say(page, { type: 'silent', isSilent: true });
      await page.getByRole('button', { name: 'End it' }).click();
    },
    words: /had stopped answering, and was ended\..*Saved .* step 3\./s,
    button: 'Go on with it',
  },
  'a run cannot be saved': {
    happens: (page) => say(page, { type: 'notSaved', error: FULL }),
    words: /The run goes on, but could not be saved\. The saved run/,
    button: 'Open Take home',
  },
};

for (const [what, { happens, words, button }] of Object.entries(FAULTS))
  for (const [width, height] of SIZES)
    for (const colorScheme of ['light', 'dark'] as const)
      test(`${what}, ${width} pixels, ${colorScheme}`, async ({ page }) => {
        await page.setViewportSize({ width, height });
        await page.emulateMedia({ colorScheme });
        await openPage(page);
        await trainTo(page, 4);
        await pause(page);
        await happens(page);
        const alert = page.getByRole('alert');
        await expect(alert).toHaveCount(1);
        await expect(alert).toHaveText(words);
        const hidden = await alert.evaluate((box) => [
          box.scrollHeight - box.clientHeight,
          box.scrollWidth - box.clientWidth,
        ]);
        expect.soft(hidden, 'nothing of it is cut off').toEqual([0, 0]);
        const shown = page.getByRole('button', { name: /^(Go on with it|End it|Open Take home)$/ });
        await expect.soft(shown).toHaveText(button === undefined ? [] : [button]);
        expect.soft(await unreachable(page)).toEqual([]);
        expect.soft(await violations(page)).toEqual([]);
      });
