import { expect, test, type Page } from '@playwright/test';
import { OFFERS } from '../../../src/ui/panels/models/offers.ts';
import { startFakeHub, type FakeHub } from '../../harness/fakeHub.ts';
import { pause, stepOf } from '../support/openPage.ts';
import { budget } from '../support/pace.ts';
import { openRealPage, ownText, set } from '../support/realPage.ts';

// From a pasted text to a search by what was trained on it, with nothing replaced but the hub, which gives a tiny checkpoint under the
// name of the lightest one that is offered.
test.use({ viewport: { width: 1440, height: 900 } });
test.setTimeout(budget(900_000));
const WITH_COMPILING = { timeout: budget(500_000) };

const TEXT = `Bees live in large colonies. A worker that has found a meadow dances on the comb.

Honey begins as nectar. The bees fan it with their wings until it is thick.

A glacier is a river of ice. It moves a few metres in a year.

Deep gaps open where the ice bends. Fresh snow hides them from climbers.

The violin maker takes spruce and maple. The wood dries for many years.

Strings used to be made of gut. Steel is louder and holds its pitch.

Bread needs flour and water and time. In a hot oven the dough rises again.

A starter is fed every day. It is ready when it smells of apples.

The lighthouse stands on a rock. Its lamp turns once in ten seconds.

In fog a horn sounds from the tower. Ships count the seconds in between.`;

let hub: FakeHub;
const [{ id, name }] = OFFERS;
test.beforeAll(async () => {
  const [owner = '', repository = '', file = ''] = id.split('/');
  hub = await startFakeHub({
    [`${owner}/${repository}`]: { files: { [file]: { path: 'tests/parity/gguf/llama.gguf' } } },
  });
});
test.afterAll(() => hub.close());

const expectation = (page: Page) => page.getByRole('region', { name: 'What to expect' });

test('ten pasted paragraphs become a retriever on a checkpoint that one press has loaded', async ({ page }) => {
  await page.addInitScript((url) => localStorage.setItem('revela.hub', JSON.stringify(url)), hub.url);
  const misdeeds = await openRealPage(page);
  await page.getByRole('tab', { name: 'Your text' }).click();
  await ownText(page).fill(TEXT);

  await test.step('the text is seen as it will be read, and the word on it is honest', async () => {
    const documents = page.getByRole('list', { name: 'Documents' }).getByRole('listitem');
    await expect(documents).toHaveCount(10);
    await expect(documents.first()).toContainText('Bees live in large colonies.');
    await expect(documents.first()).toContainText('2 chunks');
    await expect(expectation(page)).toContainText('10 documents, 20 chunks; each has a partner.');
    await expect(expectation(page)).toContainText('Small models learn nothing from prose');
    expect(hub.requests, 'nothing is fetched before it is asked for').toHaveLength(0);
  });

  await test.step('one press loads the checkpoint and takes it', async () => {
    await expectation(page)
      .getByRole('button', { name: new RegExp(`^Load ${name}`) })
      .click();
    await expect(expectation(page)).toContainText('Press Train.', WITH_COMPILING);
    await expect(page.getByRole('combobox', { name: 'Preset' })).toHaveValue('gentle');
    await expect(page.getByRole('list', { name: 'Documents' }).getByRole('listitem')).toHaveCount(10);
    // The checkpoint has one layer: nothing is below its last.
    await set(page, {
      'Retriever depth': 0,
      'LoRA rank': 4,
      'Held-out batches': 1,
      'Evaluate every': 1000,
      'Save every': 0,
    });
  });

  await test.step('a few steps are trained, and the text is searched', async () => {
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await expect.poll(() => stepOf(page), WITH_COMPILING).toBeGreaterThanOrEqual(3);
    await pause(page);
    await page.getByRole('navigation', { name: 'Panels' }).getByRole('button', { name: 'Search', exact: true }).click();
    await page.getByRole('searchbox', { name: 'Search the text' }).fill('How do bees make honey?');
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { name: /before/i })).toBeVisible(WITH_COMPILING);
    await expect(
      page
        .locator('#panel')
        .getByText(/Honey begins as nectar/)
        .first(),
    ).toBeVisible();
  });
  expect(misdeeds.errors).toEqual([]);
  expect(misdeeds.requests.filter((url) => new URL(url).hostname !== '127.0.0.1')).toEqual([]);
});
